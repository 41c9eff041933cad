"""Judge models on any table of who met what: full ranking, every metric with its interval."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from importers.rows import BadRow
    from training.evaluation.metrics import Estimate
    from training.judging.compare import Judged

BAD_ROWS_SHOWN = 10


class SplitKind(StrEnum):
    """How `--interactions` is parted."""

    RANDOM = "random"
    TIME = "time"
    LEAVE_LAST = "leave-last"
    COLD_ITEMS = "cold-items"


File = typer.Option(exists=True, dir_okay=False, help="Table with a header: listener, item[, count][, time].")


def command(
    *,
    train: Annotated[Path | None, File] = None,
    test: Annotated[Path | None, File] = None,
    valid: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Held out to learn the blend's weights (default: a fifth by lot)."
        ),
    ] = None,
    interactions: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="One table, parted by --split instead.")
    ] = None,
    split: Annotated[SplitKind, typer.Option(help="How --interactions is parted.")] = SplitKind.RANDOM,
    seeds: Annotated[int, typer.Option(min=1, help="Rounds of --split, with seeds 0, 1, …")] = 1,
    model: Annotated[list[str] | None, typer.Option(help="Models to judge beside the most popular list.")] = None,
    tags: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Table with a header: listener, item, tag.")
    ] = None,
    friends: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Table with a header: listener, friend.")
    ] = None,
    k: Annotated[int, typer.Option(min=1, help="Length of the lists.")] = 20,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the ALS engine.")] = 1,
    json: options.Json = False,
) -> None:
    """Judge models by what listeners met next, ranking every item for each of them.

    Give --train and --test (and --valid), or --interactions and --split. Files are separated by tabs or commas; the
    most popular list is always judged too. A tag that a listener put on a held-out item is left out. Rows that cannot
    be read are named by line and left out. Models learn from --train and --valid together, once the blend's weights are
    learned from --valid alone.
    """
    from bench.evaluation import Request, run

    output = Output(as_json=json)
    request = Request(
        train=train,
        test=test,
        valid=valid,
        interactions=interactions,
        split=split.value,
        seeds=seeds,
        models=tuple(model or ()),
        tags=tags,
        friends=friends,
        k=k,
        threads=threads,
    )
    report = run(request, output)
    _tell_bad_rows(output, report.bad_rows)
    _tell(output, report.models, k)
    output.result(report)


def _tell_bad_rows(output: Output, rows: Sequence["BadRow"]) -> None:
    for row in rows[:BAD_ROWS_SHOWN]:
        output.warn(f"{row.file} line {row.line}: {f'{row.field} {row.reason}'.strip()}; left out")
    if len(rows) > BAD_ROWS_SHOWN:
        output.warn(f"{len(rows) - BAD_ROWS_SHOWN} more rows were left out; --json lists them all")


def _tell(output: Output, models: Sequence["Judged"], k: int) -> None:
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


def _shown(estimate: "Estimate") -> str:
    return f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
