"""Measure what Segue reaches beside what others do, on this machine in one run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.domain.errors import InvalidInput, Violation
from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from training.judging.compare import Judged

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

HETREC = Path("../shared/data/lastfm-hetrec2011")
FILES = ("user_artists.dat", "user_taggedartists.dat", "user_friends.dat")


@app.callback()
def bench() -> None:
    """Measure what Segue reaches beside what others do, on this machine in one run."""


@app.command()
def quality(
    seeds: Annotated[int, typer.Option(min=1, help="Splits, with seeds 0, 1, … A split takes some minutes.")] = 5,
    data: Annotated[Path, typer.Option(help="The folder of HetRec 2011 Last.fm.")] = HETREC,
    json: options.Json = False,
) -> None:
    """Recommendation quality on HetRec Last.fm: the blends, every reference, NDCG@20 over all artists.

    80/20 per listener, and a fifth of the tagged artists taken out of training and ranked among themselves. A ratio is
    ours over the reference, its spread the standard deviation over the seeds.
    """
    from bench.pairs import numbered, read_pairs, read_values
    from bench.quality import quality as measure
    from bench.quality import steps
    from training.data.dataset import interactions
    from training.data.side import SideInformation, friends_of, tagging_of

    output = Output(as_json=json)
    missing = [name for name in FILES if not (data / name).is_file()]
    if missing:
        raise InvalidInput(
            [Violation("data", f"{data} has no {name}; give the folder with --data") for name in missing]
        )
    artists, taggings, friendships = (data / name for name in FILES)
    plays = numbered(read_pairs(artists).pairs)[0]
    side = SideInformation(
        tagging=tagging_of(read_values(taggings, ("listener", "item", "tag"))[0], plays.listener_ids, plays.track_ids),
        friends=friends_of(read_values(friendships, ("listener", "friend"))[0], plays.listener_ids),
    )
    with output.bar("judging models", steps(seeds)) as progress:
        measured = measure(
            interactions(plays),
            side,
            seeds=range(seeds),
            advance=lambda: progress.advance(progress.task_ids[0]),
        )
    _tell(output, "80/20 per listener, all artists ranked", measured.models)
    _tell(output, "a fifth of the tagged artists new, ranked among themselves", measured.cold_models)
    output.table(
        "Ratios",
        ("name", "ours", "reference", "which", "ratio", "spread"),
        [
            (r.name, f"{r.ours:.4f}", f"{r.reference:.4f}", r.reference_name, f"{r.ratio:.3f}", f"{r.spread:.3f}")
            for r in measured.rows
        ],
    )
    output.result(measured)


@app.command()
def streaming(
    *,
    plays: Annotated[int, typer.Option(min=1000, help="Records of the synthetic topic `plays`.")] = 500_000,
    repeats: Annotated[int, typer.Option(min=1, help="Counted rounds; one more goes before them.")] = 5,
    sink_rows: Annotated[int, typer.Option(min=1000, help="Result rows that the sink carries in each round.")] = 50_000,
    fresh_plays: Annotated[int, typer.Option(min=1, max=900, help="Plays whose way to the dashboard is timed.")] = 60,
    heap: Annotated[int, typer.Option(min=256, help="Megabytes of heap of Flink's tasks, for both sides.")] = 1536,
    row: Annotated[list[str] | None, typer.Option(help="Measure only this row (again for more than one).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic service.")] = 0,
    explain_vertices: Annotated[bool, typer.Option(help="Say where each job's time goes, vertex by vertex.")] = False,
    json: options.Json = False,
) -> None:
    """What the live tables cost beside bare parsing, the sink beside raw upserts, and how old a play is when seen.

    Starts a stack of its own in a temporary folder. Reference and ours run in turns on it; a row shows the pair with
    the median ratio, and as its spread the highest minus the lowest ratio. The plays are synthetic.
    """
    from bench import report
    from bench.streaming import ROWS, Plan, measure
    from cli import reach

    output = Output(as_json=json)
    plan = Plan(
        rows=tuple(row or ROWS),
        plays=plays,
        repeats=repeats,
        sink_rows=sink_rows,
        fresh_plays=fresh_plays,
        heap_megabytes=heap,
        seed=seed,
    )
    with reach.failures_as_segue_errors():
        measured = measure(plan, output)
    report.tell(output, measured, vertices=explain_vertices)
    output.result(measured)


@app.command()
def training(
    *,
    pairs: Annotated[int, typer.Option(min=100_000, help="Listener-track pairs of the synthetic set.")] = 4_000_000,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, each on a split of its own.")] = 5,
    spark_repeats: Annotated[int, typer.Option(min=0, help="Rounds that include Spark; 0: without Spark.")] = 5,
    native_blas: Annotated[
        Path | None,
        typer.Option(help="Folder with libblas.so.3 and liblapack.so.3: measures Spark with them as well."),
    ] = None,
    json: options.Json = False,
) -> None:
    """How fast the local engine learns beside Spark and implicit at equal NDCG, warm beside cold, and how it grows.

    Every fit runs in a process of its own on two cores, the engines in turns, with the fewest sweeps that reach 99.5 %
    of the NDCG@20 that both sides of a row can reach. A row shows the pair with the median ratio, and as its spread the
    highest minus the lowest ratio. Run it on a machine that does nothing else.
    """
    from bench.training import Plan, measure, medians

    output = Output(as_json=json)
    plan = Plan(pairs=pairs, repeats=repeats, spark_repeats=min(spark_repeats, repeats), native_blas=native_blas)
    measured = measure(plan, output.say)
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
    output.table(
        "Ratios",
        ("name", "ours", "reference", "unit", "ratio", "spread"),
        [
            (r.name, f"{r.ours:,.3f}", f"{r.reference:,.3f}", r.unit, f"{r.ratio:.3f}", f"{r.spread:.3f}")
            for r in measured.rows
        ],
    )
    output.result(measured)


def _tell(output: Output, title: str, models: Sequence["Judged"]) -> None:
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
