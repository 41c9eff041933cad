"""Heartbeats in every partition."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.errors import Unavailable
from backend.domain.plays import Play, Timing
from backend.ports.event_log import Record, Topic
from backend.ports.records import heartbeat_record, milliseconds, play_from_value, play_record
from backend.services.heartbeat import FIRST_LOOKS, LOOKED_AT, Heartbeat
from tests.memory import PARTITIONS, MemoryEventLog
from tests.unit.test_listeners import play

START = datetime(2026, 5, 31, 21, 40, tzinfo=UTC)
IDLE = 10


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def now(clock: Clock) -> Callable[[], datetime]:
    """The time of day by the same clock: START when a test begins."""
    return lambda: START + timedelta(seconds=clock.seconds - 1000)


@pytest.fixture
def log(now: Callable[[], datetime]) -> MemoryEventLog:
    """An empty log, whose appends are stamped by that time."""
    return MemoryEventLog(now)


Started = Callable[[], Heartbeat]


@pytest.fixture
def started(log: MemoryEventLog, now: Callable[[], datetime], clock: Clock) -> Started:
    """The heartbeat of a server that starts now; it beats after ten seconds."""
    return lambda: Heartbeat(log, idle_seconds=IDLE, now=now, clock=clock)


def heard(at: datetime, number: int = 0, *, timing: Timing = Timing.LIVE) -> Play:
    """A play."""
    return replace(play(number), played_at=at, timing=timing)


def put(log: MemoryEventLog, *plays: Play, told: datetime | None = None, partition: int | None = None) -> None:
    """Plays as some server took them in, by default when the log did."""
    for one in plays:
        record = play_record(one, ingested_at=told or log.now())
        log.append(Topic.PLAYS, [replace(record, partition=partition)], timeout_seconds=1)


def garbage(log: MemoryEventLog, count: int) -> None:
    """Records that are no plays, so many in each partition."""
    ahead = heard(START + timedelta(days=365))
    values = [
        b"\xff no play",
        None,  # a deletion
        b"{}",
        b'{"event_id":null,"played_at_ms":1}',
        b'{"event_id":null,"played_at_ms":true,"ingested_at_ms":{}}',
        play_record(ahead, ingested_at=ahead.played_at).value,
        heartbeat_record(ahead.played_at).value,
        heartbeat_record(START + timedelta(hours=30)).value,
        b'{"event_id":null,"played_at_ms":-1,"ingested_at_ms":-1}',
    ]
    for partition in range(PARTITIONS):
        records = [Record(key=b"", value=values[at % len(values)], partition=partition) for at in range(count)]
        log.append(Topic.PLAYS, records, timeout_seconds=1)


def beats(log: MemoryEventLog) -> list[datetime]:
    """The event times of the heartbeats in the last partition, where no test puts anything else without saying so."""
    fields = [json.loads(record.value or b"") for record in log.partitions_of[Topic.PLAYS][-1]]
    return [datetime.fromtimestamp(one["played_at_ms"] / 1000, UTC) for one in fields if one["event_id"] is None]


def pass_time(clock: Clock, heartbeat: Heartbeat, seconds: float, *, step: float = IDLE) -> None:
    """Let the clock go on, looking at whether a heartbeat is due as the server does."""
    for _ in range(round(seconds / step)):
        clock.seconds += step
        heartbeat.beat()


def test_before_the_first_play_there_is_none(started: Started, log: MemoryEventLog, clock: Clock) -> None:
    """However long nobody plays."""
    pass_time(clock, started(), 3600)
    assert [] == log.values(Topic.PLAYS)


def test_silence_moves_event_time_on_in_every_partition(started: Started, log: MemoryEventLog, clock: Clock) -> None:
    """By as much as the clock went on, from the latest play, however old that is; readers of plays pass over it."""
    heartbeat = started()
    put(log, play(5), play(2), partition=0)
    pass_time(clock, heartbeat, 10)
    clock.seconds += 9
    assert not heartbeat.beat()
    clock.seconds += 3
    assert heartbeat.beat()
    found = [json.loads(record.value or b"") for record in log.newest(Topic.PLAYS, count=1)]
    assert [milliseconds(play(5).played_at + timedelta(seconds=22))] * PARTITIONS == [
        one["played_at_ms"] for one in found
    ]
    assert {None} == {play_from_value(value) for value in log.values(Topic.PLAYS)[2:]}


def test_it_beats_again_after_each_silence(started: Started, log: MemoryEventLog, clock: Clock) -> None:
    """Not sooner, and later each time."""
    heartbeat = started()
    put(log, heard(START), partition=0)
    for seconds, due in ((10, True), (5, False), (5, True), (9, False), (1, True)):
        clock.seconds += seconds
        assert due is heartbeat.beat()
    assert [START + timedelta(seconds=seconds) for seconds in (0, 20, 30)] == beats(log)


def test_it_never_passes_the_clock(started: Started, log: MemoryEventLog, clock: Clock) -> None:
    """A play from the near future does not take event time with it."""
    heartbeat = started()
    ahead = heard(START + timedelta(minutes=50))
    put(log, ahead, told=ahead.played_at, partition=0)
    heartbeat.plays_accepted([ahead])
    pass_time(clock, heartbeat, 20)
    assert [START, START + timedelta(seconds=20)] == beats(log)


def test_it_beats_while_others_play(started: Started, log: MemoryEventLog, clock: Clock) -> None:
    """A partition without plays is told how far the others are."""
    heartbeat = started()
    for second in range(12):
        clock.seconds += 1
        put(log, play(second), partition=0)
        heartbeat.beat()
    assert [play(9).played_at] == beats(log)


def test_the_last_hour_closes_although_nobody_plays_after_a_restart(
    started: Started, log: MemoryEventLog, clock: Clock, now: Callable[[], datetime]
) -> None:
    """Last play 21:40, the server restarts 21:45, silence for 24 hours: event time went past 22:00 and goes on."""
    put(log, heard(START), partition=0)
    pass_time(clock, started(), 300)
    pass_time(clock, started(), 24 * 3600, step=60)
    assert now() == beats(log)[-1]
    assert beats(log) == sorted(beats(log))


@pytest.mark.parametrize("away", [timedelta(minutes=5), timedelta(days=9)])
def test_time_that_no_server_ran_counts_too(
    started: Started, log: MemoryEventLog, clock: Clock, now: Callable[[], datetime], away: timedelta
) -> None:
    """The log's stamp on the first heartbeat tells the second how long it was."""
    put(log, heard(START), partition=0)
    clock.seconds += away.total_seconds()
    pass_time(clock, started(), 20)
    assert [START, now()] == beats(log)


def test_what_is_at_the_end_and_no_play_moves_nothing_and_hides_nothing(
    started: Started, log: MemoryEventLog, clock: Clock, now: Callable[[], datetime]
) -> None:
    """Bytes of any kind, plays and heartbeats a year or a day ahead: all of them dead letters."""
    put(log, heard(START - timedelta(days=3)), partition=0)
    garbage(log, LOOKED_AT + 50)
    before = len(log.values(Topic.PLAYS))
    pass_time(clock, started(), 60)
    sent = [json.loads(record.value or b"")["played_at_ms"] for record in log.newest(Topic.PLAYS, count=6)]
    assert before + 6 * PARTITIONS == len(log.values(Topic.PLAYS))
    assert milliseconds(now() - timedelta(days=3)) == max(sent)


def test_a_log_of_garbage_only_is_as_good_as_empty(started: Started, log: MemoryEventLog, clock: Clock) -> None:
    """Nothing is sent."""
    garbage(log, 8)
    before = len(log.values(Topic.PLAYS))
    pass_time(clock, started(), 60)
    assert before == len(log.values(Topic.PLAYS))


def test_it_does_not_overtake_a_history_that_another_server_loads(
    started: Started, log: MemoryEventLog, clock: Clock
) -> None:
    """A server that took in none of it follows: where nothing newer stands, event time is that of the load."""
    heartbeat = started()
    first = datetime(2009, 5, 4, tzinfo=UTC)
    for number in range(60):
        put(log, heard(first + timedelta(hours=number), number, timing=Timing.HISTORY), partition=0)
        pass_time(clock, heartbeat, 1, step=1)
    expected = [first + timedelta(hours=number, seconds=1) for number in (19, 29, 39, 49, 59)]
    assert [first + timedelta(hours=9), *expected] == beats(log)


@pytest.mark.parametrize("restarts", [True, False])
def test_history_after_live_plays_does_not_hold_event_time_back(
    started: Started, log: MemoryEventLog, clock: Clock, now: Callable[[], datetime], restarts: bool
) -> None:
    """Also where a server starts while the newest records of every partition are history."""
    put(log, heard(START), partition=0)
    heartbeat = started()
    pass_time(clock, heartbeat, 20)
    past = [heard(START - timedelta(days=140) + timedelta(minutes=4 * n), n, timing=Timing.HISTORY) for n in range(500)]
    for partition in range(PARTITIONS):
        put(log, *past, partition=partition)
    pass_time(clock, started() if restarts else heartbeat, 20)
    assert FIRST_LOOKS[0] < len(past) < FIRST_LOOKS[1]
    assert now() == max(one for one in newest_beats(log))


def newest_beats(log: MemoryEventLog) -> list[datetime]:
    """The event times of the heartbeats that are the newest records."""
    values = [json.loads(record.value or b"") for record in log.newest(Topic.PLAYS, count=1)]
    return [datetime.fromtimestamp(one["played_at_ms"] / 1000, UTC) for one in values if one["event_id"] is None]


def test_a_server_whose_clock_is_a_day_ahead_leads_nobody_astray(
    log: MemoryEventLog, clock: Clock, now: Callable[[], datetime]
) -> None:
    """What it beats is by the log's clock, also where it took the plays in itself."""
    heartbeat = Heartbeat(log, idle_seconds=IDLE, now=lambda: now() + timedelta(days=1), clock=clock)
    put(log, heard(START), told=now() + timedelta(days=1), partition=0)
    heartbeat.plays_accepted([heard(START)])
    pass_time(clock, heartbeat, 60)
    assert now() == beats(log)[-1]


def test_a_log_whose_clock_was_ahead_for_a_while_leaves_no_mark(
    log: MemoryEventLog, clock: Clock, now: Callable[[], datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own clock caps what it sends."""
    monkeypatch.setattr(log, "now", lambda: now() + timedelta(days=1))
    put(log, heard(START), partition=0)
    monkeypatch.undo()
    put(log, heard(START, 1), partition=0)
    heartbeat = Heartbeat(log, idle_seconds=IDLE, now=now, clock=clock)
    pass_time(clock, heartbeat, 60)
    assert now() == beats(log)[-1]


def test_a_log_that_is_down_at_the_start_is_asked_again(
    started: Started, log: MemoryEventLog, clock: Clock, now: Callable[[], datetime]
) -> None:
    """The loop tells of it and goes on."""
    put(log, heard(START), partition=0)
    log.down = True
    heartbeat = started()
    clock.seconds += IDLE
    with pytest.raises(Unavailable):
        heartbeat.beat()
    log.down = False
    pass_time(clock, heartbeat, 20)
    assert now() == beats(log)[-1]
