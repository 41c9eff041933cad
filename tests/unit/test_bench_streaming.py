"""The parts of `segue bench streaming` that need no clock: its topic, its SQL, its rows, what it reads from Flink."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from backend.domain.errors import InvalidInput
from backend.domain.plays import Play
from backend.ports import records
from backend.ports.event_log import Record
from backend.settings import Settings
from bench import bounded, freshness, throughput
from bench.jobs import finished
from bench.rows import Pair, row
from bench.service import Service, Shape
from bench.streaming import Plan
from streaming import render, wiring
from streaming.live_jobs import TABLES
from tests.said import said

END = datetime(2026, 11, 21, tzinfo=UTC)
SMALL = Shape(plays=20_000, listeners=1_000, artists=100, tracks=600)


@pytest.fixture(scope="module")
def told() -> list[Record]:
    """A small topic `plays` in log order."""
    return [Record(key=key, value=value) for key, value in Service(SMALL, seed=3, end=END).plays()]


@pytest.fixture(scope="module")
def plays(told: list[Record]) -> list[Play]:
    """The same as plays."""
    return [play for record in told if (play := records.play_from_value(record.value)) is not None]


def _taken_in(record: Record) -> datetime:
    return datetime.fromtimestamp(json.loads(record.value)["ingested_at_ms"] / 1000, tz=UTC)


def test_records_are_those_the_server_would_write(told: list[Record], plays: list[Play]) -> None:
    """Byte for byte; under the listener as key, which places them as the server's groups do."""
    written = [
        records.play_record(play, ingested_at=_taken_in(record)) for record, play in zip(told, plays, strict=True)
    ]
    assert [(one.group, one.value) for one in written] == [(one.key, one.value) for one in told]


def test_the_same_seed_makes_the_same_topic_and_another_seed_another() -> None:
    """Deterministic by seed."""
    first, again, other = (list(Service(SMALL, seed=seed, end=END).plays()) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_hundredth_of_the_records_are_plays_sent_twice(plays: list[Play]) -> None:
    """Of the promised number of records; what is sent twice is the same play."""
    times = Counter(play.event_id for play in plays)
    assert SMALL.plays == len(plays)
    assert {1: SMALL.plays - 2 * 200, 2: 200} == Counter(times.values())
    assert SMALL.plays - 200 == len(set(plays))


def test_records_stand_in_the_order_of_their_arrival_with_small_disorder(told: list[Record], plays: list[Play]) -> None:
    """Ten days; arrival never goes back but for plays sent again, and event time goes back by minutes, not hours."""
    days = {play.played_at.date() for play in plays}
    assert {(END - timedelta(days=nth)).date() for nth in range(1, 11)} == days
    assert all(play.played_at < _taken_in(record) for record, play in zip(told, plays, strict=True))
    moments = np.array([play.played_at.timestamp() for play in plays])
    behind = np.maximum.accumulate(moments) - moments
    assert 0 < np.mean(behind > 0) < 1
    assert behind.max() < 600


def test_few_tracks_have_most_plays_and_every_artist_has_a_track(plays: list[Play]) -> None:
    """Zipf: the most played tenth has more than half of the plays, and a track's artist is always the same."""
    by_track = sorted(Counter(play.track_id for play in plays).values(), reverse=True)
    assert sum(by_track[:60]) > len(plays) / 2
    service = Service(SMALL, seed=3, end=END)
    assert SMALL.artists == len(set(service.artist_of.tolist()))
    assert len({(play.track_id, play.artist_id) for play in plays}) == len({play.track_id for play in plays})


def test_catalogue_likes_and_clusters_read_back(plays: list[Play]) -> None:
    """What else is in the log is of its topics' shape, and names tracks that there are."""
    service = Service(SMALL, seed=3, end=END)
    tracks = {track.track_id: track for track in (records.track_from_value(value) for _, value in service.tracks())}
    likes = [records.feedback_from_value(value) for _, value in service.feedback()]
    assert {play.track_id for play in plays} <= tracks.keys()
    assert SMALL.artists == len([records.artist_from_value(value) for _, value in service.artists()])
    assert round(0.02 * 19_800) == pytest.approx(len(likes), rel=0.02)
    assert {like.track_id for like in likes} <= tracks.keys()
    ((_, clusters),) = service.clusters()
    assert 9 == len(records.clusters_from_value(clusters).features)


KAFKA = (
    "CREATE TABLE plays (\n  a INT\n) WITH (\n  'connector' = 'kafka',\n  'topic' = 't.plays',\n"
    "  {start}'format' = 'json'\n)"
)
UPSERT = "CREATE TABLE counts (\n  a INT\n) WITH (\n  'connector' = 'upsert-kafka',\n  'topic' = 't.counts'\n)"
FILES = "CREATE TABLE archive (\n  a INT\n) WITH (\n  'connector' = 'filesystem',\n  'path' = 'file:///x'\n)"
VIEW = "CREATE TEMPORARY VIEW counted AS SELECT MAX(a) FROM plays"


def test_kafka_sources_end_where_the_topic_ends() -> None:
    """A source with a start and every upsert table; a Kafka table that is only written, files and views stay."""
    source = KAFKA.format(start="'scan.startup.mode' = 'earliest-offset',\n  ")
    assert "'format' = 'json',\n  'scan.bounded.mode' = 'latest-offset'\n)" in bounded.with_bound(source)
    assert bounded.with_bound(UPSERT).endswith("'t.counts',\n  'scan.bounded.mode' = 'latest-offset'\n)")
    assert bounded.with_bound(source) == bounded.with_bound(bounded.with_bound(source))
    for untouched in (KAFKA.format(start=""), FILES, VIEW):
        assert untouched == bounded.with_bound(untouched)


def test_only_topics_that_are_filled_belong_to_the_run() -> None:
    """Sources keep their topic; what the job writes starts with the run's prefix, and is listed."""
    source = KAFKA.format(start="'scan.startup.mode' = 'earliest-offset',\n  ")
    job = bounded.rewritten([source, UPSERT, VIEW], ["INSERT INTO counts\nSELECT * FROM counted"], "run-7")
    assert ("run-7.counts",) == job.topics
    assert "'topic' = 't.plays'" in job.definitions[0]
    assert "'topic' = 'run-7.counts'" in job.definitions[1]
    assert VIEW == job.definitions[2]


def test_live_job_is_bounded_and_writes_only_topics_of_its_own() -> None:
    """The SQL of the tree: no unbounded source, no result topic of the tenant."""
    job = bounded.live(wiring.job_spec(Settings(tenant="bench")), "run-1", throughput.JOBS[throughput.TABLES])
    kafka = [one for one in job.definitions if one.startswith("CREATE TABLE") and "kafka'" in one]
    assert all("'scan.bounded.mode' = 'latest-offset'" in one for one in kafka)
    assert "run-1.artist_engagement" in job.topics
    assert len(job.topics) == sum("'topic' = 'run-1." in one for one in kafka)
    engagement = bounded.live(
        wiring.job_spec(Settings(tenant="bench")), "run-2", throughput.JOBS[throughput.ENGAGEMENT]
    )
    assert ("run-2.artist_engagement",) == engagement.topics
    assert 1 == len(engagement.inserts)


def test_reference_parses_every_field_of_a_play(told: list[Record]) -> None:
    """No field less than a record has, and nothing but a blackhole behind it."""
    source, sink = bounded.reference(wiring.job_spec(Settings())).definitions
    for name in json.loads(told[0].value):
        assert f"  {name} " in source
    assert "'connector' = 'blackhole'" in sink


def test_script_sets_options_before_one_statement_set() -> None:
    """A job that ends: streaming mode, and no waiting for a last checkpoint."""
    options = bounded.options(wiring.job_spec(Settings()), name="run-1", checkpoints="file:///x")
    job = bounded.reference(wiring.job_spec(Settings()))
    text = said(render.script(options, job.definitions, job.inserts))
    assert text.startswith("SET '")
    assert "SET 'pipeline.name' = 'run-1';" in text
    assert "SET 'execution.runtime-mode' = 'STREAMING';" in text
    assert text.endswith("EXECUTE STATEMENT SET BEGIN\nINSERT INTO nowhere SELECT * FROM parsed;\nEND;\n")


def test_row_shows_the_pair_in_the_middle_and_the_whole_spread() -> None:
    """Ratio is that of the shown pair, spread is highest minus lowest."""
    pairs = [Pair(ours=ours, reference=10.0) for ours in (9.0, 2.0, 4.0)]
    shown = row("x", pairs, unit="u")
    assert (4.0, 10.0, 0.4) == (shown.ours, shown.reference, shown.ratio)
    assert 0.7 == pytest.approx(shown.spread)
    assert [0.9, 0.2, 0.4] == pytest.approx(shown.ratios)
    assert 0.2 == row("x", pairs[1:], unit="u").ratio
    with pytest.raises(ValueError, match="measure at least one"):
        row("x", [], unit="u")


def test_throughput_is_rated_round_by_round() -> None:
    """Seconds become events per second, ours over the reference of the same round."""
    seconds = {"reference": [1.0, 2.0, 4.0], throughput.ENGAGEMENT: [2.0, 8.0, 5.0]}
    rated = throughput.rated(throughput.ENGAGEMENT, seconds, plays=1000)
    assert (500.0, 1000.0, 0.5) == (rated.ours, rated.reference, rated.ratio)
    assert [0.5, 0.25, 0.8] == pytest.approx(rated.ratios)


def test_a_table_is_rated_by_what_it_adds_to_all_others() -> None:
    """In microseconds a play, beside those of the whole; its job fills every table but this one."""
    seconds = {"reference": [1.0, 1.0], throughput.TABLES: [10.0, 8.0], "trends": [9.0, 8.5]}
    rated = throughput.rated("trends", seconds, plays=1_000_000)
    assert (-0.5, 8.0) == (pytest.approx(rated.ours), pytest.approx(rated.reference))
    assert [0.1, -0.0625] == pytest.approx(rated.ratios)
    assert {*TABLES.tables} - {"trends"} == set(throughput.JOBS["trends"])
    assert 3 * 2 == throughput.jobs_of(["trends"], repeats=1)


def test_the_whole_is_rated_by_both_live_jobs() -> None:
    """As they run: the seconds of one and the other, which fill every table between them."""
    seconds = {"reference": [1.0, 1.0, 1.0], throughput.ARCHIVE: [2.0, 2.0, 1.0], throughput.TABLES: [8.0, 2.0, 4.0]}
    rated = throughput.rated(throughput.STATEMENT_SET, seconds, plays=1000)
    assert (200.0, 1000.0, 0.2) == (rated.ours, rated.reference, rated.ratio)
    assert [0.1, 0.25, 0.2] == pytest.approx(rated.ratios)
    filled = [table for job in throughput.ROWS[throughput.STATEMENT_SET] for table in throughput.JOBS[job]]
    assert sorted(render.LIVE_TABLES) == sorted(filled)


def test_freshness_is_the_95th_percentile_over_the_limit() -> None:
    """Of forty plays the second slowest."""
    shown = freshness.row_of([*np.linspace(1, 6, 38), 9.0, 30.0])
    assert (9.0, 12.0, 0.75) == (shown.ours, shown.reference, shown.ratio)
    assert "p95 of 40 plays" in shown.unit


def test_job_seconds_are_flinks_own() -> None:
    """From RUNNING to FINISHED; what a vertex did not measure is 0."""
    metrics = {
        "accumulated-busy-time": 1500.0,
        "accumulated-backpressured-time": 20,
        "accumulated-idle-time": "NaN",
        "read-records": 7,
        "write-records": 9,
    }
    job = {
        "timestamps": {"CREATED": 1_000, "RUNNING": 2_000, "FINISHED": 5_500},
        "vertices": [{"name": "Source", "parallelism": 2, "metrics": metrics}],
    }
    ended = finished(job)
    assert 3.5 == ended.seconds
    (vertex,) = ended.vertices
    assert (1500.0, 20.0, 0.0, 7, 9) == (
        *(vertex.busy_ms, vertex.back_pressured_ms, vertex.idle_ms),
        *(vertex.records_in, vertex.records_out),
    )


def test_a_row_that_there_is_not_is_refused() -> None:
    """With the names of those that there are."""
    with pytest.raises(
        InvalidInput,
        match="statement_set, engagement, archive, sink, freshness_p95_seconds, artist_engagement",
    ):
        Plan(rows=("speed",))
