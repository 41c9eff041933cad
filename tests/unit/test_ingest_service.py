"""Taking in plays: what the server decides of each, and the same batch from several callers at the same time."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.errors import Overloaded
from backend.domain.plays import HISTORY_AGE, Play, Timing
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import Record, Topic
from backend.ports.records import play_from_value, track_from_value
from backend.services.catalogue import Catalogue
from backend.services.identities import KnownIdentities
from backend.services.ingest import IngestService
from backend.services.once import Once
from backend.services.outcomes import Outcome
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_listeners import play

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CALLERS = 4


class SlowEventLog(MemoryEventLog):
    """The log in memory, which keeps `append` waiting until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.full = False

    def append(self, topic: Topic, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        self.asked.release()
        self.go_on.wait(10)
        if self.full and records:
            raise Overloaded("full, as the test asked")
        return super().append(topic, records, timeout_seconds=timeout_seconds)


@pytest.fixture
def log() -> SlowEventLog:
    """An empty log."""
    return SlowEventLog()


@pytest.fixture
def ingest(log: SlowEventLog) -> IngestService:
    """Over a catalogue of the tracks that `play` plays."""
    store = MemoryStore()
    store.put_artists([Artist(artist_id="a", name="A")])
    store.put_tracks([Track(track_id=f"t{number}", title="T", artist_ids=("a",)) for number in range(10)])
    return IngestService(log, Catalogue(store), KnownIdentities(store.identities), now=lambda: NOW)


def outcomes(ingest: IngestService, plays: Sequence[Play], *, seconds: float = 10) -> list[Outcome]:
    """What becomes of the plays."""
    return [result.outcome for result in ingest.record_plays(plays, timeout_seconds=seconds)]


@pytest.mark.parametrize(
    ("age", "said", "expected"),
    [
        (timedelta(minutes=5), Timing.LIVE, Timing.LIVE),
        (-timedelta(minutes=50), Timing.LIVE, Timing.LIVE),
        (timedelta(minutes=5), Timing.HISTORY, Timing.HISTORY),
        (HISTORY_AGE, Timing.LIVE, Timing.LIVE),
        (HISTORY_AGE + timedelta(seconds=1), Timing.LIVE, Timing.HISTORY),
        (timedelta(days=700), Timing.HISTORY, Timing.HISTORY),
    ],
)
def test_a_play_told_more_than_a_day_later_is_history_whatever_is_said(
    ingest: IngestService, log: SlowEventLog, age: timedelta, said: Timing, expected: Timing
) -> None:
    """The log's record says it, so that no job has to guess."""
    log.go_on.set()
    assert [Outcome.ACCEPTED] == outcomes(ingest, [replace(play(1), played_at=NOW - age, timing=said)])
    (logged,) = [play_from_value(value) for value in log.values(Topic.PLAYS)]
    assert logged is not None
    assert expected == logged.timing


def at_once(ingest: IngestService, log: SlowEventLog, plays: Sequence[Play]) -> list[list[Outcome]]:
    """What several callers are told who send these plays while none is answered yet."""
    with ThreadPoolExecutor(CALLERS) as callers:
        told = [callers.submit(outcomes, ingest, plays) for _ in range(CALLERS)]
        for _ in told:
            assert log.asked.acquire(timeout=10)
        log.go_on.set()
        return [one.result() for one in told]


def test_the_same_batch_sent_four_times_at_once_is_accepted_once(ingest: IngestService, log: SlowEventLog) -> None:
    """The others wait for the one that writes it and are told DUPLICATE; the log holds each play once."""
    plays = [play(1), play(2), play(1)]
    told = at_once(ingest, log, plays)
    first, again = [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.DUPLICATE], [Outcome.DUPLICATE] * 3
    assert sorted([first, again, again, again]) == sorted(told)
    assert 2 == len(log.values(Topic.PLAYS))


def test_who_waits_for_what_is_not_confirmed_may_send_it_again(ingest: IngestService, log: SlowEventLog) -> None:
    """Nobody is told that a play is there which the log did not confirm."""
    log.down = True
    assert [[Outcome.UNCONFIRMED]] * CALLERS == at_once(ingest, log, [play(1)])
    log.down = False
    assert [Outcome.ACCEPTED] == outcomes(ingest, [play(1)])


def test_batches_that_cross_do_not_wait_for_each_other_for_ever(ingest: IngestService, log: SlowEventLog) -> None:
    """Each writes its own first; each play is accepted once."""
    with ThreadPoolExecutor(2) as callers:
        one = callers.submit(outcomes, ingest, [play(1), play(2)])
        assert log.asked.acquire(timeout=10)
        other = callers.submit(outcomes, ingest, [play(3), play(2), play(1)])
        assert log.asked.acquire(timeout=10)
        log.go_on.set()
        assert [Outcome.ACCEPTED, Outcome.ACCEPTED] == one.result(10)
        assert [Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.DUPLICATE] == other.result(10)


def test_a_full_queue_costs_its_own_call_only(ingest: IngestService, log: SlowEventLog) -> None:
    """Who waited for its play is told UNCONFIRMED, and the play can be sent again at once."""
    log.full = True
    with ThreadPoolExecutor(2) as callers:
        refused = callers.submit(outcomes, ingest, [play(1)])
        assert log.asked.acquire(timeout=10)
        waiting = callers.submit(outcomes, ingest, [play(1)])
        assert log.asked.acquire(timeout=10)
        log.go_on.set()
        with pytest.raises(Overloaded):
            refused.result(10)
        assert [Outcome.UNCONFIRMED] == waiting.result(10)
    log.full = False
    assert [Outcome.ACCEPTED] == outcomes(ingest, [play(1)])


def test_nobody_waits_longer_than_they_have_time() -> None:
    """The event is then not known to be written."""
    once, asked, go_on = Once(), threading.Event(), threading.Event()

    def slowly(places: Sequence[int]) -> list[bool]:
        asked.set()
        go_on.wait(10)
        return [True] * len(places)

    with ThreadPoolExecutor(1) as callers:
        writing = callers.submit(once.write, ["e"], slowly, timeout_seconds=10)
        assert asked.wait(10)
        waiting = once.write(["e"], lambda places: [True] * len(places), timeout_seconds=0.01)
        go_on.set()
        assert ([Outcome.UNCONFIRMED], [Outcome.ACCEPTED]) == (waiting, writing.result(10))


def test_each_track_and_artist_of_a_call_is_a_record_of_its_own(ingest: IngestService, log: SlowEventLog) -> None:
    """Under its id, so that the log's compaction keeps the last word on each."""
    log.go_on.set()
    ingest.upsert_artists([Artist(artist_id=one, name=one.upper()) for one in "abc"], timeout_seconds=10)
    tracks = [Track(track_id=f"new-{one}", title="T", artist_ids=(one,)) for one in "abc"]
    ingest.upsert_tracks(tracks, timeout_seconds=10)
    held = {
        topic: [one for place in log.partitions_of[topic] for one in place] for topic in (Topic.ARTISTS, Topic.TRACKS)
    }
    assert {b"a", b"b", b"c"} == {record.key for record in held[Topic.ARTISTS]}
    assert {track.track_id.encode(): track for track in tracks} == {
        record.key: track_from_value(record.value or b"") for record in held[Topic.TRACKS]
    }
    assert (3, 3) == (len(held[Topic.ARTISTS]), len(held[Topic.TRACKS]))
