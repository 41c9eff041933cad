"""Learn from the play archive and publish a model version."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from training.train import TrainingReport


def command(
    seed: Annotated[int, typer.Option(help="Same seed, same data and --threads 1: the same model to the byte.")] = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the ALS engine (default: every core of the machine).")
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Learn from the play archive, publish a model version and point to it.

    Reads every finished archive file, leaves out rows without training rights, learns factors (implicit ALS), embeds
    the catalogue's texts, judges the model on the latest plays, and publishes. A version whose guarded metrics fall
    below the current version's is published but not pointed to; `segue models promote` overrules that.
    """
    from training.train import train

    output, settings = Output(as_json=json), options.settings(home)
    report = train(settings, now=datetime.now(UTC), seed=seed, threads=threads, report=output.say)
    _tell(output, report)
    output.result(report)


def _tell(output: Output, report: "TrainingReport") -> None:
    data = report.data
    output.table(
        f"Model {report.version}, judged on the latest plays",
        ("metric", "model", "95 % interval", "most popular"),
        [
            (
                name,
                f"{estimate.value:.4f}",
                f"{estimate.low:.4f} to {estimate.high:.4f}",
                f"{report.baseline[name].value:.4f}",
            )
            for name, estimate in report.metrics.items()
        ],
    )
    left_out = ", ".join(f"{count:,} by {reason}" for reason, count in data.excluded.items() if count)
    output.say(
        f"learned from {data.plays:,} plays of {data.listeners:,} listeners and {data.tracks:,} tracks; "
        f"left out: {left_out or 'nothing'}"
    )
    for step, seconds in report.seconds.items():
        output.done(step, seconds)
    if report.promoted:
        output.say(f"{report.version} is current: the server answers with it within seconds")
    else:
        output.warn(f"not promoted: {report.reason}; `segue models promote {report.version}` uses it nevertheless")
