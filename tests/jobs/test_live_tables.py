"""The live tables' SQL on literal plays, against what a person would count and an independent recount."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.ports.records import heartbeat_record
from tests.jobs.conftest import RunJob, play_value

MIDNIGHT = datetime(2026, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def rows(run_job: RunJob) -> Rows:
    """One run over ten days: a steady artist, a surge by many, a farm by few, duplicates, skips and noise."""
    values = []

    def play(name: str, listener: str, artist: str, at: datetime, **fields: object) -> None:
        values.append(play_value(f"{name}-{listener}-{at.isoformat()}", listener, artist, at, **fields))

    for hour in range(240):
        at = MIDNIGHT + hour * HOUR
        for listener in range(2):
            play("steady", f"s{listener}", "steady", at + timedelta(minutes=listener))
            play("loved", f"v{listener}", "loved", at + timedelta(minutes=listener))
        if hour % 24 == 3:
            play("tail", "t0", "tail", at)
    surge = MIDNIGHT + 220 * HOUR
    for listener in range(80):
        play("surge", f"fan{listener}", "loved", surge + timedelta(seconds=listener))
    for nth in range(120):
        play("farm", f"bot{nth % 3}", "tail", surge + timedelta(seconds=25 * nth), milliseconds_played=35_000)
    play("skip", "s9", "steady", MIDNIGHT, milliseconds_played=5_000)
    play("unknown-length", "s9", "odd", MIDNIGHT, track_milliseconds=0)
    values += values[:50]  # sent twice
    values += [b"not json", b'{"event_id":"no-listener"}', heartbeat_record(MIDNIGHT + 300 * HOUR).value]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir("/tmp")
        return run_job(values)


def test_engagement_counts_each_event_once_by_artist_and_hour(rows: Rows) -> None:
    """Duplicates, malformed records and heartbeats change nothing; skips and completion are those of the plays."""
    first = next(
        r
        for r in rows["artist_engagement"]
        if (r["artist_id"] == "steady" and r["window_start"].startswith("2026-02-01 00"))
        or (r["artist_id"] == "steady" and r["window_start"].startswith("2026-02-01T00"))
    )
    assert 3 == first["plays"]
    assert 3 == first["unique_listeners"]
    assert 365_000 == first["milliseconds_played"]
    assert 365_000 / 600_000 == pytest.approx(first["completion_rate"])
    assert 1 == first["skips"]


def test_engagement_of_tracks_without_length_has_no_completion_rate(rows: Rows) -> None:
    """An unknown length is not a length of zero."""
    (odd,) = [r for r in rows["artist_engagement"] if r["artist_id"] == "odd"]
    assert odd.get("completion_rate") is None
    assert 0 == odd["skips"]


def test_archive_holds_each_play_once(rows: Rows) -> None:
    """Every counted play, once, in the partition of its day."""
    assert 240 * 4 + 10 + 80 + 120 + 2 == len(rows["play_archive"])
    assert len(rows["play_archive"]) == len({r["event_id"] for r in rows["play_archive"]})


def test_anomalies_tell_a_release_spike_from_a_stream_farm(rows: Rows) -> None:
    """Many plays by many is a spike, many plays by few is a farm, and a steady artist is neither."""
    kinds = {(r["artist_id"], r["kind"]) for r in rows["anomalies"]}
    assert {("loved", "release_spike"), ("tail", "stream_farm")} == kinds


def test_anomaly_baseline_leaves_the_hour_under_test_out(rows: Rows) -> None:
    """The steady two plays an hour are the baseline of the surge: z is (82 - 2) / sqrt(2), floored as Poisson."""
    (spike,) = [r for r in rows["anomalies"] if r["kind"] == "release_spike"]
    assert 2 == pytest.approx(spike["baseline_plays"])
    assert (82 - 2) / 2**0.5 == pytest.approx(spike["z_score"])
    assert "high" == spike["severity"]


def test_popularity_keeps_the_latest_hour_of_each_track(rows: Rows) -> None:
    """The last window of the steady track holds its 240th hour only; eight days hold the 169 hours up to it."""
    (latest,) = [r for r in rows["track_popularity"] if r["track_id"] == "steady-track"]
    assert latest["window_start"].startswith((MIDNIGHT + 262 * HOUR).strftime("%Y-%m-%d"))
    assert (2, 2, 2 * 169) == (latest["plays_24h"], latest["listeners_24h"], latest["plays_8d"])


def test_trends_rank_by_z_score_within_the_hour(rows: Rows) -> None:
    """In each hour ranks run from 1 without gaps, and z never rises with the rank."""
    hours: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows["trends"]:
        hours[row["window_start"]].append(row)
    assert hours
    for ranked in hours.values():
        ranked.sort(key=lambda r: r["rank"])
        assert list(range(1, len(ranked) + 1)) == [r["rank"] for r in ranked]
        assert sorted((r["z_score"] for r in ranked), reverse=True) == [r["z_score"] for r in ranked]


def test_a_surge_is_a_trend_against_its_own_days(rows: Rows) -> None:
    """Right after the surge: 48 + 80 plays against a baseline of 48 a day."""
    hour = (MIDNIGHT + 220 * HOUR).isoformat()[:13]
    (loved,) = [
        r for r in rows["trends"] if r["track_id"] == "loved-track" and r["window_start"][:13].replace(" ", "T") == hour
    ]
    assert 128 == loved["plays_24h"]
    assert 48 == pytest.approx(loved["baseline_24h"])
    assert 128 / 48 == pytest.approx(loved["ratio"])


def test_steady_tracks_are_no_trends(rows: Rows) -> None:
    """What is played as always does not rise once there is a past."""
    assert [] == [r for r in rows["trends"] if r["track_id"] == "steady-track" and r["window_start"] > "2026-02-09"]
