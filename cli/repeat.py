"""Does something again and again on a fixed schedule, until it is told to end."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from backend.domain.errors import InvalidInput, Violation

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LEAST_SECONDS = 10
LONGEST_SLEEP_SECONDS = 60.0
_ENDING = (signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Whether the process was told to end; `told` stays True once it was."""

    told = False


@contextmanager
def ending() -> Iterator[Ending]:
    """SIGTERM and SIGHUP raise SystemExit inside the block, as everywhere in the command line, and are remembered.

    The exception alone would not do: where Python happens to run a destructor or a weak reference's callback, as it
    does for all that a failed run leaves behind, an exception is printed and lost ("Exception ignored in …").
    """
    end = Ending()

    def tell(number: int, _frame: FrameType | None) -> NoReturn:
        end.told = True
        raise SystemExit(128 + number)

    before = [(number, signal.signal(number, tell)) for number in _ENDING]
    try:
        yield end
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def interval(text: str, *, of: str = "every") -> int:
    """Seconds of a text such as 90s, 30m, 1h or 1d. Raises InvalidInput naming `of`, also below LEAST_SECONDS."""
    found = re.fullmatch(r"(\d+)([smhd])", text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if seconds < LEAST_SECONDS:
        reason = f"{text!r} is not a time such as 90s, 30m, 1h or 1d, of at least {LEAST_SECONDS} s"
        raise InvalidInput([Violation(of, reason)])
    return seconds


def repeat(
    run: Callable[[], None],
    *,
    seconds: int,
    failed: Callable[[Exception], None],
    end: Ending,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run at once, then at every whole multiple of `seconds` of the clock (UTC), until `end` is told.

    The times do not move with how long a run takes, nor with when the process started; one that passes while a run is
    still going is left out. What a run raises is given to `failed`, and the next run comes at its time; what is no
    Exception (SystemExit of `ending`, KeyboardInterrupt of ctrl-C) ends the loop at once.
    """
    while not end.told:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - a service that trains by itself must outlive any one training
            failed(error)
        due = (clock() // seconds + 1) * seconds
        while not end.told and (wait := due - clock()) > 0:
            sleep(min(wait, LONGEST_SLEEP_SECONDS))
