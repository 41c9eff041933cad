"""AnalyticsService: each RPC converts, calls, converts; each stream does so for every page."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, analytics_pb2_grpc

from backend.domain.errors import InvalidInput, Violation
from backend.domain.tables import Anomaly, ArtistEngagement, Trend
from backend.ports.store import TableQuery
from backend.rpc.convert import (
    ASKED_KINDS,
    ASKED_SEVERITIES,
    anomaly_message,
    engagement_message,
    moment_of,
    timestamp_of,
    trend_message,
)
from backend.services.report import NamedPage, OfArtist, Report, watch

LOOK_SECONDS = 1.0
"""Between two looks for changes."""

RowT = TypeVar("RowT", bound=OfArtist)
ListRequest = (
    analytics_pb2.ListArtistEngagementRequest | analytics_pb2.ListTrendsRequest | analytics_pb2.ListAnomaliesRequest
)


class AnalyticsServicer(analytics_pb2_grpc.AnalyticsServiceServicer):
    """The door of `Report`. Streams end when the client hangs up or `stopping` is set."""

    def __init__(self, report: Report, *, stopping: threading.Event) -> None:
        self._report = report
        self._stopping = stopping

    def ListArtistEngagement(
        self, request: analytics_pb2.ListArtistEngagementRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListArtistEngagementResponse:
        """See analytics.proto."""
        page = self._report.artist_engagement(_engagement_query(request))
        return analytics_pb2.ListArtistEngagementResponse(
            rows=_engagement_rows(page), next_page_token=page.next_page_token, as_of=_as_of(page.as_of)
        )

    def ListTrends(
        self, request: analytics_pb2.ListTrendsRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListTrendsResponse:
        """See analytics.proto."""
        page = self._report.trends(_trends_query(request))
        return analytics_pb2.ListTrendsResponse(
            rows=_trend_rows(page), next_page_token=page.next_page_token, as_of=_as_of(page.as_of)
        )

    def ListAnomalies(
        self, request: analytics_pb2.ListAnomaliesRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListAnomaliesResponse:
        """See analytics.proto."""
        page = self._report.anomalies(_anomalies_query(request))
        return analytics_pb2.ListAnomaliesResponse(
            rows=_anomaly_rows(page), next_page_token=page.next_page_token, as_of=_as_of(page.as_of)
        )

    def WatchArtistEngagement(
        self, request: analytics_pb2.WatchArtistEngagementRequest, context: grpc.ServicerContext
    ) -> Iterator[analytics_pb2.WatchArtistEngagementResponse]:
        """See analytics.proto."""
        query = _first_page(_engagement_query(request.list))
        for page in self._watch(self._report.artist_engagement, query, context):
            yield analytics_pb2.WatchArtistEngagementResponse(rows=_engagement_rows(page), as_of=_as_of(page.as_of))

    def WatchTrends(
        self, request: analytics_pb2.WatchTrendsRequest, context: grpc.ServicerContext
    ) -> Iterator[analytics_pb2.WatchTrendsResponse]:
        """See analytics.proto."""
        query = _first_page(_trends_query(request.list))
        for page in self._watch(self._report.trends, query, context):
            yield analytics_pb2.WatchTrendsResponse(rows=_trend_rows(page), as_of=_as_of(page.as_of))

    def WatchAnomalies(
        self, request: analytics_pb2.WatchAnomaliesRequest, context: grpc.ServicerContext
    ) -> Iterator[analytics_pb2.WatchAnomaliesResponse]:
        """See analytics.proto."""
        query = _first_page(_anomalies_query(request.list))
        for page in self._watch(self._report.anomalies, query, context):
            yield analytics_pb2.WatchAnomaliesResponse(rows=_anomaly_rows(page), as_of=_as_of(page.as_of))

    def _watch(
        self, pages: Callable[[TableQuery], NamedPage[RowT]], query: TableQuery, context: grpc.ServicerContext
    ) -> Iterator[NamedPage[RowT]]:
        return watch(pages, query, wait=lambda: not self._stopping.wait(LOOK_SECONDS) and context.is_active())


def _engagement_query(request: analytics_pb2.ListArtistEngagementRequest) -> TableQuery:
    start, end = _range(request)
    return TableQuery(
        start=start,
        end=end,
        artist_id=request.artist_id,
        min_plays=request.min_plays,
        page_size=request.page_size,
        page_token=request.page_token,
    )


def _trends_query(request: analytics_pb2.ListTrendsRequest) -> TableQuery:
    start, end = _range(request)
    return TableQuery(
        start=start,
        end=end,
        artist_id=request.artist_id,
        track_id=request.track_id,
        max_rank=request.max_rank,
        page_size=request.page_size,
        page_token=request.page_token,
    )


def _anomalies_query(request: analytics_pb2.ListAnomaliesRequest) -> TableQuery:
    start, end = _range(request)
    return TableQuery(
        start=start,
        end=end,
        artist_id=request.artist_id,
        min_severity=ASKED_SEVERITIES.get(request.min_severity),
        kind=ASKED_KINDS.get(request.kind),
        page_size=request.page_size,
        page_token=request.page_token,
    )


def _range(request: ListRequest) -> tuple[datetime | None, datetime | None]:
    asked = request.range
    return (
        moment_of(asked.start_time, "range.start_time") if asked.HasField("start_time") else None,
        moment_of(asked.end_time, "range.end_time") if asked.HasField("end_time") else None,
    )


def _first_page(query: TableQuery) -> TableQuery:
    if query.page_token:
        raise InvalidInput([Violation("list.page_token", "must be empty: a watch begins with the first page")])
    return query


def _engagement_rows(page: NamedPage[ArtistEngagement]) -> list[analytics_pb2.ArtistEngagement]:
    return [engagement_message(row, page.artists) for row in page.rows]


def _trend_rows(page: NamedPage[Trend]) -> list[analytics_pb2.Trend]:
    return [trend_message(row, page.artists, page.tracks) for row in page.rows]


def _anomaly_rows(page: NamedPage[Anomaly]) -> list[analytics_pb2.Anomaly]:
    return [anomaly_message(row, page.artists) for row in page.rows]


def _as_of(moment: datetime | None) -> Timestamp | None:
    return timestamp_of(moment) if moment is not None else None
