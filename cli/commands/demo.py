"""Run the main job end to end on this machine, on real parts."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli import options


def command(
    leave: Annotated[bool, typer.Option("--exit", help="Leave when the story is told instead of staying up.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder that holds lastfm-1k-sample and lastfm-hetrec2011: tell the story with them."),
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Start the embedded stack, load plays, fill the live tables, train, answer, and open the dashboard.

    A real Kafka broker, a real Flink cluster and a MongoDB-protocol store run on loopback until Ctrl-C. What they hold
    stays in the home folder (.segue), so that a second run starts where the first ended.
    """
    from cli import reach
    from cli.bring_up import visible_stack
    from cli.demo import material as materials
    from cli.demo.story import Story, play_on
    from cli.output import Output

    output = Output(as_json=json)
    began = time.monotonic()
    now = datetime.now(UTC)
    settings = options.settings(home or (Path(".segue-data") if data else None))
    stack = visible_stack(settings, output)
    output.say("Starting the embedded stack: broker, stream processor, store, server, dashboard")
    started = time.monotonic()
    with stack, reach.failures_as_segue_errors():
        settings = stack.settings
        stack_seconds = round(time.monotonic() - started, 1)
        output.done("the stack is up", stack_seconds)
        with reach.channel(settings) as channel:
            material = materials.from_data(data, now) if data else materials.simulated(now)
            story = Story(settings, channel, output)
            story.seconds["stack"] = stack_seconds
            plays = story.load(material, now)
            story.archive(plays)
            version = story.train(now)  # beside the tables, which settle meanwhile
            story.tables(plays)
            story.answers(material, version)
            story.show_tables(material)
            story.extract(settings.home / "segue.hyper", now)
            story.seconds["total"] = round(time.monotonic() - began, 1)
            output.say(
                f"\nNext: the dashboard is at http://{settings.dashboard_address}, the extract opens in Tableau "
                f"({settings.home / 'segue.hyper'}).\n"
                f"Ask from another terminal: .venv/bin/segue recommend {material.listeners[0]}"
            )
            if not leave:
                output.say("Simulated listeners play on; Ctrl-C stops everything.")
            output.say(_timing(story.seconds))
            output.result({"seconds": story.seconds, "results": story.results})
            if not leave:
                play_on(channel, material)


def _timing(seconds: dict[str, float]) -> str:
    """The last line: how long each part took."""
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items() if name != "total")
    return f"Done in {seconds['total']:.1f} s: {parts}."
