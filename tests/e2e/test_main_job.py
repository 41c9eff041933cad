"""The main job on the real stack: plays in over gRPC, tables out, held to an independent recount of the log."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import grpc
import pandas as pd
import pytest

from analytics import queries
from analytics.client import connect
from backend import wiring
from backend.ports.event_log import EventLog, Record, StoredRecord, Topic
from backend.settings import Settings
from cli import ingest_client, reach
from cli.stack.stack import Stack
from streaming.schema import schema
from tests.recount import Recount, Row
from training.simulate import Simulation, simulate

# The first test pays for sending six thousand plays through two kills; a busy machine may take minutes for it.
pytestmark = pytest.mark.timeout(1500)
HOUR = timedelta(hours=1)
CLOSED = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 2 * HOUR
"""End of the last hour that the told plays close: they go on for 40 minutes beyond, and windows wait for ten."""


@pytest.fixture(scope="module")
def channel(settings: Settings) -> Iterator[grpc.Channel]:
    """An operator's channel to the stack's server."""
    server = reach.server(settings)
    with connect(server.address, server.token) as opened:
        yield opened


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """A small service with a spike and a farm."""
    return simulate(11, now=CLOSED + timedelta(minutes=40), artists=90, tracks=300, listeners=120, days=9, plays=6_000)


@pytest.fixture(scope="module")
def told(settings: Settings, channel: grpc.Channel, simulation: Simulation, stack: Stack) -> list[StoredRecord]:
    """Catalogue and plays sent; some twice, some noise put onto the topic, and Flink killed in between; the log."""
    ingest_client.send(channel, artists=simulation.artists, tracks=simulation.tracks)
    third = len(simulation.plays) // 3
    sent = ingest_client.send(channel, plays=simulation.plays[:third])
    assert third == sent.plays.accepted
    _kill(stack, "flink-taskmanager")
    ingest_client.send(channel, plays=simulation.plays[third : 2 * third])
    _await(lambda: _archived(settings) >= third, "the archive goes on after the TaskManager was killed")
    _kill(stack, "flink-jobmanager")
    ingest_client.send(channel, plays=simulation.plays[2 * third :])
    log = wiring.event_log(settings)
    noise = [Record(key=b"noise", value=b"not json"), Record(key=b"noise", value=b'{"event_id": "lonely"}')]
    again = [Record(key=record.key or b"", value=record.value or b"") for record in _whole(log)[:500]]
    assert all(log.append(Topic.PLAYS, noise + again, timeout_seconds=30))
    records = _whole(log)
    assert log.close(timeout_seconds=10) == 0
    return records


def _whole(log: EventLog) -> list[StoredRecord]:
    """Topic `plays` from its start to its end."""
    records: list[StoredRecord] = []
    with log.reader([Topic.PLAYS], {}) as reader:
        while batch := reader.poll(max_records=10**6, timeout_seconds=5):
            records += batch
    return records


@pytest.fixture(scope="module")
def recount(settings: Settings, told: list[StoredRecord]) -> Recount:
    """What the tables must hold, once Flink and the sink have come to rest."""
    expected = Recount(record.value for record in told)
    expected.close_hours(CLOSED.replace(tzinfo=None))
    plays = len(expected.event_ids)
    _await(lambda: _archived(settings) >= plays, "the archive holds every play")
    _await(lambda: _newest_popularity(settings) >= CLOSED - HOUR, "the last closed hour is out")
    time.sleep(3 * settings.refresh_seconds)
    return expected


def _kill(stack: Stack, part: str) -> None:
    pid = stack.state.part(part).pid
    assert pid
    os.kill(pid, signal.SIGKILL)


def _await(condition: Callable[[], bool], what: str, seconds: float = 400) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(1)


def _archived(settings: Settings) -> int:
    folder = settings.archive.removeprefix("file://")
    files = [str(path) for path in Path(folder).glob("day=*/part-*")]
    if not files:
        return 0
    return int(duckdb.sql(f"SELECT count(*) FROM read_parquet({files!r})").fetchall()[0][0])


def _newest_popularity(settings: Settings) -> datetime:
    with closing(wiring.store(settings)) as store:
        rows = store.popular_tracks(since=CLOSED - 48 * HOUR, limit=10**4)
    return max((row.window_start for row in rows), default=CLOSED - 48 * HOUR)


def _same(expected: list[Row], actual: list[Row], key: tuple[str, ...]) -> None:
    """Every row of one is in the other, floats within a billionth."""
    wanted = {tuple(row[name] for name in key): row for row in expected}
    found = {tuple(row[name] for name in key): row for row in actual}
    assert wanted.keys() == found.keys()
    for row_key, row in wanted.items():
        for name, value in row.items():
            close = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            assert close == found[row_key][name], (row_key, name)


def _plain(frame: pd.DataFrame, columns: list[str]) -> list[Row]:
    rows = frame[columns].to_dict("records")
    return [{**row, "window_start": row["window_start"].to_pydatetime().replace(tzinfo=None)} for row in rows]


def test_engagement_is_exact_after_kills_duplicates_and_noise(channel: grpc.Channel, recount: Recount) -> None:
    """Every row of the table as the AnalyticsService pages it, against the recount."""
    columns = [column.name for column in schema("artist_engagement").columns]
    rows = _plain(queries.artist_engagement(channel, limit=10**6).frame, columns)
    _same(recount.engagement(), rows, ("artist_id", "window_start"))


def test_archive_holds_each_event_once(settings: Settings, recount: Recount) -> None:
    """After both Flink processes were killed: no play lost, none twice."""
    folder = settings.archive.removeprefix("file://")
    ids = [i for (i,) in duckdb.sql(f"SELECT event_id FROM read_parquet('{folder}/day=*/part-*')").fetchall()]
    assert len(ids) == len(set(ids))
    assert recount.event_ids == set(ids)


def test_popularity_is_exact(settings: Settings, recount: Recount) -> None:
    """The latest row of each track."""
    with closing(wiring.store(settings)) as store:
        rows = store.popular_tracks(since=datetime(2020, 1, 1, tzinfo=UTC), limit=10**6)
    names = [column.name for column in schema("track_popularity").columns]
    actual: list[Row] = [{name: getattr(row, name) for name in names} for row in rows]
    for row in actual:
        row["window_start"] = row["window_start"].replace(tzinfo=None)  # type: ignore[attr-defined]
    _same(recount.popularity(), actual, ("track_id",))


def test_trends_are_exact(channel: grpc.Channel, settings: Settings, recount: Recount) -> None:
    """Every closed hour's ranks."""
    columns = [column.name for column in schema("trends").columns]
    rows = _plain(queries.trends(channel, limit=10**6).frame, columns)
    expected = recount.trends(listeners=settings.trend_listeners, ranks=settings.trend_ranks)
    assert expected
    _same(expected, rows, ("track_id", "window_start"))


def test_anomalies_are_exact_and_find_what_was_planted(
    channel: grpc.Channel, settings: Settings, simulation: Simulation, recount: Recount
) -> None:
    """The table is the recount, and names the spike and the farm for what they are."""
    columns = ["artist_id", "window_start", "kind", "plays", "unique_listeners", "baseline_plays", "z_score"]
    rows = _plain(queries.anomalies(channel, limit=10**6).frame, columns)
    expected = recount.anomalies(
        CLOSED.replace(tzinfo=None),
        hours=settings.anomaly_hours,
        farm=settings.farm_plays_per_listener,
        z=settings.anomaly_z,
        plays=settings.anomaly_plays,
    )
    _same(expected, rows, ("artist_id", "window_start"))
    truth = simulation.ground_truth
    planted = {(one.artist_id, one.kind.value) for one in (truth.release_spike, truth.stream_farm)}
    assert planted <= {(row["artist_id"], row["kind"]) for row in rows}


def test_new_listener_with_five_plays_is_known_within_seconds(channel: grpc.Channel, simulation: Simulation) -> None:
    """Before a model is published they are answered from trends and content; never with what they just played."""
    by_genre = Counter(genre for _, genre in {(track.artist_ids[0], track.tags[1]) for track in simulation.tracks})
    plays = simulation.newcomer_plays(by_genre.most_common(1)[0][0])
    ingest_client.send(channel, plays=plays)
    heard = {play.track_id for play in plays}

    def known() -> bool:
        answer = queries.recommendations(channel, plays[0].listener_id, count=50)
        return len(answer.tracks) > 0 and not heard & set(answer.tracks["track_id"])

    _await(known, "the answer leaves out what was just played", seconds=30)


def test_records_on_the_topic_are_what_the_dictionary_says(told: list[StoredRecord]) -> None:
    """A play's record has the columns of streaming/tables/plays.sql, in order."""
    value = next(
        json.loads(r.value) for r in told if r.value and b'"listener_id"' in r.value and b"track_id" in r.value
    )
    assert [column.name for column in schema("plays").columns] == list(value)
