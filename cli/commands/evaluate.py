"""Judge models on any table of who met what: full ranking, every metric with its interval."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.output import Output


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
    from bench import report
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
    evaluation = run(request, output)
    report.tell_bad_rows(output, evaluation.bad_rows)
    report.tell_evaluation(output, evaluation.models, k)
    output.result(evaluation)
