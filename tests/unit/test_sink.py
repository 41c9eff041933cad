"""The sink's outcomes, one test a line of its docstring."""

import json
import logging
import random
import threading
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import cast

import pytest

from backend.domain.erasures import Erasure, Subject
from backend.domain.errors import Unavailable
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.live_tables import ARTIST_ENGAGEMENT, DEAD_LETTERS, LISTENER_ACTIVITY
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from backend.ports import records
from backend.ports.event_log import Record, Topic, TopicPartition
from backend.ports.store import TableQuery
from stack import services
from stack.ports import free_port
from streaming import sink as sinks
from streaming.erased import Erased
from streaming.sink import Sink
from streaming.sink_metrics import SinkMetrics
from tests.memory import MemoryEventLog, MemoryStore

HOUR = datetime(2026, 11, 21, 9, tzinfo=UTC)
KEY = {"artist_id": "a1", "span": "hour", "window_start": "2026-11-21T09:00:00Z"}
ROW = KEY | {
    "plays": 3,
    "unique_listeners": 2,
    "returning_share": 0.5,
    "milliseconds_played": 9,
    "completion_rate": 0.5,
    "skips": 1,
    "likes": 0,
}


class Told:
    """A log and a store with a sink between them."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.store = MemoryStore()

    def append(self, topic: str, key: bytes, value: bytes | None) -> None:
        """A record on partition 0 of any topic, result topics included."""
        record = Record(key=key, value=cast(bytes, value), partition=0)
        assert self.log.append(cast(Topic, topic), [record], timeout_seconds=1) == [True]

    def row(self, **changed: object) -> None:
        """An engagement row as the upsert topic holds it."""
        self.append("artist_engagement", json.dumps(KEY).encode(), json.dumps(ROW | changed).encode())

    def play(self, event_id: str, track_id: str = "t1") -> None:
        """A play as the topic holds it."""
        play = Play(
            event_id=event_id,
            listener_id="l1",
            track_id=track_id,
            artist_id="a1",
            played_at=HOUR,
            milliseconds_played=1000,
            track_milliseconds=2000,
            source=Source.FIRST_PARTY,
            allow_training=True,
        )
        self.append("plays", b"l1", records.play_record(play, ingested_at=HOUR).value)

    def carry(self) -> Sink:
        """One step of a new sink, as after a restart."""
        with closing(Sink(self.log, self.store)) as sink:
            sink.step()
            return sink


@pytest.fixture
def told() -> Told:
    """An empty log and store."""
    return Told()


def test_result_rows_are_upserted_by_key(told: Told) -> None:
    """Outcome 1: the later row of a key holds, its moment aware."""
    told.row(plays=3)
    told.row(plays=4)
    told.carry()
    (row,) = told.store.page(ARTIST_ENGAGEMENT, TableQuery()).rows
    assert (4, HOUR) == (row.plays, row.window_start)


def test_a_deletion_deletes_the_row(told: Told) -> None:
    """Outcome 2: a null value takes the row away."""
    told.row()
    told.carry()
    told.append("artist_engagement", json.dumps(KEY).encode(), None)
    told.carry()
    assert () == told.store.page(ARTIST_ENGAGEMENT, TableQuery()).rows


def test_tracks_and_artists_reach_the_catalogue(told: Told) -> None:
    """Outcome 3: the catalogue can be rebuilt from the log."""
    track = Track(track_id="t1", title="Blue", artist_ids=("a1",))
    artist = Artist(artist_id="a1", name="Ada")
    for topic, record in ((Topic.TRACKS, records.track_record(track)), (Topic.ARTISTS, records.artist_record(artist))):
        told.append(topic, record.key, record.value)
    told.carry()
    assert ({"t1": track}, {"a1": artist}) == (told.store.tracks(["t1"]), told.store.artists(["a1"]))


def test_plays_and_feedback_reach_the_profile_once(told: Told) -> None:
    """Outcome 4: the same event id twice is one play; a hide is remembered."""
    told.play("e1")
    told.play("e1")
    told.play("e2", "t2")
    hide = Feedback(
        event_id="f1", listener_id="l1", track_id="t3", artist_id="a1", kind=FeedbackKind.HIDE, given_at=HOUR
    )
    told.append("feedback", b"l1", records.feedback_record(hide).value)
    told.carry()
    profile = told.store.profiles(["l1"])["l1"]
    assert (["e1", "e2"], {"t3"}) == (sorted(play.event_id for play in profile.recent), set(profile.hidden))


def test_a_small_batch_waits_for_what_comes_with_it(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A play that comes a moment after another is in the same batch, and costs the store nothing of its own."""
    monkeypatch.setattr(sinks, "GATHER_SECONDS", 1.0)
    told.play("e1")
    later = threading.Timer(0.1, told.play, ("e2",))
    later.start()
    with closing(Sink(told.log, told.store)) as sink:
        assert 2 == sink.step()
    later.join()


def test_heartbeats_are_passed_over(told: Told) -> None:
    """Outcome 5: read, counted as nothing."""
    told.append("plays", b"", records.heartbeat_record(HOUR).value)
    assert (0, 0) == (told.carry().malformed, len(told.store.profiles([""])))
    assert {TopicPartition("plays", 0): 1} == told.store.offsets()


@pytest.mark.parametrize(
    "put",
    [
        lambda told: told.append("plays", b"l1", b"not json"),
        lambda told: told.append("plays", b"l1", b'{"event_id": "lonely"}'),
        lambda told: told.append("tracks", b"t1", None),
        lambda told: told.append("artist_engagement", b"not json", b"{}"),
    ],
)
def test_malformed_records_cost_nothing_beside_them(
    told: Told, put: Callable[[Told], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Outcome 6: logged with its place, counted, and the rows beside it are written."""
    put(told)
    told.row()
    with caplog.at_level(logging.WARNING):
        sink = told.carry()
    assert (1, 1) == (sink.malformed, len(told.store.page(ARTIST_ENGAGEMENT, TableQuery()).rows))
    assert "[0]@0" in caplog.text


def test_what_is_of_a_listener_who_is_being_erased_is_left_out(told: Told) -> None:
    """Outcome 7: events, and rows and letters that name them, of a sink that was behind; a row's deletion goes on."""
    erased = Erasure(erasure_id="e", asked_at=HOUR, due_at=HOUR, subject=Subject(pseudonym="l1", look_up_key="key"))
    told.store.put_erasure(erased)
    told.play("e1")
    for listener in ("l1", "another"):
        activity = {"listener_id": listener, "window_start": "2026-11-21T00:00:00Z"}
        rest = {"sessions": 1, "plays": 1, "skips": 0, "milliseconds_played": 1, "last_active": "2026-11-21T00:00:00Z"}
        told.append("listener_activity", json.dumps(activity).encode(), json.dumps(activity | rest).encode())
        told.append("feedback", b"chance", json.dumps({"listener_id": listener, "kind": "shrug"}).encode())
    told.carry()
    assert {} == told.store.profiles(["l1"])
    assert ["another"] == [row.listener_id for row in told.store.page(LISTENER_ACTIVITY, TableQuery()).rows]
    assert ["another"] == [row.record_key for row in told.store.page(DEAD_LETTERS, TableQuery()).rows]


def test_who_is_being_erased_is_read_again_now_and_then(told: Told) -> None:
    """Every two seconds: a batch costs no question of its own."""
    clock = [0.0]
    erased = Erased(told.store, lambda: clock[0])
    assert frozenset() == erased.pseudonyms()
    told.store.put_erasure(
        Erasure(erasure_id="e", asked_at=HOUR, due_at=HOUR, subject=Subject(pseudonym="l1", look_up_key="key"))
    )
    clock[0] = 1.9
    assert frozenset() == erased.pseudonyms()
    clock[0] = 2.0
    assert {"l1"} == erased.pseudonyms()
    told.store.close_erasure("e", at=HOUR)
    clock[0] = 4.0
    assert frozenset() == erased.pseudonyms()


def test_store_down_keeps_the_offsets(told: Told) -> None:
    """Outcome 8: nothing counts as done; the next sink carries all of it."""
    told.row()
    sink = Sink(told.log, told.store)
    told.store.down = True
    with pytest.raises(Unavailable):
        sink.step()
    told.store.down = False
    with pytest.raises(Unavailable, match="open another"):
        sink.step()
    sink.close()
    assert {} == told.store.offsets()
    told.carry()
    assert 1 == len(told.store.page(ARTIST_ENGAGEMENT, TableQuery()).rows)


def test_reading_everything_again_changes_nothing(told: Told) -> None:
    """A replay from the start leaves the same rows and profiles."""
    told.row()
    told.play("e1")
    told.carry()
    before = (told.store.page(ARTIST_ENGAGEMENT, TableQuery()).rows, told.store.profiles(["l1"]))
    told.store.write([], dict.fromkeys(told.store.offsets(), 0))
    told.carry()
    assert before == (told.store.page(ARTIST_ENGAGEMENT, TableQuery()).rows, told.store.profiles(["l1"]))


def test_what_was_only_read_ahead_is_left_to_the_next_sink(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a batch is written the next one is read; its offsets are not stored before its rows are."""
    monkeypatch.setattr(sinks, "BATCH", 1)
    told.row(plays=3)
    told.row(plays=4)
    with closing(Sink(told.log, told.store)) as sink:
        assert 1 == sink.step()
        assert 1 == sink.lag()
    assert {TopicPartition("artist_engagement", 0): 1} == told.store.offsets()
    told.carry()
    assert [4] == [row.plays for row in told.store.page(ARTIST_ENGAGEMENT, TableQuery()).rows]


def test_metrics_are_told_over_http(told: Told) -> None:
    """Records, rows, malformed ones and the lag, in Prometheus' text form."""
    address = f"127.0.0.1:{free_port(set(), random.SystemRandom())}"
    metrics = SinkMetrics()
    told.row()
    told.append("plays", b"l1", b"not json")
    with metrics.served(address), closing(Sink(told.log, told.store, metrics)) as sink:
        sink.step()
        metrics.lag.set(sink.lag())
        with urllib.request.urlopen(f"http://{address}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        assert "" == services.check_sink(address)
        metrics.lag.set(1234)
        assert "1,234 records behind" == services.check_sink(address)
    wanted = {"records_total 2.0", "rows_total 1.0", "malformed_total 1.0", "lag_records 0.0"}
    assert wanted <= {line.removeprefix("segue_sink_") for line in lines}


def test_a_taken_port_costs_only_the_metrics(caplog: pytest.LogCaptureFixture) -> None:
    """The sink goes on, and its log says what to set."""
    address = f"127.0.0.1:{free_port(set(), random.SystemRandom())}"
    with SinkMetrics().served(address), SinkMetrics().served(address):
        assert "sink_metrics_address" in caplog.text
