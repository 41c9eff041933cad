"""Publishes model versions in processes that are killed at one point of it after another.

    python -m tests.faults.publishing HOME FIRST STEP KILLS

A point is a file or folder below HOME that is opened, made, renamed or taken away. A line of JSON for each kill: which
event it was, and the versions that were pointed to before and after. Then the same version is published to its end.
"""

import json
import os
import signal
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from backend import wiring
from backend.settings import Settings
from tests.unit.test_publish import NOW, facts, ranking, vectors
from training.publishing import publish

POINTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.link"}


def published(settings: Settings, nth: int) -> str:
    """Write, publish and point to version number `nth`."""
    held, models = vectors(), wiring.models(settings)
    with tempfile.TemporaryDirectory() as folder:
        created = NOW + timedelta(minutes=nth)
        version = publish.write_version(Path(folder), held, ranking(held), facts(created_at=created))
        publish.publish(Path(folder), version, held, index=wiring.vector_index(settings), models=models)
    models.point(version)
    return version


class Killer:
    """An audit hook that kills this process at its event number `at` below `home`, having written down which it was."""

    def __init__(self, home: Path, at: int, note: int) -> None:
        self._home, self._left, self._note = str(home), at, note

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """See `sys.addaudithook`."""
        if event in POINTS and str(arguments[0]).startswith(self._home):
            self._left -= 1
            if self._left < 0:
                os.write(self._note, f"{event} {Path(str(arguments[0])).name}".encode())
                os.kill(os.getpid(), signal.SIGKILL)


def killed(settings: Settings, nth: int, at: int) -> str | None:
    """Publish version `nth` in a process of its own that is killed at point `at`; what it was, None past the last."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        sys.addaudithook(Killer(settings.home, at, writing))
        published(settings, nth)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        event = told.read().decode()
    _, status = os.waitpid(child, 0)
    assert event or status == 0, f"publishing failed: {status}"
    return event or None


def main() -> None:
    """See the module's docstring."""
    home, first, step, kills = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    settings = Settings(home=home)
    models = wiring.models(settings)
    published(settings, 0)
    at = first
    for nth in range(1, kills + 1):
        before = models.current()
        event = killed(settings, nth, at)
        if event is None:
            at = first
            continue
        after = models.current()
        # What readers get of it is checked; then nothing that the kill left behind stands in the way.
        models.load(str(after))
        line = {"point": at, "event": event, "before": before, "after": after, "then": published(settings, nth)}
        print(json.dumps(line), flush=True)  # noqa: T201 - what this process is for
        at += step


if __name__ == "__main__":
    main()
