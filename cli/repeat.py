"""Does something again and again on a fixed schedule, until it is told to end."""

import re
import time
from collections.abc import Callable

from backend.domain.errors import InvalidInput, Violation

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LEAST_SECONDS = 10


def interval(text: str) -> int:
    """Seconds of a text such as 90s, 30m, 1h or 1d. Raises InvalidInput, also below LEAST_SECONDS."""
    found = re.fullmatch(r"(\d+)([smhd])", text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if seconds < LEAST_SECONDS:
        reason = f"{text!r} is not a time such as 90s, 30m, 1h or 1d, of at least {LEAST_SECONDS} s"
        raise InvalidInput([Violation("every", reason)])
    return seconds


def repeat(
    run: Callable[[], None],
    *,
    seconds: int,
    failed: Callable[[Exception], None],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run at once, then at every whole multiple of `seconds` of the clock (UTC), for ever.

    The times do not move with how long a run takes, nor with when the process started; one that passes while a run is
    still going is left out. What a run raises is given to `failed`, and the next run comes at its time; only what is no
    Exception (SIGTERM raises SystemExit, ctrl-C KeyboardInterrupt) ends the loop.
    """
    while True:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - a service that trains by itself must outlive any one training
            failed(error)
        due = (clock() // seconds + 1) * seconds
        while (wait := due - clock()) > 0:  # a sleep may end early
            sleep(wait)
