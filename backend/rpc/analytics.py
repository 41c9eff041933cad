"""AnalyticsService: each RPC converts, calls, converts; each stream does so for every page."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, analytics_pb2_grpc

from backend.domain.errors import InvalidInput, Violation
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
from backend.ports.store import TableQuery
from backend.rpc.as_seen import AsSeen
from backend.rpc.caller import caller
from backend.rpc.convert import moment_of, timestamp_of
from backend.rpc.convert_tables import ASKED, row_message
from backend.services.identities import KnownIdentities
from backend.services.report import NamedPage, Report, watch

LOOK_SECONDS = 1.0
"""Between two looks for changes."""

RowT = TypeVar("RowT")
MessageT = TypeVar("MessageT", bound=Message)
ListRequest = (
    analytics_pb2.ListArtistEngagementRequest
    | analytics_pb2.ListTrendsRequest
    | analytics_pb2.ListAnomaliesRequest
    | analytics_pb2.ListPopularityRequest
    | analytics_pb2.ListListenerActivityRequest
    | analytics_pb2.ListTopicHoursRequest
    | analytics_pb2.ListDeadLettersRequest
)


class AnalyticsServicer(analytics_pb2_grpc.AnalyticsServiceServicer):
    """The door of `Report`. Streams end when the client hangs up or `stopping` is set.

    Rows hold pseudonyms; whoever may see the listeners' own ids is shown them (`as_seen.py`).
    """

    def __init__(self, report: Report, identities: KnownIdentities, *, stopping: threading.Event) -> None:
        self._report = report
        self._identities = identities
        self._stopping = stopping

    def ListArtistEngagement(
        self, request: analytics_pb2.ListArtistEngagementRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListArtistEngagementResponse:
        """See analytics.proto."""
        page = self._report.page(ARTIST_ENGAGEMENT, _query(request))
        return analytics_pb2.ListArtistEngagementResponse(**_page(page, analytics_pb2.ArtistEngagement))

    def ListTrends(
        self, request: analytics_pb2.ListTrendsRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListTrendsResponse:
        """See analytics.proto."""
        page = self._report.page(TRENDS, _query(request))
        return analytics_pb2.ListTrendsResponse(**_page(page, analytics_pb2.Trend))

    def ListAnomalies(
        self, request: analytics_pb2.ListAnomaliesRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListAnomaliesResponse:
        """See analytics.proto."""
        page = self._report.page(ANOMALIES, _query(request))
        return analytics_pb2.ListAnomaliesResponse(**_page(page, analytics_pb2.Anomaly))

    def ListPopularity(
        self, request: analytics_pb2.ListPopularityRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListPopularityResponse:
        """See analytics.proto."""
        query = _query(request)
        if request.subject == analytics_pb2.POPULARITY_SUBJECT_ARTISTS:
            page = _page(self._report.page(ARTIST_POPULARITY, query), analytics_pb2.Popularity)
        else:
            page = _page(self._report.page(TRACK_POPULARITY, query), analytics_pb2.Popularity)
        return analytics_pb2.ListPopularityResponse(**page)

    def ListListenerActivity(
        self, request: analytics_pb2.ListListenerActivityRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListListenerActivityResponse:
        """See analytics.proto."""
        seen = AsSeen(self._identities, caller())
        query = _query(request)
        page = self._report.page(LISTENER_ACTIVITY, replace(query, listener_id=seen.asked(query.listener_id)))
        response = analytics_pb2.ListListenerActivityResponse(**_page(page, analytics_pb2.ListenerActivity))
        seen.show(response.rows, "listener_id")
        return response

    def ListTopicHours(
        self, request: analytics_pb2.ListTopicHoursRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListTopicHoursResponse:
        """See analytics.proto."""
        page = self._report.page(TOPIC_HOURS, _query(request))
        return analytics_pb2.ListTopicHoursResponse(**_page(page, analytics_pb2.TopicHour))

    def ListDeadLetters(
        self, request: analytics_pb2.ListDeadLettersRequest, context: grpc.ServicerContext
    ) -> analytics_pb2.ListDeadLettersResponse:
        """See analytics.proto."""
        page = self._report.page(DEAD_LETTERS, _query(request))
        counts = self._report.page(DEAD_LETTER_COUNTS, TableQuery())
        response = analytics_pb2.ListDeadLettersResponse(
            **_page(page, analytics_pb2.DeadLetter), counts=_rows(counts, analytics_pb2.DeadLetterCount)
        )
        AsSeen(self._identities, caller()).show(response.rows, "record_key")
        return response

    def WatchArtistEngagement(
        self, request: analytics_pb2.WatchArtistEngagementRequest, context: grpc.ServicerContext
    ) -> Iterator[analytics_pb2.WatchArtistEngagementResponse]:
        """See analytics.proto."""
        query = _first_page(_query(request.list))
        for page in self._watch(ARTIST_ENGAGEMENT, query, context):
            rows = _rows(page, analytics_pb2.ArtistEngagement)
            yield analytics_pb2.WatchArtistEngagementResponse(rows=rows, as_of=_as_of(page.as_of))

    def WatchTrends(
        self, request: analytics_pb2.WatchTrendsRequest, context: grpc.ServicerContext
    ) -> Iterator[analytics_pb2.WatchTrendsResponse]:
        """See analytics.proto."""
        query = _first_page(_query(request.list))
        for page in self._watch(TRENDS, query, context):
            rows = _rows(page, analytics_pb2.Trend)
            yield analytics_pb2.WatchTrendsResponse(rows=rows, as_of=_as_of(page.as_of))

    def WatchAnomalies(
        self, request: analytics_pb2.WatchAnomaliesRequest, context: grpc.ServicerContext
    ) -> Iterator[analytics_pb2.WatchAnomaliesResponse]:
        """See analytics.proto."""
        query = _first_page(_query(request.list))
        for page in self._watch(ANOMALIES, query, context):
            rows = _rows(page, analytics_pb2.Anomaly)
            yield analytics_pb2.WatchAnomaliesResponse(rows=rows, as_of=_as_of(page.as_of))

    def _watch(
        self, table: LiveTable[RowT], query: TableQuery, context: grpc.ServicerContext
    ) -> Iterator[NamedPage[RowT]]:
        pages = partial(self._report.page, table)
        return watch(pages, query, wait=lambda: not self._stopping.wait(LOOK_SECONDS) and context.is_active())


def _query(request: ListRequest) -> TableQuery:
    """The request's fields under the query's names. Raises InvalidInput (range)."""
    fields = request.DESCRIPTOR.fields_by_name
    asked: dict[str, Any] = {name: getattr(request, name) for name in _AS_THEY_ARE if name in fields}
    for name, field in fields.items():
        if field.enum_type is not None and field.enum_type.name in ASKED:
            asked[name] = ASKED[field.enum_type.name].get(getattr(request, name))
    if isinstance(request, analytics_pb2.ListTopicHoursRequest) and request.HasField("cluster"):
        asked["cluster"] = request.cluster
    if not isinstance(request, analytics_pb2.ListPopularityRequest):
        asked["start"], asked["end"] = _range(request.range)
    return TableQuery(**asked)


_AS_THEY_ARE = ("artist_id", "track_id", "listener_id", "min_plays", "max_rank", "page_size", "page_token")
"""Fields that a query takes as they come: "" and 0 mean "any" in both."""


def _range(asked: analytics_pb2.TimeRange) -> tuple[datetime | None, datetime | None]:
    return (
        moment_of(asked.start_time, "range.start_time") if asked.HasField("start_time") else None,
        moment_of(asked.end_time, "range.end_time") if asked.HasField("end_time") else None,
    )


def _first_page(query: TableQuery) -> TableQuery:
    if query.page_token:
        raise InvalidInput([Violation("list.page_token", "must be empty: a watch begins with the first page")])
    return query


def _page(page: NamedPage[RowT], kind: type[MessageT]) -> dict[str, Any]:
    """The fields that every list's response has."""
    return {"rows": _rows(page, kind), "next_page_token": page.next_page_token, "as_of": _as_of(page.as_of)}


def _rows(page: NamedPage[RowT], kind: type[MessageT]) -> list[MessageT]:
    return [row_message(kind, row, page.artists, page.tracks) for row in page.rows]


def _as_of(moment: datetime | None) -> Timestamp | None:
    return timestamp_of(moment) if moment is not None else None
