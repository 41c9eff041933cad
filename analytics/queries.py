"""Questions to the server, answered as pandas frames. Every function raises QueryFailed where there is no answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import grpc
import pandas as pd
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, analytics_pb2_grpc, recommend_pb2, recommend_pb2_grpc

from analytics import frames
from analytics.errors import explain
from analytics.tables import ANOMALIES, ARTIST_ENGAGEMENT, TRENDS, Table

PAGE_SIZE: Final = 1000
"""Rows per call: the contract's largest page."""

ROW_LIMIT: Final = 10_000
"""Rows that a question returns at most where the caller names no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementFilter:
    """Hours that start in [since, until), one artist where named, and at least so many plays."""

    since: datetime | None = None
    until: datetime | None = None
    artist_id: str = ""
    min_plays: int = 0

    def _request(self) -> analytics_pb2.ListArtistEngagementRequest:
        return analytics_pb2.ListArtistEngagementRequest(
            range=_range(self.since, self.until), artist_id=self.artist_id, min_plays=self.min_plays
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFilter:
    """Hours in [since, until), one artist or track where named, ranks up to `max_rank` (0: every rank)."""

    since: datetime | None = None
    until: datetime | None = None
    artist_id: str = ""
    track_id: str = ""
    max_rank: int = 0

    def _request(self) -> analytics_pb2.ListTrendsRequest:
        return analytics_pb2.ListTrendsRequest(
            range=_range(self.since, self.until),
            artist_id=self.artist_id,
            track_id=self.track_id,
            max_rank=self.max_rank,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyFilter:
    """Hours in [since, until), one artist where named; `kind` and `min_severity` by their word ("": every)."""

    since: datetime | None = None
    until: datetime | None = None
    artist_id: str = ""
    kind: str = ""
    min_severity: str = ""

    def _request(self) -> analytics_pb2.ListAnomaliesRequest:
        return analytics_pb2.ListAnomaliesRequest(
            range=_range(self.since, self.until),
            artist_id=self.artist_id,
            kind=f"ANOMALY_KIND_{(self.kind or 'unspecified').upper()}",
            min_severity=f"SEVERITY_{(self.min_severity or 'unspecified').upper()}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one table, in the server's order.

    `as_of` is when the table's newest row was written (None: the table is empty); `complete` is False where
    the row limit cut the answer.
    """

    frame: pd.DataFrame
    as_of: datetime | None
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Recommendations for a listener: `tracks` and `reasons` have the columns of RECOMMENDATIONS and REASONS.

    `path` is hybrid, cold_start or degraded; `model_version` is empty where no model is published.
    """

    tracks: pd.DataFrame
    reasons: pd.DataFrame
    recommendation_id: str
    model_version: str
    path: str


def artist_engagement(channel: grpc.Channel, wanted: EngagementFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of ARTIST_ENGAGEMENT, newest hour first, then most plays first."""
    call = _analytics(channel).ListArtistEngagement
    request = (wanted or EngagementFilter())._request()
    return _collect(call, request, frames.engagement_frame, ARTIST_ENGAGEMENT, limit)


def trends(channel: grpc.Channel, wanted: TrendFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of TRENDS, newest hour first, then by rank."""
    call = _analytics(channel).ListTrends
    return _collect(call, (wanted or TrendFilter())._request(), frames.trend_frame, TRENDS, limit)


def anomalies(channel: grpc.Channel, wanted: AnomalyFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of ANOMALIES, newest hour first, then most severe first."""
    call = _analytics(channel).ListAnomalies
    return _collect(call, (wanted or AnomalyFilter())._request(), frames.anomaly_frame, ANOMALIES, limit)


def watch_artist_engagement(channel: grpc.Channel, wanted: EngagementFilter | None = None) -> Iterator[Rows]:
    """The newest rows, then changes to them as they come; merge them with `frames.upsert`. Close it to hang up."""
    call = _analytics(channel).WatchArtistEngagement
    request = analytics_pb2.WatchArtistEngagementRequest(list=(wanted or EngagementFilter())._request())
    return _watch(call, request, frames.engagement_frame)


def watch_trends(channel: grpc.Channel, wanted: TrendFilter | None = None) -> Iterator[Rows]:
    """As watch_artist_engagement, for TRENDS."""
    call = _analytics(channel).WatchTrends
    request = analytics_pb2.WatchTrendsRequest(list=(wanted or TrendFilter())._request())
    return _watch(call, request, frames.trend_frame)


def watch_anomalies(channel: grpc.Channel, wanted: AnomalyFilter | None = None) -> Iterator[Rows]:
    """As watch_artist_engagement, for ANOMALIES."""
    call = _analytics(channel).WatchAnomalies
    request = analytics_pb2.WatchAnomaliesRequest(list=(wanted or AnomalyFilter())._request())
    return _watch(call, request, frames.anomaly_frame)


def recommendations(channel: grpc.Channel, listener_id: str, *, count: int = 20) -> Answer:
    """What the listener may like next, best first; `count` is at most 200."""
    request = recommend_pb2.RecommendRequest(listener_id=listener_id, page_size=count)
    try:
        answer = _recommend(channel).Recommend(request)
    except grpc.RpcError as error:
        raise explain(error) from error
    return Answer(
        tracks=frames.recommendation_frame(answer.tracks),
        reasons=frames.reason_frame(answer.tracks),
        recommendation_id=answer.recommendation_id,
        model_version=answer.model_version,
        path=frames.path_word(answer.path),
    )


def _analytics(channel: grpc.Channel) -> Any:
    return analytics_pb2_grpc.AnalyticsServiceStub(channel)


def _recommend(channel: grpc.Channel) -> Any:
    return recommend_pb2_grpc.RecommendServiceStub(channel)


def _collect(
    call: Callable[..., Any], request: Any, to_frame: Callable[[Any], pd.DataFrame], table: Table, limit: int
) -> Rows:
    """Page through the list until it ends or `limit` rows are there; a row that moved between pages counts once."""
    rows: list[Any] = []
    as_of = None
    try:
        while True:
            request.page_size = min(PAGE_SIZE, limit - len(rows))
            page = call(request)
            rows.extend(page.rows)
            as_of = as_of or _as_of(page)
            request.page_token = page.next_page_token
            if not page.next_page_token or len(rows) >= limit:
                break
    except grpc.RpcError as error:
        raise explain(error) from error
    frame = to_frame(rows).drop_duplicates(list(table.key), keep="last", ignore_index=True)
    return Rows(frame=frame, as_of=as_of, complete=not request.page_token)


def _watch(call: Callable[..., Any], request: Any, to_frame: Callable[[Any], pd.DataFrame]) -> Iterator[Rows]:
    stream = call(request)
    try:
        for message in stream:
            yield Rows(frame=to_frame(message.rows), as_of=_as_of(message))
    except grpc.RpcError as error:
        raise explain(error) from error
    finally:
        stream.cancel()


def _range(since: datetime | None, until: datetime | None) -> analytics_pb2.TimeRange | None:
    if since is None and until is None:
        return None
    return analytics_pb2.TimeRange(start_time=_timestamp(since), end_time=_timestamp(until))


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _as_of(message: Any) -> datetime | None:
    return message.as_of.ToDatetime(UTC) if message.HasField("as_of") else None
