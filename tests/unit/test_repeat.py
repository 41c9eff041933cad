"""Trainings come at their times, whatever happens to one of them."""

import signal

import pytest

from backend.domain.errors import InvalidInput, Unavailable
from cli.repeat import LONGEST_SLEEP_SECONDS, Ending, ending, interval, repeat


class Clock:
    """A clock that only moves when somebody sleeps or works."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def times(clock: Clock, works: list[float], *, seconds: int) -> tuple[list[float], list[Exception]]:
    """When each run began, and what failed; a negative work fails after so long. SystemExit ends it."""
    begun: list[float] = []
    failures: list[Exception] = []
    left = iter(works)

    def run() -> None:
        begun.append(clock())
        work = next(left, None)
        if work is None:
            raise SystemExit(143)
        clock.sleep(abs(work))
        if work < 0:
            raise Unavailable("the store is down")

    with pytest.raises(SystemExit):
        repeat(run, seconds=seconds, failed=failures.append, end=Ending(), clock=clock, sleep=clock.sleep)
    return begun, failures


def test_runs_begin_at_whole_multiples_however_long_they_take() -> None:
    """At once, then on the hour: 10, 0.5 and 59 minutes of work do not move the next begin."""
    begun, failures = times(Clock(1000.0), [600.0, 30.0, 3540.0], seconds=3600)
    assert ([1000.0, 3600.0, 7200.0, 10800.0], []) == (begun, failures)


def test_a_time_that_passes_during_a_run_is_left_out() -> None:
    """No two runs for one time, and no run in between to catch up."""
    assert [0.0, 10800.0] == times(Clock(0.0), [9000.0], seconds=3600)[0]


def test_a_failure_is_told_and_the_next_run_comes_at_its_time() -> None:
    """Neither sooner nor never."""
    begun, failures = times(Clock(0.0), [-60.0, 60.0], seconds=3600)
    assert [0.0, 3600.0, 7200.0] == begun
    assert ["the store is down"] == [str(failure) for failure in failures]


def test_a_sleep_that_ends_early_is_gone_on_with() -> None:
    """The next run never begins before its time."""
    clock = Clock(0.0)
    begun: list[float] = []

    def run() -> None:
        begun.append(clock())
        if len(begun) == 2:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        repeat(
            run,
            seconds=60,
            failed=lambda _: None,
            end=Ending(),
            clock=clock,
            sleep=lambda wait: clock.sleep(max(wait / 2, 1)),
        )
    assert 60.0 <= begun[1] <= 61.0


class TellsWhileItIsDestroyed:
    """Sends SIGTERM to this process from its destructor, where Python loses what the signal's handler raises."""

    def __del__(self) -> None:
        """The handler runs here."""
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_that_is_going_on(number: signal.Signals) -> None:
    """And what the signal did before comes back."""
    before = signal.getsignal(number)
    with pytest.raises(SystemExit), ending() as end:
        repeat(lambda: signal.raise_signal(number), seconds=60, failed=lambda _: None, end=end)
    assert (True, before) == (end.told, signal.getsignal(number))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_is_lost_in_a_destructor_ends_it_too() -> None:
    """Told while a failed run's remains are cleared away, it sleeps no second and does not run again."""
    runs: list[str] = []

    def run() -> None:
        held = TellsWhileItIsDestroyed()  # lives as long as the error, in its traceback
        runs.append("began")
        raise Unavailable(f"the store is down, says {type(held).__name__}")

    with ending() as end:
        repeat(run, seconds=60, failed=lambda _: None, end=end, sleep=lambda _: pytest.fail("it sleeps"))
    assert (1, True) == (len(runs), end.told)


def test_no_sleep_is_so_long_that_a_lost_signal_waits_for_the_next_run() -> None:
    """A day's wait is taken in pieces."""
    clock, slept = Clock(1.0), list[float]()
    end = Ending()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        end.told = len(slept) == 3

    repeat(lambda: None, seconds=86_400, failed=lambda _: None, end=end, clock=clock, sleep=sleep)
    assert [LONGEST_SLEEP_SECONDS] * 3 == slept


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("2d", 172_800)])
def test_times_are_read(text: str, seconds: int) -> None:
    """A number and a unit."""
    assert seconds == interval(text)


@pytest.mark.parametrize("text", ["", "1", "h", "1w", "-1h", "9s", "0h", "1.5h"])
def test_other_times_are_refused_with_examples(text: str) -> None:
    """Also those that would train without pause."""
    with pytest.raises(InvalidInput, match="90s, 30m, 1h or 1d"):
        interval(text)
