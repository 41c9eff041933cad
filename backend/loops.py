"""Work that goes on in the background: one step repeated until it is told to stop, whatever the step raises."""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from backend.domain.errors import SegueError

_log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
SHORTEST_PAUSE_SECONDS = 0.1
"""Before a failed step is tried again, also where a step that went well is followed by the next at once."""

JOIN_SECONDS = 3.0
"""For the step that is under way to end; whoever stops a server waits for no part that is down."""


def join(loops: Iterable["Loop"], seconds: float = JOIN_SECONDS) -> None:
    """Wait for the ends of loops that were told to stop, for all of them together at most so long."""
    deadline = time.monotonic() + seconds
    for loop in loops:
        loop.join(max(deadline - time.monotonic(), 0.0))


class Loop:
    """Repeats `step`, with a pause of `seconds` between two; `first_seconds` before the first.

    A step that raises never ends the loop: it is logged (with its trace where the error is none of ours), counted in
    `failures`, and tried again after a pause that doubles with every failure in a row, from `seconds` to
    `longest_seconds`. Stops between two steps, or at once in a pause; a step that waits should not wait for long.
    `end` is called in the loop's thread after the last step.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        *,
        seconds: float,
        first_seconds: float = 0.0,
        longest_seconds: float = LONGEST_PAUSE_SECONDS,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.failures = 0
        self._step = step
        self._seconds = seconds
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._end = end
        self._in_a_row = 0
        self._thread: threading.Thread | None = None

    def start(self, stopping: threading.Event) -> None:
        """Run in a thread of its own until `stopping` is set."""
        self._thread = threading.Thread(target=self.run, args=(stopping,), name=self.name, daemon=True)
        self._thread.start()

    def join(self, seconds: float = JOIN_SECONDS) -> bool:
        """Wait for the thread's end, at most so long; whether it has ended, or was never started.

        One that hangs on a part that is down is logged and left behind: it ends with the process.
        """
        if self._thread is None:
            return True
        self._thread.join(seconds)
        if self._thread.is_alive():
            _log.warning("%s did not end within %.1f s: left behind", self.name, seconds)
        return not self._thread.is_alive()

    def run(self, stopping: threading.Event) -> None:
        """Run in this thread until `stopping` is set."""
        pause = self._first_seconds
        while not stopping.wait(pause):
            pause = self._pause_after_step()
        self._end()

    def _pause_after_step(self) -> float:
        try:
            self._step()
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on: that is its promise
            self.failures += 1
            self._in_a_row += 1
            first = max(self._seconds, SHORTEST_PAUSE_SECONDS)
            # The exponent is held down, as 2.0**1024 is an error: nobody waits longer than the longest pause.
            pause = min(first * 2.0 ** min(self._in_a_row - 1, 30), max(self._longest_seconds, first))
            expected = isinstance(error, SegueError)
            _log.log(
                logging.WARNING if expected else logging.ERROR,
                "%s failed (%d in a row, %d in all), again in %.1f s: %s",
                self.name,
                self._in_a_row,
                self.failures,
                pause,
                error if expected else repr(error),
                exc_info=None if expected else error,
            )
            return pause
        self._in_a_row = 0
        return self._seconds
