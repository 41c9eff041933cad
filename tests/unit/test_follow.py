"""Following the tail of the log: every outcome of a record."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.errors import Unavailable
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Play
from backend.ports.event_log import Record, Topic
from backend.ports.records import (
    artist_from_value,
    feedback_from_value,
    feedback_record,
    heartbeat_record,
    play_from_record,
    play_record,
    track_from_value,
)
from backend.services.follow import BATCH, CURRENT_WITHIN, LOOK_SECONDS, OVERLAP, Followed, Follower, of_value
from tests.memory import MemoryEventLog
from tests.unit.test_listeners import play, word

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


class Told:
    """Remembers what it is told, and which clock the follower reads."""

    def __init__(self) -> None:
        self.plays: list[Play] = []
        self.feedback: list[Feedback] = []
        self.now = datetime.now(UTC)

    def follower(self, log: MemoryEventLog, **options: Any) -> Follower:
        """A follower that tells this."""
        topics: dict[Topic, Followed[Any]] = {
            Topic.PLAYS: Followed(play_from_record, self.plays.extend),
            Topic.FEEDBACK: Followed(of_value(feedback_from_value), self.feedback.extend),
        }
        return Follower(log, topics, now=lambda: self.now, **options)


@pytest.fixture
def log() -> MemoryEventLog:
    """An empty log."""
    return MemoryEventLog()


@pytest.fixture
def told() -> Told:
    """Nothing is told yet."""
    return Told()


def put(log: MemoryEventLog, *plays: Play) -> None:
    """Another server takes plays in."""
    log.append(Topic.PLAYS, [play_record(one, ingested_at=one.played_at) for one in plays], timeout_seconds=1)


def raw(value: bytes) -> Record:
    """A record of any bytes."""
    return Record(key=b"listener", value=value)


def test_what_others_took_in_is_told_in_the_logs_order(log: MemoryEventLog, told: Told) -> None:
    """Plays and words, heartbeats passed over, nothing twice."""
    follower = told.follower(log)
    put(log, play(1), play(2))
    log.append(Topic.PLAYS, [heartbeat_record(told.now)], timeout_seconds=1)
    log.append(Topic.FEEDBACK, [feedback_record(word(FeedbackKind.LIKE))], timeout_seconds=1)
    assert [4, 0] == [follower.step(), follower.step()]
    put(log, play(3))
    follower.step()
    assert [play(1), play(2), play(3)] == told.plays
    assert [word(FeedbackKind.LIKE)] == told.feedback
    assert 0 == follower.malformed


def test_it_begins_a_minute_before_its_start(log: MemoryEventLog, told: Told) -> None:
    """What is older is in the store."""
    put(log, play(1))
    told.now += OVERLAP / 2
    told.follower(log).step()
    assert [play(1)] == told.plays
    told.plays.clear()
    told.now += OVERLAP
    told.follower(log).step()
    assert [] == told.plays


def test_it_is_current_once_it_has_told_what_the_log_held_when_it_began(log: MemoryEventLog, told: Told) -> None:
    """Not before: whoever answers then would show what was played a moment ago. What comes later does not change it."""
    put(log, *(play(number) for number in range(BATCH + 1)))
    follower = told.follower(log)
    seen = [follower.is_current]
    for _ in range(2):
        follower.step()
        seen.append(follower.is_current)
    assert [False, False, True] == seen
    put(log, *(play(number) for number in range(BATCH + 1)))
    follower.step()
    assert follower.is_current


def test_offsets_without_records_make_nobody_wait_for_ever(log: MemoryEventLog, told: Told) -> None:
    """A log whose end was cleaned away counts records that nobody ever reads."""
    put(log, *(play(number) for number in range(3 * BATCH)))
    follower = told.follower(log)
    follower.step()
    told.now += CURRENT_WITHIN
    follower.step()
    assert not follower.is_current
    told.now += CURRENT_WITHIN
    put(log, *(play(number) for number in range(3 * BATCH)))
    follower.step()
    assert follower.is_current


def arbitrary() -> list[bytes]:
    """Values that break what a reader may believe of a play."""
    good = json.loads(play_record(play(1), ingested_at=play(1).played_at).value)
    wrong: list[dict[str, object]] = [
        {"event_id": 5},
        {"event_id": ["a"]},
        {"listener_id": {}},
        {"track_id": None},
        {"played_at_ms": 1e300},
        {"played_at_ms": "now"},
        {"played_at_ms": -(10**18)},
        {"milliseconds_played": "3"},
        {"milliseconds_played": True},
        {"allow_training": 1},
        {"source": []},
        {"device": 1},
    ]
    depth = b"[" * 200_000
    texts = [b"", b"\xff\xfe", b"null", b"[]", b"7", b'"text"', b"{}", b'{"event_id": "x"}', b"{", depth, b"NaN"]
    return [*texts, *(json.dumps(good | one).encode() for one in wrong)]


@pytest.mark.parametrize("value", arbitrary(), ids=range(len(arbitrary())))
def test_a_malformed_record_is_counted_and_passed_over(log: MemoryEventLog, told: Told, value: bytes) -> None:
    """Whatever its bytes are, those after it are told."""
    follower = told.follower(log)
    log.append(Topic.PLAYS, [raw(value)], timeout_seconds=1)
    put(log, play(2))
    follower.step()
    assert ([play(2)], 1) == (told.plays, follower.malformed)


@given(
    st.sampled_from([Topic.PLAYS, Topic.FEEDBACK]),
    st.binary(max_size=30) | JSON.map(lambda one: json.dumps(one).encode()),
)
def test_arbitrary_bytes_and_arbitrary_json_end_nothing(topic: Topic, value: bytes) -> None:
    """They are malformed, or (a heartbeat) nothing."""
    log, told = MemoryEventLog(), Told()
    follower = told.follower(log)
    log.append(topic, [raw(value)], timeout_seconds=1)
    assert 1 == follower.step()
    assert ([], []) == (told.plays, told.feedback)


@pytest.mark.parametrize(
    "fields",
    [
        {"artist_ids": []},
        {"artist_ids": "a"},
        {"artist_ids": [1]},
        {"title": None},
        {"tags": [None]},
        {"duration_milliseconds": 1.5},
        {"audio_features": {"energy": 1}},
        {"more": 1},
    ],
)
def test_a_track_of_another_shape_is_malformed(fields: dict[str, object]) -> None:
    """Every track has an artist, and text where text is promised."""
    good: dict[str, object] = {
        "track_id": "t",
        "title": "T",
        "artist_ids": ["a"],
        "album": "",
        "released_on": "",
        "duration_milliseconds": 1,
        "tags": [],
        "audio_features": None,
        "source": "first_party",
        "allow_training": True,
    }
    assert "t" == track_from_value(json.dumps(good).encode()).track_id
    with pytest.raises(ValueError, match="not a track"):
        track_from_value(json.dumps(good | fields).encode())
    with pytest.raises(ValueError, match="not an artist"):
        artist_from_value(json.dumps(good).encode())


def test_after_a_failure_it_goes_on_where_it_was(log: MemoryEventLog, told: Told) -> None:
    """What came while the log was away is told; the minute before it again."""
    follower = told.follower(log)
    follower.step()
    log.down = True
    follower.close()
    with pytest.raises(Unavailable):
        follower.step()
    log.down = False
    put(log, play(1))
    told.now += 10 * OVERLAP
    follower.step()
    assert [play(1)] == told.plays


def test_a_follower_far_behind_goes_on_at_the_end(log: MemoryEventLog, told: Told) -> None:
    """By the time it came to them, the sink had them in the store."""
    behind = told.follower(log, most_behind=BATCH // 2)
    catching_up = told.follower(log)
    put(log, *(play(number) for number in range(3 * BATCH)))
    told.now += timedelta(seconds=LOOK_SECONDS)
    assert [BATCH, 0] == [behind.step(), behind.step()]
    put(log, play(4 * BATCH))
    assert [1, BATCH, BATCH, BATCH, 1] == [behind.step(), *(catching_up.step() for _ in range(4))]
