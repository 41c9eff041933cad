"""`segue train`: learn from the play archive and publish a model version."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.train import TrainingReport


def command(
    seed: Annotated[int, typer.Option(help="Same seed, same data and --threads 1: the same model to the byte.")] = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the ALS engine (default: every core of the machine).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Learn from the play archive, publish a model version and point to it.

    Reads every finished archive file, leaves out rows without training rights, learns factors (implicit ALS), embeds
    the catalogue's texts, judges the model on the latest plays, and publishes. A version whose guarded metrics fall
    below the current version's is published but not pointed to; `segue models promote` overrules that.
    """
    from rich.console import Console

    from backend.settings import Settings
    from training.train import train

    console = Console(stderr=True)
    with console.status("starting") as status:
        report = train(Settings(), now=datetime.now(UTC), seed=seed, threads=threads, report=status.update)
    if as_json:
        typer.echo(json.dumps(as_dict(report)))
    else:
        _print(report)


def as_dict(report: "TrainingReport") -> dict[str, object]:
    """The report as JSON holds it."""
    return asdict(report)


def _print(report: "TrainingReport") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    data = report.data
    console.print(
        f"version [bold]{report.version}[/bold] from {data.plays:,} plays of {data.listeners:,} listeners "
        f"and {data.tracks:,} tracks"
    )
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in data.excluded.items() if count)
    console.print(f"left out: {left_out or 'nothing'}")
    table = Table("metric", "model", "95 % interval", "most popular")
    for name, estimate in report.metrics.items():
        popular = report.baseline[name].value
        table.add_row(name, f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}", f"{popular:.4f}")
    console.print(table)
    console.print(", ".join(f"{step} {seconds:.1f} s" for step, seconds in report.seconds.items()))
    if report.promoted:
        console.print("promoted: the server answers with it within seconds")
    else:
        console.print(
            f"not promoted: {report.reason}. `segue models promote {report.version}` uses it nevertheless", style="red"
        )
