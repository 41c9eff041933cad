"""Starting the embedded stack before a person's eyes: jars with a bar, each part with its seconds."""

import time
from collections.abc import Sequence

from backend.settings import Settings
from cli.output import Output
from stack import jars, plan
from stack.stack import Report, Stack
from stack.state import PartState, Phase

_VERB = {Phase.UP: "is up", Phase.DONE: "ready"}


def fetch_jars(output: Output, parts: Sequence[str]) -> None:
    """Bring the jars of these parts into the cache, with a progress bar where any are missing."""
    todo = jars.missing(parts)
    if not todo:
        return
    total = sum(jar.bytes for jar in todo)
    started = time.monotonic()
    output.say(f"… fetching {len(todo)} Java archives into {jars.cache_folder()}")
    with output.bar("Java archives", total, unit="bytes") as progress:
        task = progress.task_ids[0]
        jars.fetch(todo, advance=lambda count: progress.advance(task, count))
    output.done("Java archives are here", time.monotonic() - started)


def reporter(output: Output) -> Report:
    """Tells each part's progress as step lines."""

    def report(part: PartState) -> None:
        if part.phase in _VERB:
            output.done(f"{part.title} {_VERB[part.phase]}", part.seconds)
        elif part.phase is Phase.RESTARTING:
            output.warn(f"{part.title} ended and is started again; its log: {part.log}")

    return report


def visible_stack(
    settings: Settings, output: Output, *, parts: Sequence[str] = plan.ALL, detached: bool = False
) -> Stack:
    """A Stack whose jars are fetched and whose start is told step by step. Enter it, or call start()."""
    fetch_jars(output, plan.local_parts(plan.configured(settings), parts))
    return Stack(settings, parts, reporter(output), detached=detached)
