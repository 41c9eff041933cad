"""Search the engine's settings on validation plays; `segue train` then uses the best."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from training.tune import Tuning


def command(
    *,
    trials: Annotated[int, typer.Option(min=1, help="Trials to make in this run.")] = 30,
    timeout: Annotated[
        float | None, typer.Option(min=1, help="Begin no trial after so many seconds (default: no limit).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the search and of each training.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the engine (default: every core).")] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget the earlier trials and begin with today's plays.")
    ] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Search the engine's settings on validation plays; `segue train` then uses the best.

    The plays that versions are judged by are never looked at. The study stands beside the published versions, in
    tuning/; an interrupted search goes on where it was, on the plays that the study began with. The best settings so
    far are in tuning/best.json: remove the file to train with the defaults again.
    """
    from training import wiring
    from training.material import with_labels
    from training.tune import tune

    output, settings = Output(as_json=json), options.settings(home)
    with output.step("reading the play archive", "the play archive is read"):
        material = wiring.material(settings)
    with output.bar("trials", total=trials) as progress, wiring.trainer(settings, threads=threads) as trainer:
        found = tune(
            settings,
            material.plays,
            with_labels(trainer, material.catalogue, weight=settings.training_label_weight),
            trials=trials,
            timeout_seconds=timeout,
            seed=seed,
            restart=restart,
            each=lambda _: progress.advance(progress.task_ids[0]),
        )
    _tell(output, found)
    output.result(found)


def _tell(output: Output, found: "Tuning") -> None:
    output.say(
        f"best of {found.trials} trials, {found.made} of them new: {found.metric} {found.best.value:.4f}, "
        f"with the defaults {found.default_value:.4f}"
    )
    output.table(
        "Best settings",
        ("setting", "value"),
        [(name, f"{value:.4g}") for name, value in asdict(found.best.settings).items()],
    )
    output.say(f"validated by {found.listeners:,} listeners, on plays up to {found.until}")
    output.say(f"`segue train` uses {found.best_file} from now on; the study is {found.study}")
