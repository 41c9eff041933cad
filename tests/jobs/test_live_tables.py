"""The live tables' SQL on literal records, against what a person would count and an independent recount."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.tracks import AudioFeatures, Track
from backend.ports.records import feedback_record, heartbeat_record, track_record
from tests.comparison import same_rows
from tests.jobs.conftest import SETTINGS, RunJob, in_log, play_value
from tests.recount import Log, Recount

MIDNIGHT = datetime(2026, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOUND = AudioFeatures(
    danceability=0.5,
    energy=0.4,
    valence=0.3,
    acousticness=0.2,
    instrumentalness=0.1,
    liveness=0.1,
    speechiness=0.1,
    tempo=120.0,
    loudness=-8.0,
)
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def log() -> Log:
    """Thirty days: a steady artist, a surge by many, a farm by few, sessions, late plays, duplicates and noise."""
    told: list[tuple[datetime, bytes]] = []

    def play(name: str, listener: str, artist: str, at: datetime, **fields: object) -> None:
        told.append((at, play_value(f"{name}-{listener}-{at.isoformat()}", listener, artist, at, **fields)))

    for hour in range(24 * 30):
        at = MIDNIGHT - 480 * HOUR + hour * HOUR
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
    for listener in range(40):
        for nth in range(4):  # every one of many plays the whole of a new record
            at = surge + timedelta(hours=10, minutes=8 * nth, seconds=listener)
            play("album", f"fan{listener}", "steady", at, track_id=f"album-{nth}")
    play("skip", "s9", "steady", MIDNIGHT, milliseconds_played=5_000)
    play("unknown-length", "s9", "odd", MIDNIGHT, track_milliseconds=0)
    play("no-charts", "s9", "odd", MIDNIGHT + HOUR, allow_training=False)
    for nth in range(40):  # a silence of exactly half an hour does not end a session, a second more does
        play("night", "owl", "odd", MIDNIGHT + timedelta(seconds=nth * (1800 + nth % 2)))
    told.sort(key=lambda one: one[0])
    values = [value for _, value in told]
    values += values[:50]  # sent twice
    late = MIDNIGHT + 100 * HOUR
    values += [play_value(f"late-{nth}", "s0", "loved", late + timedelta(minutes=nth)) for nth in range(3)]
    values += [
        b"not json",
        b"[1, 2]",
        b'{"event_id":"no-listener"}',
        play_value("half", "s0", "loved", late).replace(b'"loved-track"', b"null"),
        heartbeat_record(MIDNIGHT + 300 * HOUR).value,
    ]
    likes = [
        Feedback(
            event_id=f"like-{nth % 3}",
            listener_id="s0",
            track_id="loved-track",
            artist_id="loved",
            kind=FeedbackKind.LIKE if nth < 4 else FeedbackKind.DISLIKE,
            given_at=MIDNIGHT + nth // 3 * HOUR,
        )
        for nth in range(6)
    ]
    tracks = [
        Track(track_id="loved-track", title="Loved", artist_ids=("loved",), audio_features=SOUND),
        Track(
            track_id="tail-track",
            title="Tail",
            artist_ids=("tail",),
            audio_features=replace(SOUND, energy=0.9, tempo=171.5),
        ),
        Track(
            track_id="steady-track",
            title="Steady",
            artist_ids=("steady",),
            audio_features=SOUND,
            allow_training=False,
        ),
        Track(track_id="odd-track", title="Odd", artist_ids=("odd",)),
    ]
    return Log(
        plays=in_log("plays", values),
        feedback=in_log("feedback", [feedback_record(like).value for like in likes]),
        tracks=in_log("tracks", [track_record(t).value for t in tracks], keys=[t.track_id for t in tracks]),
        clusters={
            "means": [0.5] * 7 + [120.0, -8.0],
            "deviations": [0.25] * 7 + [30.0, 4.0],
            "centroids": [[0.0] * 9, [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.5, 0.0]],
        },
    )


@pytest.fixture(scope="module")
def rows(run_job: RunJob, log: Log) -> Rows:
    """One run over the log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir("/tmp")
        return run_job(log)


@pytest.fixture(scope="module")
def recount(log: Log) -> Recount:
    """The independent count of the same log; a job over a bounded log closes every window."""
    return Recount(log, lateness_minutes=SETTINGS.lateness_minutes)


def test_every_table_is_the_recount(rows: Rows, recount: Recount) -> None:
    """All columns of all rows; a table that is empty on either side would hide what it does not count."""
    for table, (expected, key) in recount.tables(SETTINGS).items():
        assert expected, table
        same_rows(table, expected, rows[table], key)


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
