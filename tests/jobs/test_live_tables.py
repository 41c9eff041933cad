"""The live tables' SQL on literal records, against what a person would count and an independent recount."""

import json
from base64 import b64encode
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

import pytest

from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.tracks import AudioFeatures, Track
from backend.ports.event_log import StoredRecord
from backend.ports.records import feedback_record, heartbeat_record, track_record
from streaming.batch import Batch
from streaming.schema import result_tables, schema
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
    play("unknown-length", "s9", "odd", MIDNIGHT + 30 * HOUR, track_milliseconds=0)
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
        Track(track_id="steady-track", title="Steady", artist_ids=("steady",)),
        # Nobody plays it: of one that is played a job in batch asks again whether it may be used (test_rights.py).
        Track(track_id="mute-track", title="Mute", artist_ids=("mute",), audio_features=SOUND, allow_training=False),
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


def test_the_sink_takes_every_row_of_every_table(rows: Rows) -> None:
    """Each cell is of the type, and there where it must be, that store and server hold the row to."""
    batch = Batch()
    for table in result_tables():
        for offset, row in enumerate(rows[table]):
            key = json.dumps({name: row[name] for name in schema(table).key}).encode()
            value = json.dumps(row).encode()
            batch.add([StoredRecord(topic=table, partition=0, offset=offset, key=key, value=value, appended_ms=0)])
    assert (0, sum(len(rows[table]) for table in result_tables())) == (batch.malformed, batch.records)


def _one(rows: list[dict[str, Any]], **wanted: object) -> dict[str, Any]:
    """The row with these values; moments are written in ISO 8601."""
    (row,) = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    return row


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_engagement_counts_each_event_once_by_artist_and_hour(rows: Rows) -> None:
    """Duplicates, malformed records and heartbeats change nothing; skips and completion are those of the plays."""
    first = _one(rows["artist_engagement"], artist_id="steady", span="hour", window_start=_at(MIDNIGHT))
    assert (3, 3, 365_000, 1) == (
        first["plays"],
        first["unique_listeners"],
        first["milliseconds_played"],
        first["skips"],
    )
    assert 365_000 / 600_000 == pytest.approx(first["completion_rate"])
    assert 2 / 3 == pytest.approx(first["returning_share"])


def test_a_day_is_not_the_sum_of_its_hours(rows: Rows) -> None:
    """Plays add up, listeners do not."""
    day = _one(rows["artist_engagement"], artist_id="steady", span="day", window_start=_at(MIDNIGHT))
    assert (49, 3) == (day["plays"], day["unique_listeners"])


def test_likes_count_once_in_the_hour_they_were_given(rows: Rows) -> None:
    """Three likes came, one of them twice, and two dislikes."""
    likes = {r["window_start"]: r["likes"] for r in rows["artist_engagement"] if r["span"] == "hour" and r["likes"]}
    assert {_at(MIDNIGHT): 3} == likes


def test_plays_of_unknown_length_have_no_part_in_the_completion_rate(rows: Rows) -> None:
    """Beside two plays of 180 s out of 200 s one changes nothing; alone in its hour it leaves no rate, and no skip."""
    odd = {r["window_start"]: r for r in rows["artist_engagement"] if r["artist_id"] == "odd" and r["span"] == "hour"}
    mixed, alone = odd[_at(MIDNIGHT)], odd[_at(MIDNIGHT + 30 * HOUR)]
    assert (3, 540_000, pytest.approx(0.9)) == (
        mixed["plays"],
        mixed["milliseconds_played"],
        mixed["completion_rate"],
    )
    assert (1, 180_000, None, 0) == (
        alone["plays"],
        alone["milliseconds_played"],
        alone["completion_rate"],
        alone["skips"],
    )


def test_archive_holds_each_play_once(rows: Rows, recount: Recount) -> None:
    """Every counted play, once, the late ones too."""
    ids = [r["event_id"] for r in rows["play_archive"]]
    assert len(ids) == len(set(ids))
    assert recount.event_ids == set(ids)
    assert {"late-0", "late-1", "late-2"} <= set(ids)


def test_anomalies_tell_a_release_spike_from_a_stream_farm(rows: Rows) -> None:
    """Many plays by many is a spike, also of a record heard whole; many plays by few is a farm."""
    kinds = {(r["subject"], r["artist_id"], r["kind"], r["direction"]) for r in rows["anomalies"]}
    assert {
        ("artist", "loved", "release_spike", "up"),
        ("track", "loved", "release_spike", "up"),
        ("artist", "tail", "stream_farm", "up"),
        ("artist", "steady", "release_spike", "up"),
    } == kinds


def test_anomaly_baseline_leaves_the_hour_under_test_out(rows: Rows) -> None:
    """The steady two plays an hour are the baseline of the surge: z is (82 - 2) / sqrt(2), floored as Poisson."""
    spike = _one(rows["anomalies"], subject="artist", artist_id="loved")
    assert 2 == pytest.approx(spike["baseline_plays"])
    assert (82 - 2) / 2**0.5 == pytest.approx(spike["z_score"])
    assert 2 == pytest.approx(spike["seasonal_plays"])
    assert (82 - 2) / 2**0.5 == pytest.approx(spike["seasonal_z"])
    assert "high" == spike["severity"]


def test_alerts_have_the_same_id_however_often_they_are_computed(rows: Rows) -> None:
    """It is made of subject and hour alone."""
    farm = _one(rows["anomalies"], subject="artist", artist_id="tail")
    hour = (MIDNIGHT + 220 * HOUR).strftime("%Y-%m-%d %H")
    assert md5(f"artist|tail|{hour}".encode(), usedforsecurity=False).hexdigest() == farm["alert_id"]


def test_a_listener_is_in_one_session_until_half_an_hour_of_silence(rows: Rows) -> None:
    """The owl's plays lie half an hour apart, or a little more."""
    days = [r for r in rows["listener_activity"] if r["listener_id"] == "owl"]
    assert 40 == sum(r["plays"] for r in days)
    assert 21 == sum(r["sessions"] for r in days)


def test_charts_keep_the_latest_window_of_each_track(rows: Rows) -> None:
    """The steady track's last hour is its 240th; 24 hours (every three) and seven days go on while they hold it."""
    steady = {r["span"]: r for r in rows["track_popularity"] if r["track_id"] == "steady-track"}
    ends = {"1h": MIDNIGHT + 240 * HOUR, "24h": MIDNIGHT + 261 * HOUR, "7d": MIDNIGHT + 384 * HOUR}
    assert {span: _at(end) for span, end in ends.items()} == {span: r["window_end"] for span, r in steady.items()}
    assert {"1h": 2, "24h": 6, "7d": 48} == {span: r["plays"] for span, r in steady.items()}


def test_what_only_one_hears_or_may_not_be_charted_is_in_no_chart(rows: Rows) -> None:
    """Two listeners are the least: in the odd track's second hour one of them comes without the right."""
    odd = _one(rows["track_popularity"], span="1h", track_id="odd-track")
    assert (_at(MIDNIGHT + HOUR), 3, 2) == (odd["window_end"], odd["plays"], odd["listeners"])


def test_tracks_go_to_their_nearest_cluster(rows: Rows) -> None:
    """Those with features that may be used; the energetic fast one to the second."""
    clusters = {r["track_id"]: r["cluster"] for r in rows["track_clusters"]}
    assert {"loved-track": 0, "tail-track": 1} == clusters


def test_dead_letters_say_what_is_wrong_and_where(rows: Rows, log: Log) -> None:
    """Each with its reason and place; what could not be read with its bytes."""
    reasons = Counter(r["reason"] for r in rows["dead_letters"])
    assert {"malformed": 4, "too_late": 3, "unknown_track": 4} == reasons
    unread = _one(
        rows["dead_letters"], detail="not one flat JSON object in UTF-8", record=b64encode(b"not json").decode()
    )
    assert b"not json" == log.plays[unread["source_offset"]].value
    missing = {r["detail"].rpartition(": ")[2] for r in rows["dead_letters"] if "missing" in r["detail"]}
    assert {"listener_id", "track_id"} == missing
    album = _one(rows["dead_letters"], detail="track album-0 is not in the catalogue")
    assert 40 == album["records"]


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
    hour = (MIDNIGHT + 221 * HOUR).isoformat()[:13]  # the day that ends at the next full three hours
    (loved,) = [
        r for r in rows["trends"] if r["track_id"] == "loved-track" and r["window_start"][:13].replace(" ", "T") == hour
    ]
    assert 128 == loved["plays_24h"]
    assert 48 == pytest.approx(loved["baseline_24h"])
    assert 128 / 48 == pytest.approx(loved["ratio"])


def test_steady_tracks_are_no_trends(rows: Rows) -> None:
    """What is played as always does not rise once there is a past."""
    assert [] == [r for r in rows["trends"] if r["track_id"] == "steady-track" and r["window_start"] > "2026-02-09"]


def test_features_and_clusters_that_are_no_numbers_end_no_job(run_job: RunJob) -> None:
    """Infinity where a rounding would need a number: such a track has no cluster, the one beside it has."""
    tracks = [
        Track(track_id="sane", title="S", artist_ids=("a",), audio_features=SOUND),
        *(
            Track(track_id=f"odd-{nth}", title="O", artist_ids=("a",), audio_features=replace(SOUND, tempo=tempo))
            for nth, tempo in enumerate((1e150, 1e300, -1e308, 1e7))
        ),
    ]
    told = in_log("tracks", [track_record(one).value for one in tracks], keys=[one.track_id for one in tracks])
    plays = in_log("plays", [play_value("p", "l", "a", MIDNIGHT, track_id="sane")])
    sound = {"means": [0.5] * 9, "deviations": [0.25] * 7 + [100.0, 100.0], "centroids": [[0.0] * 9]}
    rows = run_job(Log(plays=plays, tracks=told, clusters=sound), ("track_clusters", "topic_hours"))
    assert ["sane"] == [row["track_id"] for row in rows["track_clusters"]]
    for broken in ({"deviations": [0.0] * 9}, {"means": [1e308] * 9}):
        rows = run_job(Log(plays=plays, tracks=told, clusters=sound | broken), ("track_clusters",))
        assert [] == rows["track_clusters"], broken
