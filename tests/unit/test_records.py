"""Records that the log holds, back and forth."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.clusters import TrackClusters
from backend.domain.plays import HISTORY_AGE, Timing
from backend.domain.rights import ListenerRights
from backend.ports.fields import MalformedRecord
from backend.ports.records import (
    clusters_from_value,
    clusters_record,
    erased_from_value,
    erasure_record,
    play_from_value,
    play_record,
    rights_from_value,
    rights_record,
)
from backend.services.identities import digest_of
from tests.unit.test_listeners import play

CLUSTERS = TrackClusters(
    version="20261121T101500Z-abcdef",
    features=("energy", "tempo"),
    means=(0.5, 120.0),
    deviations=(0.1, 20.0),
    centroids=((-1.0, 0.25), (1.5, -0.5)),
)


def test_clusters_come_back_as_they_were_appended() -> None:
    """One key for all versions, so that compaction keeps the last; the value names it too, for SQL."""
    record = clusters_record(CLUSTERS)
    assert b"current" == record.key
    assert {
        "model": "current",
        "version": "20261121T101500Z-abcdef",
        "features": ["energy", "tempo"],
        "means": [0.5, 120.0],
        "deviations": [0.1, 20.0],
        "centroids": [[-1.0, 0.25], [1.5, -0.5]],
    } == json.loads(record.value)
    assert CLUSTERS == clusters_from_value(record.value)


@pytest.mark.parametrize(
    "change", [{"means": [0.5]}, {"centroids": [[1.0, 2.0, 3.0]]}, {"features": None}, {"deviations": ["wide", 1]}]
)
def test_clusters_of_another_shape_are_malformed(change: dict[str, object]) -> None:
    """A row of another length would put every track into a wrong place without a word."""
    fields = json.loads(clusters_record(CLUSTERS).value) | change
    with pytest.raises(MalformedRecord, match="not clusters"):
        clusters_from_value(json.dumps(fields).encode())


@pytest.mark.parametrize("timing", Timing)
def test_a_play_comes_back_with_its_timing(timing: Timing) -> None:
    """The log says of every play whether it was told live or is history, whatever its age."""
    told = replace(play(1), timing=timing)
    record = play_record(told, ingested_at=told.played_at)
    assert timing.value == json.loads(record.value)["timing"]
    assert told == play_from_value(record.value)


@pytest.mark.parametrize("left_out", [lambda fields: fields.pop("timing"), lambda fields: fields.update(timing=None)])
@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), Timing.LIVE),
        (-timedelta(hours=1), Timing.LIVE),
        (HISTORY_AGE, Timing.LIVE),
        (HISTORY_AGE + timedelta(milliseconds=1), Timing.HISTORY),
        (timedelta(days=900), Timing.HISTORY),
    ],
)
def test_an_older_record_without_a_timing_is_history_by_its_age(
    left_out: Callable[[dict[str, object]], object], age: timedelta, expected: Timing
) -> None:
    """Logs of an earlier release hold such records; told more than a day after it was heard, a play is history."""
    fields = json.loads(play_record(play(1), ingested_at=play(1).played_at + age).value)
    left_out(fields)
    found = play_from_value(json.dumps(fields).encode())
    assert found is not None
    assert expected == found.timing


@pytest.mark.parametrize("timing", ["", "Live", "past", 1, True])
def test_another_timing_is_malformed_and_named(timing: object) -> None:
    """No guess is made about what a producer meant."""
    fields = json.loads(play_record(play(1), ingested_at=play(1).played_at).value) | {"timing": timing}
    with pytest.raises(MalformedRecord, match="timing"):
        play_from_value(json.dumps(fields).encode())


@pytest.mark.parametrize("timing", [["live"], {"is": "live"}])
def test_a_timing_that_is_no_scalar_makes_it_no_flat_record(timing: object) -> None:
    """A list or an object is no field's."""
    fields = json.loads(play_record(play(1), ingested_at=play(1).played_at).value) | {"timing": timing}
    with pytest.raises(MalformedRecord, match="not one flat JSON object"):
        play_from_value(json.dumps(fields).encode())


def test_rights_and_news_of_erasures_come_back_as_they_were_put() -> None:
    """Rights stand under the pseudonym, of which the news tells the digest alone."""
    for allowed in (True, False):
        said = ListenerRights(listener_id="pseudonym", allow_training=allowed)
        record = rights_record(said)
        assert (b"pseudonym", said) == (record.key, rights_from_value(record.value or b""))
    digest = digest_of("pseudonym")
    news = erasure_record(digest)
    assert digest == erased_from_value(news.value or b"")
    assert b'pseudonym"' not in (news.value or b"") + news.key


@pytest.mark.parametrize(
    "value", [b"", b"[]", b'{"listener_id": "a"}', b'{"listener_id": 1, "allow_training": true}', b'{"more": 1}']
)
def test_other_rights_and_other_news_are_malformed(value: bytes) -> None:
    """Neither guesses what was meant."""
    for read in (rights_from_value, erased_from_value):
        with pytest.raises(MalformedRecord):
            read(value)
