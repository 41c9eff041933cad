"""AnalyticsService through a real server: pages with names, and streams of changes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from segue.v1 import analytics_pb2, analytics_pb2_grpc

from backend.domain.live_tables import (
    ANOMALIES,
    ARTIST_ENGAGEMENT,
    ARTIST_POPULARITY,
    DEAD_LETTER_COUNTS,
    DEAD_LETTERS,
    LISTENER_ACTIVITY,
    TOPIC_HOURS,
    TRACK_POPULARITY,
    TRENDS,
    LiveTable,
)
from backend.ports.identity import new_pseudonym
from backend.ports.store import TableRow
from backend.rpc.auth import Scope
from tests.rpc.conftest import World
from tests.rpc.test_ingest import stamp, violations

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

FEATURES = (
    "danceability",
    "energy",
    "valence",
    "acousticness",
    "instrumentalness",
    "liveness",
    "speechiness",
    "tempo",
)
HAVE_WINDOW_START = {
    ARTIST_ENGAGEMENT,
    TRENDS,
    ANOMALIES,
    LISTENER_ACTIVITY,
    TOPIC_HOURS,
}


def write(world: World, table: LiveTable[Any], key: str, **columns: Any) -> None:
    """Write one row as the sink does."""
    defaults: Mapping[LiveTable[Any], Mapping[str, Any]] = {
        ARTIST_ENGAGEMENT: {
            "span": "hour",
            "unique_listeners": 1,
            "returning_share": None,
            "milliseconds_played": 1000,
            "completion_rate": None,
            "skips": 0,
            "likes": 2,
        },
        TRACK_POPULARITY: {"window_end": NOON, "span": "24h", "artist_id": "a1", "plays": 9, "listeners": 4},
        ARTIST_POPULARITY: {"window_end": NOON, "span": "24h", "plays": 9, "listeners": 4},
        TRENDS: {"plays_24h": 9, "listeners_24h": 4, "baseline_24h": 1.5, "ratio": 6.0, "z_score": 5.0},
        ANOMALIES: {
            "subject": "artist",
            "track_id": None,
            "direction": "up",
            "baseline_per_listener": 2.5,
            "z_per_listener": 4.0,
            "seasonal_plays": None,
            "seasonal_z": None,
            "plays": 90,
            "unique_listeners": 3,
            "plays_per_listener": 30.0,
            "baseline_plays": 2.0,
            "z_score": 8.0,
        },
        LISTENER_ACTIVITY: {
            "sessions": 2,
            "plays": 9,
            "skips": 1,
            "milliseconds_played": 1000,
            "last_active": NOON + HOUR,
        },
        TOPIC_HOURS: {"plays": 9, "loudness": None, **dict.fromkeys(FEATURES, 0.5)},
        DEAD_LETTERS: {
            "noted_at": NOON,
            "source_topic": "plays",
            "source_partition": 0,
            "record_key": None,
            "record": "bm8ganNvbg==",
            "detail": "not JSON",
            "records": 1,
        },
        DEAD_LETTER_COUNTS: {"source_topic": "plays"},
    }
    moments = {"window_start": NOON} if table in HAVE_WINDOW_START else {}
    row = {**moments, **defaults[table], **columns}
    world.store.write([TableRow(table=table.name, key=key, columns=row)], {})


def test_engagement_comes_with_names_and_a_time(world: World) -> None:
    """An artist that is not in the catalogue is shown by its id; an unknown completion rate is absent."""
    write(world, ARTIST_ENGAGEMENT, "1", artist_id="a1", plays=5, completion_rate=0.5)
    write(world, ARTIST_ENGAGEMENT, "2", artist_id="who", plays=3)
    response = world.analytics.ListArtistEngagement(analytics_pb2.ListArtistEngagementRequest())
    assert [("Artist 1", 5), ("who", 3)] == [(row.artist_name, row.plays) for row in response.rows]
    assert [True, False] == [row.HasField("completion_rate") for row in response.rows]
    assert abs(response.as_of.ToDatetime(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)


def test_pages_and_filters_are_passed_on(world: World) -> None:
    """Range, artist, least plays, page size."""
    for hour in range(4):
        write(world, ARTIST_ENGAGEMENT, f"{hour}", artist_id="a1", plays=hour, window_start=NOON + hour * HOUR)
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
    write(world, TRENDS, "1", track_id="t1", artist_id="a1", rank=2)
    write(world, TRENDS, "2", track_id="t2", artist_id="a2", rank=1)
    response = world.analytics.ListTrends(analytics_pb2.ListTrendsRequest(max_rank=5))
    assert [("jazz 2", "Artist 2", 1), ("techno 1", "Artist 1", 2)] == [
        (row.title, row.artist_name, row.rank) for row in response.rows
    ]


def test_anomalies_are_filtered_by_severity_and_kind(world: World) -> None:
    """At least the severity asked for."""
    for number, (kind, severity) in enumerate([("drop", "low"), ("stream_farm", "high"), ("drop", "medium")]):
        write(world, ANOMALIES, f"{number}", alert_id=f"{number}", artist_id="a1", kind=kind, severity=severity)
    severe = world.analytics.ListAnomalies(
        analytics_pb2.ListAnomaliesRequest(min_severity=analytics_pb2.SEVERITY_MEDIUM)
    )
    drops = world.analytics.ListAnomalies(analytics_pb2.ListAnomaliesRequest(kind=analytics_pb2.ANOMALY_KIND_DROP))
    assert {"1", "2"} == {row.alert_id for row in severe.rows}
    assert {"0", "2"} == {row.alert_id for row in drops.rows}


def test_days_are_listed_where_they_are_asked_for(world: World) -> None:
    """Hours otherwise; an unknown share is absent."""
    write(world, ARTIST_ENGAGEMENT, "1", artist_id="a1", plays=5)
    write(world, ARTIST_ENGAGEMENT, "2", artist_id="a1", plays=9, span="day", returning_share=0.25)
    (hour,) = world.analytics.ListArtistEngagement(analytics_pb2.ListArtistEngagementRequest()).rows
    (day,) = world.analytics.ListArtistEngagement(
        analytics_pb2.ListArtistEngagementRequest(span=analytics_pb2.SPAN_DAY)
    ).rows
    assert (5, analytics_pb2.SPAN_HOUR, False, 2) == (
        hour.plays,
        hour.span,
        hour.HasField("returning_share"),
        hour.likes,
    )
    assert (9, analytics_pb2.SPAN_DAY, 0.25) == (day.plays, day.span, day.returning_share)


def test_anomalies_of_a_track_come_with_its_title(world: World) -> None:
    """And are found by subject and by track."""
    usual = {"artist_id": "a1", "kind": "drop", "severity": "low"}
    write(world, ANOMALIES, "1", alert_id="1", **usual)
    write(world, ANOMALIES, "2", alert_id="2", subject="track", track_id="t1", direction="down", **usual)
    for fields in ({"subject": analytics_pb2.ANOMALY_SUBJECT_TRACK}, {"track_id": "t1"}):
        (row,) = world.analytics.ListAnomalies(analytics_pb2.ListAnomaliesRequest(**fields)).rows
        assert ("techno 1", "Artist 1", analytics_pb2.ANOMALY_DIRECTION_DOWN) == (
            row.title,
            row.artist_name,
            row.direction,
        )
    (row,) = world.analytics.ListAnomalies(
        analytics_pb2.ListAnomaliesRequest(subject=analytics_pb2.ANOMALY_SUBJECT_ARTIST)
    ).rows
    assert ("", "") == (row.track_id, row.title)
    assert (4.0, False) == (row.z_per_listener, row.HasField("seasonal_z"))


def test_rankings_are_listed_by_subject_and_span(world: World) -> None:
    """Tracks over 24 hours where nothing is said."""
    write(world, TRACK_POPULARITY, "1", track_id="t1", rank=2)
    write(world, TRACK_POPULARITY, "2", track_id="t2", rank=1)
    write(world, TRACK_POPULARITY, "3", track_id="t3", rank=1, window_end=NOON - HOUR)
    write(world, TRACK_POPULARITY, "4", track_id="t1", rank=1, span="7d")
    write(world, ARTIST_POPULARITY, "1", artist_id="a2", rank=1, span="1h")
    request = analytics_pb2.ListPopularityRequest(page_size=1)
    first = world.analytics.ListPopularity(request)
    request.page_token = first.next_page_token
    second = world.analytics.ListPopularity(request)
    assert [("jazz 2", 1, 4), ("techno 1", 2, 4)] == [
        (row.title, row.rank, row.listeners) for row in (*first.rows, *second.rows)
    ]
    assert "" == second.next_page_token
    (row,) = world.analytics.ListPopularity(
        analytics_pb2.ListPopularityRequest(span=analytics_pb2.POPULARITY_SPAN_WEEK)
    ).rows
    assert ("t1", analytics_pb2.POPULARITY_SPAN_WEEK) == (row.track_id, row.span)
    (row,) = world.analytics.ListPopularity(
        analytics_pb2.ListPopularityRequest(
            subject=analytics_pb2.POPULARITY_SUBJECT_ARTISTS, span=analytics_pb2.POPULARITY_SPAN_HOUR
        )
    ).rows
    assert ("", "a2", "Artist 2") == (row.track_id, row.artist_id, row.artist_name)


def test_activity_is_listed_by_day_and_listener(world: World) -> None:
    """A range is a range of days."""
    for number, listener in enumerate(("ann", "bob", "ann")):
        moment = NOON.replace(hour=0) - number * 24 * HOUR
        write(world, LISTENER_ACTIVITY, f"{number}", listener_id=listener, window_start=moment)
    days = world.analytics.ListListenerActivity(
        analytics_pb2.ListListenerActivityRequest(
            range=analytics_pb2.TimeRange(start_time=stamp(NOON - 48 * HOUR)), listener_id="ann"
        )
    )
    assert [("ann", 2, stamp(NOON + HOUR))] == [(row.listener_id, row.sessions, row.last_active) for row in days.rows]
    everybody = world.analytics.ListListenerActivity(analytics_pb2.ListListenerActivityRequest())
    assert ["ann", "bob", "ann"] == [row.listener_id for row in everybody.rows]


def test_a_listeners_token_sees_that_listeners_activity_only(world: World) -> None:
    """Neither somebody else's, nor everybody's, nor the letters, which hold everybody's records."""
    for listener, pseudonym in world.store.identities.ensure(["ann", "bob"]).items():
        write(world, LISTENER_ACTIVITY, listener, listener_id=pseudonym)
    anns = analytics_pb2_grpc.AnalyticsServiceStub(world.channel(world.token(Scope.ANALYTICS, listener_id="ann")))
    days = anns.ListListenerActivity(analytics_pb2.ListListenerActivityRequest(listener_id="ann"))
    assert ["ann"] == [row.listener_id for row in days.rows]
    for call, request in (
        (anns.ListListenerActivity, analytics_pb2.ListListenerActivityRequest(listener_id="bob")),
        (anns.ListListenerActivity, analytics_pb2.ListListenerActivityRequest()),
        (anns.ListDeadLetters, analytics_pb2.ListDeadLettersRequest()),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call(request)
        assert grpc.StatusCode.PERMISSION_DENIED == caught.value.code()


def test_a_listener_of_whom_nothing_is_known_sees_nothing(world: World) -> None:
    """Not even where somebody's pseudonym is what they call themselves."""
    write(world, LISTENER_ACTIVITY, "ann", listener_id="ann")
    anns = analytics_pb2_grpc.AnalyticsServiceStub(world.channel(world.token(Scope.ANALYTICS, listener_id="ann")))
    assert [] == list(anns.ListListenerActivity(analytics_pb2.ListListenerActivityRequest(listener_id="ann")).rows)


def test_who_sees_ids_names_and_sees_the_apps_own(world: World) -> None:
    """And pseudonyms where nobody is behind them any more; everybody else pseudonyms alone."""
    pseudonyms = world.store.identities.ensure(["ann", "bob"])
    gone = new_pseudonym()
    for number, held in enumerate([pseudonyms["ann"], pseudonyms["bob"], gone]):
        write(world, LISTENER_ACTIVITY, held, listener_id=held, plays=9 - number)
        write(world, DEAD_LETTERS, held, reason="too_late", source_offset=number, record=None, record_key=held)
    ids = analytics_pb2_grpc.AnalyticsServiceStub(world.channel(world.token(Scope.ANALYTICS, Scope.IDENTITIES)))

    def seen(stub: Any, listener_id: str = "") -> list[str]:
        request = analytics_pb2.ListListenerActivityRequest(listener_id=listener_id)
        return [row.listener_id for row in stub.ListListenerActivity(request).rows]

    assert ["ann", "bob", gone] == seen(ids)
    assert [["ann"], ["ann"], [gone], []] == [seen(ids, one) for one in ("ann", pseudonyms["ann"], gone, "cat")]
    assert [*pseudonyms.values(), gone] == seen(world.analytics)
    assert [[], [pseudonyms["ann"]]] == [seen(world.analytics, one) for one in ("ann", pseudonyms["ann"])]
    letters = [
        [row.record_key for row in stub.ListDeadLetters(analytics_pb2.ListDeadLettersRequest()).rows]
        for stub in (ids, world.analytics)
    ]
    assert [["ann", "bob", gone], [*pseudonyms.values(), gone]] == letters


def test_topics_are_listed_by_hour_and_cluster(world: World) -> None:
    """Cluster 0 is asked for like any other; a feature nobody knows is absent."""
    for cluster in (0, 1):
        write(world, TOPIC_HOURS, f"{cluster}", cluster=cluster)
    everything = world.analytics.ListTopicHours(analytics_pb2.ListTopicHoursRequest())
    assert [0, 1] == [row.cluster for row in everything.rows]
    (row,) = world.analytics.ListTopicHours(analytics_pb2.ListTopicHoursRequest(cluster=0)).rows
    assert (0, 0.5, False) == (row.cluster, row.tempo, row.HasField("loudness"))


def test_dead_letters_come_with_the_counts_of_every_reason(world: World) -> None:
    """Letters by reason where asked; a record that was not kept is absent."""
    write(world, DEAD_LETTERS, "1", reason="malformed", source_offset=7)
    write(world, DEAD_LETTERS, "2", reason="too_late", source_offset=8, record=None, record_key="ann")
    for reason, count in (("malformed", 1), ("too_late", 30)):
        write(world, DEAD_LETTER_COUNTS, reason, reason=reason, records=count)
    response = world.analytics.ListDeadLetters(
        analytics_pb2.ListDeadLettersRequest(reason=analytics_pb2.DEAD_LETTER_REASON_TOO_LATE)
    )
    (row,) = response.rows
    assert (8, "ann", False) == (row.source_offset, row.record_key, row.HasField("record"))
    assert {"DEAD_LETTER_REASON_MALFORMED": 1, "DEAD_LETTER_REASON_TOO_LATE": 30} == {
        analytics_pb2.DeadLetterReason.Name(count.reason): count.records for count in response.counts
    }


@pytest.mark.parametrize(
    ("request_fields", "field"),
    [
        ({"page_size": 5001}, "page_size"),
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
    write(world, ARTIST_ENGAGEMENT, "1", artist_id="a1", plays=5)
    stream = world.analytics.WatchArtistEngagement(
        analytics_pb2.WatchArtistEngagementRequest(list=analytics_pb2.ListArtistEngagementRequest(min_plays=2))
    )
    assert ["a1"] == [row.artist_id for row in next(stream).rows]
    write(world, ARTIST_ENGAGEMENT, "2", artist_id="a2", plays=1)
    write(world, ARTIST_ENGAGEMENT, "1", artist_id="a1", plays=6)
    assert [("a1", 6)] == [(row.artist_id, row.plays) for row in next(stream).rows]
    write(world, ARTIST_ENGAGEMENT, "2", artist_id="a2", plays=2)
    assert [("a2", 2)] == [(row.artist_id, row.plays) for row in next(stream).rows]
    stream.cancel()


def test_a_watch_of_an_empty_table_begins_empty(world: World) -> None:
    """And tells the first row that comes."""
    stream = world.analytics.WatchTrends(analytics_pb2.WatchTrendsRequest())
    assert [] == list(next(stream).rows)
    write(world, TRENDS, "1", track_id="t1", artist_id="a1", rank=1)
    assert ["techno 1"] == [row.title for row in next(stream).rows]
    stream.cancel()


def test_a_watch_with_a_page_token_is_refused(world: World) -> None:
    """It begins with the first page."""
    watch = analytics_pb2.WatchAnomaliesRequest(list=analytics_pb2.ListAnomaliesRequest(page_token="x"))
    with pytest.raises(grpc.RpcError) as caught:
        next(world.analytics.WatchAnomalies(watch))
    assert ["list.page_token"] == [violation.field for violation in violations(caught.value)]
