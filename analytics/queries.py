"""Questions to the server, answered as pandas frames. Every function raises QueryFailed where there is no answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import grpc
import pandas as pd
from segue.v1 import (
    analytics_pb2,
    analytics_pb2_grpc,
    recommend_pb2,
    recommend_pb2_grpc,
    topics_pb2,
    topics_pb2_grpc,
)

from analytics import frames
from analytics.columns import Table
from analytics.filters import (
    ActivityFilter,
    AnomalyFilter,
    EngagementFilter,
    LetterFilter,
    PopularityFilter,
    TopicFilter,
    TrendFilter,
)
from analytics.tables import (
    ANOMALIES,
    ARTIST_ENGAGEMENT,
    ARTIST_POPULARITY,
    DEAD_LETTER_COUNTS,
    DEAD_LETTERS,
    LISTENER_ACTIVITY,
    TOPIC_HOURS,
    TRACK_POPULARITY,
    TRENDS,
)
from client.errors import explain

PAGE_SIZE: Final = 5000
"""Rows per call: the contract's largest page."""

LETTERS_PAGE_SIZE: Final = 1000
"""The same for dead letters, which hold records as they came."""

TOPICS_PAGE_SIZE: Final = 1000
"""The same for topics, of which there are never so many."""

ROW_LIMIT: Final = 10_000
"""Rows that a question returns at most where the caller names no limit."""


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

    `path` is hybrid, cold_start or degraded; `model_version` is empty where no model is published. An answer that is
    not for a listener has neither `path` nor `recommendation_id`.
    """

    tracks: pd.DataFrame
    reasons: pd.DataFrame
    recommendation_id: str
    model_version: str
    path: str


def artist_engagement(channel: grpc.Channel, wanted: EngagementFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of ARTIST_ENGAGEMENT (or ARTIST_ENGAGEMENT_DAYS), newest first, then most plays first."""
    request = (wanted or EngagementFilter()).request()
    return _collect(_analytics(channel).ListArtistEngagement, request, ARTIST_ENGAGEMENT, limit)


def popularity(channel: grpc.Channel, wanted: PopularityFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of TRACK_POPULARITY or ARTIST_POPULARITY: the newest ranking of one span, by rank."""
    wanted = wanted or PopularityFilter()
    table = ARTIST_POPULARITY if wanted.subject == "artist" else TRACK_POPULARITY
    return _collect(_analytics(channel).ListPopularity, wanted.request(), table, limit)


def trends(channel: grpc.Channel, wanted: TrendFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of TRENDS, newest hour first, then by rank."""
    return _collect(_analytics(channel).ListTrends, (wanted or TrendFilter()).request(), TRENDS, limit)


def anomalies(channel: grpc.Channel, wanted: AnomalyFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of ANOMALIES, newest hour first, then most severe first."""
    return _collect(_analytics(channel).ListAnomalies, (wanted or AnomalyFilter()).request(), ANOMALIES, limit)


def listener_activity(channel: grpc.Channel, wanted: ActivityFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of LISTENER_ACTIVITY, newest day first, then most plays first."""
    request = (wanted or ActivityFilter()).request()
    return _collect(_analytics(channel).ListListenerActivity, request, LISTENER_ACTIVITY, limit)


def topic_hours(channel: grpc.Channel, wanted: TopicFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of TOPIC_HOURS, newest hour first, then by cluster."""
    return _collect(_analytics(channel).ListTopicHours, (wanted or TopicFilter()).request(), TOPIC_HOURS, limit)


def dead_letters(channel: grpc.Channel, wanted: LetterFilter | None = None, *, limit: int = ROW_LIMIT) -> Rows:
    """Rows of DEAD_LETTERS, newest first."""
    request = (wanted or LetterFilter()).request()
    return _collect(_analytics(channel).ListDeadLetters, request, DEAD_LETTERS, limit, LETTERS_PAGE_SIZE)


def dead_letter_counts(channel: grpc.Channel) -> Rows:
    """Rows of DEAD_LETTER_COUNTS: every reason that has letters."""
    try:
        answer = _analytics(channel).ListDeadLetters(analytics_pb2.ListDeadLettersRequest(page_size=1))
    except grpc.RpcError as error:
        raise explain(error) from error
    return Rows(frame=frames.live_frame(DEAD_LETTER_COUNTS, answer.counts), as_of=_as_of(answer))


def watch_artist_engagement(channel: grpc.Channel, wanted: EngagementFilter | None = None) -> Iterator[Rows]:
    """The newest rows, then changes to them as they come; merge them with `frames.upsert`. Close it to hang up."""
    request = analytics_pb2.WatchArtistEngagementRequest(list=(wanted or EngagementFilter()).request())
    return _watch(_analytics(channel).WatchArtistEngagement, request, ARTIST_ENGAGEMENT)


def watch_trends(channel: grpc.Channel, wanted: TrendFilter | None = None) -> Iterator[Rows]:
    """As watch_artist_engagement, for TRENDS."""
    request = analytics_pb2.WatchTrendsRequest(list=(wanted or TrendFilter()).request())
    return _watch(_analytics(channel).WatchTrends, request, TRENDS)


def watch_anomalies(channel: grpc.Channel, wanted: AnomalyFilter | None = None) -> Iterator[Rows]:
    """As watch_artist_engagement, for ANOMALIES."""
    request = analytics_pb2.WatchAnomaliesRequest(list=(wanted or AnomalyFilter()).request())
    return _watch(_analytics(channel).WatchAnomalies, request, ANOMALIES)


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


def search_tracks(channel: grpc.Channel, words: str, *, count: int = 20) -> Answer:
    """Tracks of that title or artist, then those that the words mean; `count` is at most 200."""
    return _found(_recommend(channel).SearchTracks, recommend_pb2.SearchTracksRequest(query=words, page_size=count))


def similar_tracks(channel: grpc.Channel, track_id: str, *, approach: str = "", count: int = 20) -> Answer:
    """Tracks like one, by one of `client.recommendations.APPROACHES` ("": the server's choice)."""
    named = f"APPROACH_{approach.upper() or 'UNSPECIFIED'}"
    request = recommend_pb2.SimilarTracksRequest(track_id=track_id, page_size=count, approach=named)
    return _found(_recommend(channel).SimilarTracks, request)


def _found(call: Callable[..., Any], request: Any) -> Answer:
    try:
        answer = call(request)
    except grpc.RpcError as error:
        raise explain(error) from error
    return Answer(
        tracks=frames.recommendation_frame(answer.tracks),
        reasons=frames.reason_frame(answer.tracks),
        recommendation_id="",
        model_version=answer.model_version,
        path="",
    )


def topics(channel: grpc.Channel) -> pd.DataFrame:
    """TOPICS of the model version that serves; no row where it has none."""
    request = topics_pb2.ListTopicsRequest(page_size=TOPICS_PAGE_SIZE)
    found: list[topics_pb2.Topic] = []
    try:
        while True:
            answer = _topics(channel).ListTopics(request)
            found += answer.topics
            request.page_token = answer.next_page_token
            if not answer.next_page_token:
                return frames.topic_frame(found)
    except grpc.RpcError as error:
        if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.NOT_FOUND:
            return frames.topic_frame([])
        raise explain(error) from error


def topic_tracks(channel: grpc.Channel, topic_id: str, *, count: int = 50) -> pd.DataFrame:
    """TOPIC_TRACKS: the first `count` tracks of a topic, at most 200."""
    request = topics_pb2.ListTopicTracksRequest(topic_id=topic_id, page_size=count)
    try:
        return frames.topic_track_frame(_topics(channel).ListTopicTracks(request).tracks)
    except grpc.RpcError as error:
        raise explain(error) from error


def _topics(channel: grpc.Channel) -> Any:
    return topics_pb2_grpc.TopicServiceStub(channel)


def _analytics(channel: grpc.Channel) -> Any:
    return analytics_pb2_grpc.AnalyticsServiceStub(channel)


def _recommend(channel: grpc.Channel) -> Any:
    return recommend_pb2_grpc.RecommendServiceStub(channel)


def _collect(call: Callable[..., Any], request: Any, table: Table, limit: int, page_size: int = PAGE_SIZE) -> Rows:
    """Page through the list until it ends or `limit` rows are there; a row that moved between pages counts once."""
    rows: list[Any] = []
    as_of = None
    try:
        while True:
            request.page_size = min(page_size, limit - len(rows))
            page = call(request)
            rows.extend(page.rows)
            as_of = as_of or _as_of(page)
            request.page_token = page.next_page_token
            if not page.next_page_token or len(rows) >= limit:
                break
    except grpc.RpcError as error:
        raise explain(error) from error
    frame = frames.live_frame(table, rows).drop_duplicates(list(table.key), keep="last", ignore_index=True)
    return Rows(frame=frame, as_of=as_of, complete=not request.page_token)


def _watch(call: Callable[..., Any], request: Any, table: Table) -> Iterator[Rows]:
    stream = call(request)
    try:
        for message in stream:
            yield Rows(frame=frames.live_frame(table, message.rows), as_of=_as_of(message))
    except grpc.RpcError as error:
        raise explain(error) from error
    finally:
        stream.cancel()


def _as_of(message: Any) -> datetime | None:
    return message.as_of.ToDatetime(UTC) if message.HasField("as_of") else None
