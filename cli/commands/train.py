"""Learn from the play archive and publish a model version."""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from backend.settings import Settings
from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from training.train import TrainingReport

log = logging.getLogger(__name__)


def command(
    seed: Annotated[
        int, typer.Option(min=0, help="Same seed, same data and --threads 1: the same model to the byte.")
    ] = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the ALS engine (default: every core of the machine).")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(help="Train now and at every multiple of this time of day (UTC): 30m, 1h, 1d. Ends on SIGTERM."),
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Learn from the play archive, publish a model version and point to it.

    Reads every finished archive file, leaves out rows without training rights, accounts that play as no person does and
    what is beyond the caps, learns factors (implicit ALS, settings from `segue tune` where it was run), embeds the
    catalogue's texts, finds clusters of tracks, judges the model on the latest plays, and publishes. A version whose
    guarded metrics fall below the current version's on the same plays is published but not pointed to; `segue models
    promote` overrules that.
    """
    output, settings = Output(as_json=json), options.settings(home)
    if every is None:
        _train(output, settings, seed, threads)
        return
    from cli.repeat import ending, interval, repeat

    seconds = interval(every)
    with ending() as end, suppress(SystemExit):  # SIGTERM is the way to end this
        repeat(
            lambda: _train(output, settings, seed, threads),
            seconds=seconds,
            failed=lambda error: _failed(output, error),
            end=end,
        )
    output.say("ended, as asked")


def _train(output: Output, settings: Settings, seed: int, threads: int | None) -> None:
    from training.train import train

    report = train(settings, now=datetime.now(UTC), seed=seed, threads=threads, report=output.say)
    _tell(output, report)
    output.result(report)


def _failed(output: Output, error: Exception) -> None:
    """Tell, and keep the traceback of what nobody raised on purpose."""
    from cli.main import explain

    explained = explain(error)
    if explained is None:
        log.error("a training failed; the next one comes at its time", exc_info=error)
    output.error(explained[0] if explained else f"{type(error).__name__}: {error}", kind=type(error).__name__)


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
    output.say(
        f"settings: {report.settings_from}; topics: {report.clusters or 'none'}, "
        f"{report.topics - report.clusters} within them"
    )
    if report.drift and report.drift.shifted:
        output.warn(
            f"shifted since {report.drift.version}: {', '.join(report.drift.shifted)}; see `segue models drift`"
        )
    for warning in report.warnings:
        output.warn(warning)
    for step, seconds in report.seconds.items():
        output.done(step, seconds)
    if report.promoted:
        output.say(f"{report.version} is current: the server answers with it within seconds")
    else:
        output.warn(f"not promoted: {report.reason}; `segue models promote {report.version}` uses it nevertheless")
