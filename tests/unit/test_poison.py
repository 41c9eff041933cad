"""Whatever one record holds, it costs itself only: every consumer of every topic goes on and can keep what it takes."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, cast

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.clusters import TrackClusters
from backend.domain.feedback import FeedbackKind
from backend.domain.live_tables import LIVE_TABLES
from backend.domain.tables import row_of
from backend.domain.tracks import AUDIO_FEATURES, Artist, AudioFeatures, Track
from backend.ports import records
from backend.ports.event_log import Record, StoredRecord, Topic
from backend.ports.fields import LONGEST_IDENTIFIER, MalformedRecord
from backend.services.follow import Followed, Follower, of_value
from streaming.batch import TOPICS, Batch
from streaming.schema import result_tables, schema
from streaming.sink import Sink
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_listeners import play, word

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
NOW_MS = records.milliseconds(NOW)
SOUND = AudioFeatures(**dict.fromkeys(AUDIO_FEATURES, 0.5))
TRACK = Track(track_id="t", title="T", artist_ids=("a",), tags=("x",), audio_features=SOUND)
CLUSTERS = TrackClusters(version="v", features=("energy",), means=(0.5,), deviations=(0.1,), centroids=((1.0,),))
CELLS = {"STRING": "text", "BYTES": "bGV0dGVy", "BIGINT": 7, "DOUBLE": 0.5, "TIMESTAMP_LTZ(3)": "2026-11-21T09:00:00Z"}
WORDS = {
    "span": "hour",
    "subject": "artist",
    "kind": "drop",
    "direction": "up",
    "severity": "low",
    "reason": "too_late",
}
POPULARITY = {"track_popularity", "artist_popularity"}


def good_row(table: str) -> Record:
    """A row of a live table as its topic holds it."""
    columns = {one.name: WORDS.get(one.name, CELLS[one.type]) for one in schema(table).columns}
    if table in POPULARITY:
        columns["span"] = "24h"
    key = {name: columns[name] for name in schema(table).key}
    return Record(key=json.dumps(key).encode(), value=json.dumps(columns).encode())


GOOD: Mapping[str, Record] = {
    Topic.PLAYS: records.play_record(play(1), ingested_at=NOW),
    Topic.FEEDBACK: records.feedback_record(word(FeedbackKind.HIDE)),
    Topic.TRACKS: records.track_record(TRACK),
    Topic.ARTISTS: records.artist_record(Artist(artist_id="a", name="A", tags=("x",))),
    Topic.CLUSTERS: records.clusters_record(CLUSTERS),
    **{table: good_row(table) for table in result_tables()},
}
"""A good record of every topic that the sink reads."""

FOLLOWED: Mapping[Topic, Callable[[StoredRecord], object]] = {
    Topic.PLAYS: records.play_from_record,
    Topic.FEEDBACK: of_value(records.feedback_from_value),
    Topic.TRACKS: of_value(records.track_from_value),
    Topic.ARTISTS: of_value(records.artist_from_value),
}
"""What a server follows, and how it reads it."""

TEXT = st.text('a"é\0\U0001f600\u202e', max_size=5)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e300, -62_135_596_800_001, 253_402_300_800_000])
    | st.floats()
    | TEXT
    | st.sampled_from(["x" * (LONGEST_IDENTIFIER + 1), "\ud800", "0001-01-01T00:00:00+23:59", "2026-11-21T09:00:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def poisoned(draw: st.DrawFn) -> tuple[str, bytes, bytes]:
    """A topic, a key and a value: of any bytes, of any JSON, or good but for one field or for what follows."""
    topic = draw(st.sampled_from(sorted(GOOD)))
    good = GOOD[topic]
    key, value = good.key, good.value
    how = draw(st.sampled_from(["bytes", "json", "field", "key", "more"]))
    if how == "bytes":
        value = draw(st.binary(max_size=30))
    elif how == "json":
        value = json.dumps(draw(JSON)).encode()
    elif how == "field":
        fields = json.loads(value)
        value = json.dumps(fields | {draw(st.sampled_from([*sorted(fields), "more"])): draw(JSON)}).encode()
    elif how == "key":
        key = draw(st.binary(max_size=10) | JSON.map(lambda one: json.dumps(one).encode()))
    else:
        value += draw(st.binary(min_size=1, max_size=5) | st.just(value))
    return topic, key, value


DEEP: list[tuple[str, bytes, bytes]] = [
    (topic, good.key, value)
    for topic, good in GOOD.items()
    for value in (b'{"a":' * 1500 + b"1" + b"}" * 1500, b'{"a":' * 1500, b"[" * 200_000)
]


def go_on(topic: str, key: bytes, value: bytes) -> None:
    """Every consumer of the topic passes the record and takes the good one after it."""
    log, store = MemoryEventLog(), MemoryStore()
    good = Record(key=GOOD[topic].key, value=GOOD[topic].value, partition=0)
    log.append(cast(Topic, topic), [Record(key=key, value=value, partition=0), good], timeout_seconds=1)
    with closing(Sink(log, store)) as sink:
        assert 2 == sink.step()
    kept_by_store(topic, value, key)
    if topic in FOLLOWED:
        told: list[object] = []
        followed: dict[Topic, Followed[Any]] = {Topic(topic): Followed(FOLLOWED[Topic(topic)], told.extend)}
        follower = Follower(log, followed, now=lambda: NOW)
        assert 2 == follower.step()
        (*_, last) = log.reader([topic], {}).poll(max_records=3, timeout_seconds=0)
        assert FOLLOWED[Topic(topic)](last) == told[-1]


def kept_by_store(topic: str, value: bytes, key: bytes) -> None:
    """What the sink makes of the record is a document that the store can hold, and a row that the server can read."""
    batch = Batch()
    batch.add([StoredRecord(topic=topic, partition=0, offset=0, key=key, value=value, appended_ms=NOW_MS)])
    for row in batch.rows.values():
        assert row.columns is not None
        bson.encode({"_id": row.key, **row.columns})
        row_of(LIVE_TABLES[row.table].row, row.columns)
    plays = [one for plays in batch.plays.values() for one in plays]
    words = [one for words in batch.feedback.values() for one in words]
    for each in (*plays, *words, *batch.tracks.values(), *batch.artists.values()):
        bson.encode(asdict(each, dict_factory=_plain))


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: str(value) if name in ("source", "kind") else value for name, value in pairs}


def test_every_topic_has_its_good_record() -> None:
    """Each is read by the sink without complaint, so that the poisoned ones below are so by what was changed."""
    assert set(TOPICS) == set(GOOD)
    batch = Batch()
    batch.add(
        StoredRecord(topic=topic, partition=0, offset=0, key=one.key, value=one.value, appended_ms=NOW_MS)
        for topic, one in GOOD.items()
    )
    assert (len(GOOD), 0, len(result_tables())) == (batch.records, batch.malformed, len(batch.rows))


@given(poisoned())
def test_any_record_costs_itself_only(record: tuple[str, bytes, bytes]) -> None:
    """Arbitrary bytes and arbitrary JSON, as a whole, in one field, in the key, or behind a good record."""
    go_on(*record)


@pytest.mark.parametrize("record", DEEP, ids=[f"{topic}-{len(value)}" for topic, _, value in DEEP])
def test_a_record_nested_deep_costs_itself_only(record: tuple[str, bytes, bytes]) -> None:
    """A parser that recurses would end its process here."""
    go_on(*record)


@given(st.binary(max_size=30) | JSON.map(lambda one: json.dumps(one).encode()))
def test_any_clusters_are_clusters_or_malformed(value: bytes) -> None:
    """Nothing else is raised."""
    with pytest.raises(MalformedRecord):
        records.clusters_from_value(value)


@given(st.sampled_from(["version", "features", "means", "deviations", "centroids"]), JSON)
def test_clusters_of_one_odd_field_are_clusters_or_malformed(field: str, odd: object) -> None:
    """What passes has rows of numbers as long as its features."""
    value = json.dumps(json.loads(records.clusters_record(CLUSTERS).value) | {field: odd}).encode()
    try:
        found = records.clusters_from_value(value)
    except MalformedRecord:
        return
    assert {len(found.features)} == {len(row) for row in (found.means, found.deviations, *found.centroids)}
    assert {float} >= {type(one) for row in (found.means, found.deviations, *found.centroids) for one in row}


@pytest.mark.parametrize(
    "value",
    [
        records.play_record(play(1), ingested_at=NOW).value + b" x",
        records.play_record(play(1), ingested_at=NOW).value * 2,
        records.play_record(play(1), ingested_at=NOW).value.replace(b'"t1"', b'"t\xff"'),
        records.play_record(play(1), ingested_at=NOW).value.decode().encode("utf-16"),
    ],
)
def test_what_is_not_one_object_in_utf8_is_no_play(value: bytes) -> None:
    """Garbage behind the object, two of them, bytes that are no text, another encoding."""
    with pytest.raises(MalformedRecord, match="not a play"):
        records.play_from_value(value)


@pytest.mark.parametrize("tempo", [1e150, 1e300, -1e308, 1e7])
def test_a_feature_beyond_measure_is_no_tracks(tempo: float) -> None:
    """A training over it would publish infinities, and the live job would round one."""
    with pytest.raises(MalformedRecord, match="tempo"):
        records.track_from_value(records.track_record(replace(TRACK, audio_features=replace(SOUND, tempo=tempo))).value)


@pytest.mark.parametrize(
    "odd",
    [{"deviations": (0.0,)}, {"deviations": (-1.0,)}, {"means": (1e300,)}, {"centroids": ((1e7,),)}, {"centroids": ()}],
)
def test_clusters_of_impossible_numbers_are_malformed(odd: dict[str, Any]) -> None:
    """Nothing can be brought onto such a scale."""
    with pytest.raises(MalformedRecord, match="not clusters"):
        records.clusters_from_value(records.clusters_record(replace(CLUSTERS, **odd)).value)
