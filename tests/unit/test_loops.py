"""Loops that no error ends."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from backend import loops
from backend.domain.errors import Unavailable
from backend.loops import Loop


class Steps:
    """A step that does what a script says, then goes well; `done` is set when it was asked `enough` times."""

    def __init__(self, *script: Exception | None, enough: int) -> None:
        self._script: Iterator[Exception | None] = iter(script)
        self.calls: list[float] = []
        self.done = threading.Event()
        self._enough = enough

    def __call__(self) -> None:
        self.calls.append(time.monotonic())
        if len(self.calls) >= self._enough:
            self.done.set()
        error = next(self._script, None)
        if error is not None:
            raise error


@pytest.fixture
def running() -> Iterator[Callable[[Loop], threading.Event]]:
    """Starts a loop; it is stopped when the test ends, and must then end at once."""
    stopping, started = threading.Event(), []

    def start(loop: Loop) -> threading.Event:
        started.append(loop)
        loop.start(stopping)
        return stopping

    yield start
    stopping.set()
    before = time.monotonic()
    for loop in started:
        loop.join()
    assert time.monotonic() - before < 1


def test_an_error_does_not_end_a_loop(
    running: Callable[[Loop], threading.Event], caplog: pytest.LogCaptureFixture
) -> None:
    """Errors of ours and of others are logged and counted, and the step is tried again."""
    steps = Steps(Unavailable("the store is down"), KeyError("column"), RecursionError("deep"), enough=5)
    loop = Loop("followers", steps, seconds=0.0, longest_seconds=0.01)
    with caplog.at_level(logging.WARNING):
        running(loop)
        assert steps.done.wait(5)
    assert 3 == loop.failures
    told = [(record.levelname, record.exc_info is not None) for record in caplog.records]
    assert [("WARNING", False), ("ERROR", True), ("ERROR", True)] == told
    assert "followers failed (1 in a row, 1 in all), again in 0.1 s: the store is down" == caplog.messages[0]


def test_the_pause_doubles_while_it_fails_up_to_the_longest(caplog: pytest.LogCaptureFixture) -> None:
    """And is the usual one after a step that went well."""
    failing = iter([True] * 6 + [False, True])

    def step() -> None:
        if next(failing):
            raise Unavailable("down")

    class Clockwork(threading.Event):
        """Notes the pauses instead of waiting them out; set after eight steps."""

        def __init__(self) -> None:
            super().__init__()
            self.pauses: list[float | None] = []

        def wait(self, timeout: float | None = None) -> bool:
            self.pauses.append(timeout)
            return len(self.pauses) > 8

    clockwork = Clockwork()
    Loop("part", step, seconds=2.0, first_seconds=9.0, longest_seconds=20.0).run(clockwork)
    assert [9.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0, 2.0, 2.0] == clockwork.pauses
    assert 7 == len(caplog.messages)


def test_a_loop_that_pauses_stops_at_once(running: Callable[[Loop], threading.Event]) -> None:
    """However long the pause is."""
    steps = Steps(enough=1)
    loop = Loop("slow", steps, seconds=3600.0)
    stopping = running(loop)
    assert steps.done.wait(5)
    stopping.set()
    loop.join()
    assert 1 == len(steps.calls)


def test_a_step_that_hangs_is_waited_for_only_so_long(caplog: pytest.LogCaptureFixture) -> None:
    """For all loops together; the others end."""
    stopping, go_on = threading.Event(), threading.Event()
    hanging = [Loop(f"hanging {number}", go_on.wait, seconds=1.0) for number in range(3)]
    other = Loop("other", Steps(enough=1), seconds=0.01)
    for loop in (*hanging, other):
        loop.start(stopping)
    stopping.set()
    before = time.monotonic()
    loops.join((*hanging, other), 0.2)
    assert time.monotonic() - before < 1
    left_behind = ["hanging 0", "hanging 1", "hanging 2"]
    assert left_behind == sorted(message.partition(" did not end")[0] for message in caplog.messages)
    go_on.set()
    assert [True] * 3 == [loop.join() for loop in hanging]


def test_a_loop_that_was_never_started_is_not_waited_for() -> None:
    """So that what could not start whole can be closed."""
    assert Loop("never", Steps(enough=1), seconds=1.0).join()
