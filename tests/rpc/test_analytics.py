"""AnalyticsService through a real server: pages with names, and streams of changes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from segue.v1 import analytics_pb2

from backend.ports.store import Table, TableRow
from tests.rpc.conftest import World
from tests.rpc.test_ingest import stamp, violations

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def write(world: World, table: Table, key: str, **columns: Any) -> None:
    """Write one row as the sink does."""
    defaults: Mapping[Table, Mapping[str, Any]] = {
        Table.ARTIST_ENGAGEMENT: {
            "unique_listeners": 1,
            "milliseconds_played": 1000,
            "completion_rate": None,
            "skips": 0,
        },
        Table.TRENDS: {"plays_24h": 9, "listeners_24h": 4, "baseline_24h": 1.5, "ratio": 6.0, "z_score": 5.0},
        Table.ANOMALIES: {
            "plays": 90,
            "unique_listeners": 3,
            "plays_per_listener": 30.0,
            "baseline_plays": 2.0,
            "z_score": 8.0,
        },
    }
    row = {"window_start": NOON, **defaults[table], **columns}
    world.store.write([TableRow(table=table, key=key, columns=row)], {})


def test_engagement_comes_with_names_and_a_time(world: World) -> None:
    """An artist that is not in the catalogue is shown by its id; an unknown completion rate is absent."""
    write(world, Table.ARTIST_ENGAGEMENT, "1", artist_id="a1", plays=5, completion_rate=0.5)
    write(world, Table.ARTIST_ENGAGEMENT, "2", artist_id="who", plays=3)
    response = world.analytics.ListArtistEngagement(analytics_pb2.ListArtistEngagementRequest())
    assert [("Artist 1", 5), ("who", 3)] == [(row.artist_name, row.plays) for row in response.rows]
    assert [True, False] == [row.HasField("completion_rate") for row in response.rows]
    assert abs(response.as_of.ToDatetime(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)


def test_pages_and_filters_are_passed_on(world: World) -> None:
    """Range, artist, least plays, page size."""
    for hour in range(4):
        write(world, Table.ARTIST_ENGAGEMENT, f"{hour}", artist_id="a1", plays=hour, window_start=NOON + hour * HOUR)
    request = analytics_pb2.ListArtistEngagementRequest(
        range=analytics_pb2.TimeRange(start_time=stamp(NOON + HOUR), end_time=stamp(NOON + 4 * HOUR)),
        artist_id="a1",
        min_plays=2,
        page_size=1,
    )
    first = world.analytics.ListArtistEngagement(request)
    request.page_token = first.next_page_token
    second = world.analytics.ListArtistEngagement(request)
    assert [3, 2] == [row.plays for row in (*first.rows, *second.rows)]
    assert "" == second.next_page_token


def test_trends_come_with_titles(world: World) -> None:
    """By rank."""
    write(world, Table.TRENDS, "1", track_id="t1", artist_id="a1", rank=2)
    write(world, Table.TRENDS, "2", track_id="t2", artist_id="a2", rank=1)
    response = world.analytics.ListTrends(analytics_pb2.ListTrendsRequest(max_rank=5))
    assert [("jazz 2", "Artist 2", 1), ("techno 1", "Artist 1", 2)] == [
        (row.title, row.artist_name, row.rank) for row in response.rows
    ]


def test_anomalies_are_filtered_by_severity_and_kind(world: World) -> None:
    """At least the severity asked for."""
    for number, (kind, severity) in enumerate([("drop", "low"), ("stream_farm", "high"), ("drop", "medium")]):
        write(world, Table.ANOMALIES, f"{number}", alert_id=f"{number}", artist_id="a1", kind=kind, severity=severity)
    severe = world.analytics.ListAnomalies(
        analytics_pb2.ListAnomaliesRequest(min_severity=analytics_pb2.SEVERITY_MEDIUM)
    )
    drops = world.analytics.ListAnomalies(analytics_pb2.ListAnomaliesRequest(kind=analytics_pb2.ANOMALY_KIND_DROP))
    assert {"1", "2"} == {row.alert_id for row in severe.rows}
    assert {"0", "2"} == {row.alert_id for row in drops.rows}


@pytest.mark.parametrize(
    ("request_fields", "field"),
    [
        ({"page_size": 1001}, "page_size"),
        ({"page_token": "nonsense"}, "page_token"),
        ({"range": analytics_pb2.TimeRange(start_time=stamp(NOON), end_time=stamp(NOON))}, "range"),
    ],
)
def test_what_cannot_be_listed_names_its_field(world: World, request_fields: dict[str, Any], field: str) -> None:
    """A page too large, a token nobody gave out, a range that is empty."""
    with pytest.raises(grpc.RpcError) as caught:
        world.analytics.ListArtistEngagement(analytics_pb2.ListArtistEngagementRequest(**request_fields))
    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
    assert [field] == [violation.field for violation in violations(caught.value)]


def test_a_watch_begins_with_the_first_page_and_goes_on_with_changes(world: World) -> None:
    """Only rows that fit the filter come, each once."""
    write(world, Table.ARTIST_ENGAGEMENT, "1", artist_id="a1", plays=5)
    stream = world.analytics.WatchArtistEngagement(
        analytics_pb2.WatchArtistEngagementRequest(list=analytics_pb2.ListArtistEngagementRequest(min_plays=2))
    )
    assert ["a1"] == [row.artist_id for row in next(stream).rows]
    write(world, Table.ARTIST_ENGAGEMENT, "2", artist_id="a2", plays=1)
    write(world, Table.ARTIST_ENGAGEMENT, "1", artist_id="a1", plays=6)
    assert [("a1", 6)] == [(row.artist_id, row.plays) for row in next(stream).rows]
    write(world, Table.ARTIST_ENGAGEMENT, "2", artist_id="a2", plays=2)
    assert [("a2", 2)] == [(row.artist_id, row.plays) for row in next(stream).rows]
    stream.cancel()


def test_a_watch_of_an_empty_table_begins_empty(world: World) -> None:
    """And tells the first row that comes."""
    stream = world.analytics.WatchTrends(analytics_pb2.WatchTrendsRequest())
    assert [] == list(next(stream).rows)
    write(world, Table.TRENDS, "1", track_id="t1", artist_id="a1", rank=1)
    assert ["techno 1"] == [row.title for row in next(stream).rows]
    stream.cancel()


def test_a_watch_with_a_page_token_is_refused(world: World) -> None:
    """It begins with the first page."""
    watch = analytics_pb2.WatchAnomaliesRequest(list=analytics_pb2.ListAnomaliesRequest(page_token="x"))
    with pytest.raises(grpc.RpcError) as caught:
        next(world.analytics.WatchAnomalies(watch))
    assert ["list.page_token"] == [violation.field for violation in violations(caught.value)]
