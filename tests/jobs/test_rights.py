"""A right that was taken back leaves the charts of a backfill: of a track, of any of its artists, of a listener."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import StoredRecord, Topic
from backend.ports.records import artist_record, track_record
from tests.jobs.conftest import RunJob, in_log, play_value
from tests.recount import Log

HOUR = datetime(2026, 2, 1, 20, tzinfo=UTC)
TABLES = ("artist_engagement", "track_popularity", "play_archive")
LISTENERS = ("ann", "bob", "cat")
NAMES = ("kept", "own", "guest", "main")
"""Tracks: allowed, withheld itself, by its second artist, and by its first."""

Rows = dict[str, list[dict[str, Any]]]


def _in_log(topic: str, records: dict[str, bytes]) -> list[StoredRecord]:
    return in_log(topic, list(records.values()), keys=list(records))


@pytest.fixture(scope="module")
def rows(run_job: RunJob) -> Rows:
    """Three listeners play each of four tracks; of three tracks and of one listener the right was taken back since."""
    plays = [
        play_value(f"{track}-{listener}-{nth}", listener, track, HOUR + timedelta(minutes=nth))
        for track in NAMES
        for listener in LISTENERS
        for nth in range(2)
    ]
    plays.append(play_value("says-no", "dan", "kept", HOUR, allow_training=False))
    track = Track(
        track_id="",
        title="t",
        artist_ids=("a",),
        album="",
        released_on="",
        duration_milliseconds=200_000,
        tags=(),
        audio_features=None,
        source=Source.FIRST_PARTY,
        allow_training=True,
    )
    tracks = {
        f"{name}-track": replace(
            track,
            track_id=f"{name}-track",
            artist_ids=(name, "visitor") if name == "guest" else (name,),
            allow_training=name != "own",
        )
        for name in NAMES
    }
    artists = {
        name: Artist(artist_id=name, name=name, tags=(), source=Source.FIRST_PARTY, allow_training=allowed)
        for name, allowed in {**dict.fromkeys(NAMES, True), "visitor": False, "main": False}.items()
    }
    return run_job(
        Log(
            plays=in_log(Topic.PLAYS, plays),
            tracks=_in_log(Topic.TRACKS, {name: track_record(one).value or b"" for name, one in tracks.items()}),
            artists=_in_log(Topic.ARTISTS, {name: artist_record(one).value or b"" for name, one in artists.items()}),
            rights=_in_log(
                Topic.RIGHTS,
                {
                    name: json.dumps({"listener_id": name, "allow_training": allowed}).encode()
                    for name, allowed in {"ann": False, "bob": True}.items()
                },
            ),
        ),
        TABLES,
    )


def test_charts_hold_what_may_be_used_only(rows: Rows) -> None:
    """Of four tracks one is left, and of its four listeners those two who let it count."""
    charts = {row["span"]: (row["track_id"], row["listeners"], row["plays"]) for row in rows["track_popularity"]}
    assert dict.fromkeys(("1h", "24h", "7d"), ("kept-track", 2, 4)) == charts
    assert 3 == len(rows["track_popularity"])


def test_what_is_no_chart_counts_them_all(rows: Rows) -> None:
    """What artists are told of how they are heard asks for no right to train."""
    hours = {row["artist_id"]: row["plays"] for row in rows["artist_engagement"] if row["span"] == "hour"}
    assert {"kept": 7, "own": 6, "guest": 6, "main": 6} == hours
    allowed = {row["event_id"] for row in rows["play_archive"] if row["allow_training"]}
    assert {f"kept-{listener}-{nth}" for listener in ("bob", "cat") for nth in range(2)} == allowed
    assert 25 == len(rows["play_archive"])
