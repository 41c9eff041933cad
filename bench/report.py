"""What `segue bench` and `segue evaluate` show to people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cli.output import Output

if TYPE_CHECKING:
    import bench.answering as servings
    import bench.catalogue as catalogues
    import bench.embedding as embeddings
    import bench.memory as memories
    import bench.overload as overloads
    import bench.quality as qualities
    import bench.retrieval as retrievals
    import bench.similar as similars
    import bench.training as trainings
    from bench.rows import Row
    from bench.streaming import Measured
    from importers.rows import BadRow
    from training.evaluation.metrics import Estimate
    from training.judging.compare import Judged

NAME_LENGTH = 90
BAD_ROWS_SHOWN = 10


def tell_streaming(output: Output, measured: "Measured", *, vertices: bool) -> None:
    """What was measured with, the rows, each job's seconds, and with `vertices` where they went."""
    _tell_settings(output, measured.settings)
    output.table(
        "Ours beside the reference",
        ("name", "ours", "reference", "ratio", "spread", "unit"),
        [
            (row.name, f"{row.ours:,.1f}", f"{row.reference:,.1f}", f"{row.ratio:.3f}", f"{row.spread:.3f}", row.unit)
            for row in measured.rows
        ],
    )
    if measured.seconds:
        output.table(
            "Seconds of each job, RUNNING to FINISHED, round by round",
            ("job", "seconds"),
            [(job, "  ".join(f"{one:.1f}" for one in rounds)) for job, rounds in measured.seconds.items()],
        )
    for job, found in measured.vertices.items() if vertices else ():
        output.table(
            f"Vertices of {job} in its last round, busiest first; milliseconds are sums over the subtasks",
            ("busy ms", "back-pressured ms", "idle ms", "records in", "records out", "subtasks", "vertex"),
            [
                (
                    round(one.busy_ms),
                    round(one.back_pressured_ms),
                    round(one.idle_ms),
                    one.records_in,
                    one.records_out,
                    one.parallelism,
                    one.name[:NAME_LENGTH],
                )
                for one in sorted(found, key=lambda one: one.busy_ms, reverse=True)
            ],
        )


def tell_import(output: Output, measured: "catalogues.Measured") -> None:
    """What was measured with, the rows, and every round's seconds."""
    _tell_settings(output, measured.settings)
    _tell_rows(output, measured.rows)
    rounds = zip(measured.seconds, measured.reference_seconds, strict=True)
    output.table("Seconds, round by round", ("import", "reference"), [(ours, other) for ours, other in rounds])


def tell_similar(output: Output, measured: "similars.Measured") -> None:
    """The rows, and recall@20 of every list, service by service."""
    _tell_settings(output, measured.settings)
    _tell_rows(output, measured.rows, digits=4)
    seeds = list(measured.by_seed)
    output.table(
        "recall@20, service by service",
        ("list", *(f"seed {seed}" for seed in seeds)),
        [(name, *(f"{measured.by_seed[seed][name]:.4f}" for seed in seeds)) for name in measured.by_seed[seeds[0]]],
    )


def tell_quality(output: Output, measured: "qualities.Quality") -> None:
    """Every model of both protocols, and the rows."""
    _tell_models(output, "80/20 per listener, all artists ranked", measured.models)
    _tell_models(output, "a fifth of the tagged artists new, ranked among themselves", measured.cold_models)
    rows = (
        (one.name, f"{one.ours:.4f}", f"{one.reference:.4f}", one.reference_name, one.ratio, one.spread)
        for one in measured.rows
    )
    _tell_ratios(output, "which", rows)


def _tell_models(output: Output, title: str, models: Sequence["Judged"]) -> None:
    output.table(
        f"NDCG@20 with its 95 % interval: {title}",
        ("model", "NDCG@20", "interval", "recall@20", "coverage"),
        [
            (
                judged.model,
                f"{judged.metrics['ndcg@20'].value:.4f}",
                f"{judged.metrics['ndcg@20'].low:.4f} to {judged.metrics['ndcg@20'].high:.4f}",
                f"{judged.metrics['recall@20'].value:.4f}",
                f"{judged.coverage.value:.4f}",
            )
            for judged in models
        ],
    )


def _tell_ratios(output: Output, told: str, rows: Iterable[tuple[str, str, str, str, float, float]]) -> None:
    """Rows of name, ours, reference, what the column `told` says, ratio and spread."""
    output.table(
        "Ratios",
        ("name", "ours", "reference", told, "ratio", "spread"),
        [(*texts, f"{ratio:.3f}", f"{spread:.3f}") for *texts, ratio, spread in rows],
    )


def tell_training(output: Output, measured: "trainings.Measured") -> None:
    """The fits, the quality that both sides of a row reached, and the rows."""
    from bench.training import medians

    output.table(
        "Fits",
        ("engine", "pairs", "sweeps", "median seconds", "peak MB"),
        [
            (engine, f"{size:,}", str(sweeps), f"{seconds:.2f}", f"{peak / 1e6:,.0f}")
            for engine, size, sweeps, seconds, peak in medians(measured.fits)
        ],
    )
    output.table(
        "NDCG@20 of the two sides",
        ("row", "ours", "reference", "sweeps"),
        [
            (each.name, f"{each.ours:.4f}", f"{each.reference:.4f}", f"{each.our_sweeps} and {each.reference_sweeps}")
            for each in measured.equality
        ],
    )
    _tell_rows(output, measured.rows)


def tell_retrieval(output: Output, measured: "retrievals.Measured") -> None:
    """What was measured with, and the rows."""
    _tell_settings(output, {name: f"{value:,.1f}" for name, value in measured.settings.items()})
    _tell_rows(output, measured.rows)


def tell_embedding(output: Output, measured: "embeddings.Measured") -> None:
    """The rows, and what the export took."""
    _tell_rows(output, measured.rows)
    output.say(f"written in {measured.export_seconds:.1f} s, {measured.file_bytes / 1e6:.0f} MB")


def tell_overload(output: Output, measured: "overloads.Measured") -> None:
    """Every flood, and the rows."""
    output.table(
        "Floods",
        ("times", "capacity/s", "offered/s", "answered/s", "p99 s", "p99 at half", "recovery s", "how calls ended"),
        [
            (
                str(one.factor),
                f"{one.usual.capacity:.1f}",
                f"{one.offered:.1f}",
                f"{one.answered:.1f}",
                f"{one.p99_seconds:.3f}",
                f"{one.usual.p99_seconds:.3f}",
                f"{one.recovery_seconds:.1f}",
                ", ".join(f"{code} {count}" for code, count in sorted(one.codes.items())),
            )
            for one in measured.floods
        ],
    )
    _tell_rows(output, measured.rows)


def tell_serving(output: Output, measured: "servings.Measured") -> None:
    """What was measured with, what else was seen, and the rows."""
    _tell_settings(output, {**measured.settings, **{name: f"{value:,.1f}" for name, value in measured.told.items()}})
    _tell_rows(output, measured.rows)


def tell_memory(output: Output, measured: "memories.Measured") -> None:
    """Resident memory by calls, and the row."""
    output.table(
        "Resident memory of the server",
        ("calls", "MB"),
        [(f"{one.calls:,}", f"{one.megabytes:.1f}") for one in measured.samples],
    )
    _tell_rows(output, measured.rows)


def _tell_settings(output: Output, settings: Mapping[str, object]) -> None:
    output.table("Measured with", ("what", "value"), [(name, str(value)) for name, value in settings.items()])


def _tell_rows(output: Output, rows: Iterable["Row"], *, digits: int = 3) -> None:
    told = (
        (one.name, f"{one.ours:,.{digits}f}", f"{one.reference:,.{digits}f}", one.unit, one.ratio, one.spread)
        for one in rows
    )
    _tell_ratios(output, "unit", told)


def tell_evaluation(output: Output, models: Sequence["Judged"], k: int) -> None:
    """Every metric of every model, and NDCG by how active the listeners were."""
    output.table(
        f"Means over listeners with their 95 % intervals, lists of {k}",
        ("metric", *(judged.model for judged in models)),
        [
            *((name, *(_shown(judged.metrics[name]) for judged in models)) for name in models[0].metrics),
            ("coverage", *(_shown(judged.coverage) for judged in models)),
        ],
    )
    main = f"ndcg@{k}"
    output.table(
        f"{main} by activity: thirds of the judged listeners by their items in training",
        ("listeners", *(judged.model for judged in models)),
        [(part, *(_shown(judged.slices[part][main]) for judged in models)) for part in models[0].slices],
    )


def tell_bad_rows(output: Output, rows: Sequence["BadRow"]) -> None:
    """The first of the rows that were left out."""
    for row in rows[:BAD_ROWS_SHOWN]:
        output.warn(f"{row.file} line {row.line}: {f'{row.field} {row.reason}'.strip()}; left out")
    if len(rows) > BAD_ROWS_SHOWN:
        output.warn(f"{len(rows) - BAD_ROWS_SHOWN} more rows were left out; --json lists them all")


def _shown(estimate: "Estimate") -> str:
    return f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
