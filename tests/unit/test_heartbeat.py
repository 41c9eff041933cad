"""Heartbeats in every partition."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.ports.event_log import Topic
from backend.ports.records import milliseconds, play_from_value
from backend.services.heartbeat import Heartbeat
from tests.memory import PARTITIONS, MemoryEventLog
from tests.unit.test_listeners import play

NOW = datetime(2026, 6, 1, tzinfo=UTC)


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
def log() -> MemoryEventLog:
    """An empty log."""
    return MemoryEventLog()


@pytest.fixture
def heartbeat(log: MemoryEventLog, clock: Clock) -> Heartbeat:
    """It beats after ten seconds."""
    return Heartbeat(log, idle_seconds=10, now=lambda: NOW, clock=clock)


def times(log: MemoryEventLog) -> list[int]:
    """The event times of all heartbeats."""
    return [json.loads(value)["played_at_ms"] for value in log.values(Topic.PLAYS)]


def test_before_the_first_play_there_is_none(heartbeat: Heartbeat, log: MemoryEventLog, clock: Clock) -> None:
    """However long nobody plays."""
    clock.seconds += 3600
    assert not heartbeat.beat()
    assert [] == times(log)


def test_silence_moves_event_time_on_in_every_partition(
    heartbeat: Heartbeat, log: MemoryEventLog, clock: Clock
) -> None:
    """By as much as the clock went on, from the latest play; readers of plays pass over it."""
    heartbeat.plays_accepted([play(5), play(2)])
    clock.seconds += 9
    assert not heartbeat.beat()
    clock.seconds += 3
    assert heartbeat.beat()
    assert [milliseconds(play(5).played_at + timedelta(seconds=12))] * PARTITIONS == times(log)
    assert {None} == {play_from_value(value) for value in log.values(Topic.PLAYS)}


def test_it_beats_again_after_each_silence(heartbeat: Heartbeat, log: MemoryEventLog, clock: Clock) -> None:
    """Not sooner, and later each time; a play begins the silence anew."""
    heartbeat.plays_accepted([play(0)])
    for seconds in (10, 5, 5):
        clock.seconds += seconds
        heartbeat.beat()
    assert 2 * PARTITIONS == len(times(log))
    heartbeat.plays_accepted([play(1)])
    clock.seconds += 9
    assert not heartbeat.beat()


def test_it_never_passes_the_clock(heartbeat: Heartbeat, log: MemoryEventLog, clock: Clock) -> None:
    """A play from the future does not take event time with it."""
    heartbeat.plays_accepted([replace(play(0), played_at=NOW + timedelta(minutes=50))])
    clock.seconds += 10
    assert heartbeat.beat()
    assert {milliseconds(NOW)} == set(times(log))


def test_it_beats_while_others_play(heartbeat: Heartbeat, log: MemoryEventLog, clock: Clock) -> None:
    """A partition without plays is told how far the others are."""
    for second in range(12):
        clock.seconds += 1
        heartbeat.plays_accepted([play(second)])
        heartbeat.beat()
    assert {milliseconds(play(9).played_at)} == set(times(log))
    assert PARTITIONS == len(times(log))
