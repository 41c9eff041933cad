"""A real gRPC server with literal rows, for tests of the analytics client: it checks the token and pages its lists."""

import base64
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import (
    analytics_pb2,
    analytics_pb2_grpc,
    catalogue_pb2,
    recommend_pb2,
    recommend_pb2_grpc,
    topics_pb2,
    topics_pb2_grpc,
)

TOKEN = "token-of-the-test"
HOUR = datetime(2026, 11, 21, 10, tzinfo=UTC)
SPITEFUL = "<script>alert(1)</script> **bold** :red[x] $x$"
"""A title that must come out as it is, wherever it is shown."""


@dataclass
class Content:
    """What the server answers."""

    as_of: datetime | None = HOUR
    engagement: list[analytics_pb2.ArtistEngagement] = field(default_factory=list)
    """Hours and days."""
    popularity: list[analytics_pb2.Popularity] = field(default_factory=list)
    trends: list[analytics_pb2.Trend] = field(default_factory=list)
    anomalies: list[analytics_pb2.Anomaly] = field(default_factory=list)
    activity: list[analytics_pb2.ListenerActivity] = field(default_factory=list)
    topics: list[analytics_pb2.TopicHour] = field(default_factory=list)
    letters: list[analytics_pb2.DeadLetter] = field(default_factory=list)
    counts: list[analytics_pb2.DeadLetterCount] = field(default_factory=list)
    answer: recommend_pb2.RecommendResponse = field(default_factory=recommend_pb2.RecommendResponse)
    lacking: frozenset[int] = frozenset()
    """Approaches that the model version lacks."""
    model_topics: list[topics_pb2.Topic] = field(default_factory=list)
    """Of the model version that serves; where it has none, topics are not found."""
    page: int = 1000
    """Rows that a page holds at most, below what the client asks for where it is smaller."""
    requests: list[Any] = field(default_factory=list)
    """Every request seen, in order."""


class _Rows:
    """Pages through rows; the page token is the next row's place."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def _list(self, request: Any, context: grpc.ServicerContext, rows: list[Any], response: Any, **more: Any) -> Any:
        _check(context)
        seen = type(request)()
        seen.CopyFrom(request)
        self._content.requests.append(seen)
        rows = [row for row in rows if _wanted(row, request)]
        start = int(request.page_token or 0)
        end = start + min(request.page_size or 100, self._content.page)
        return response(
            rows=rows[start:end],
            next_page_token=str(end) if end < len(rows) else "",
            as_of=stamp(self._content.as_of) if self._content.as_of else None,
            **more,
        )

    def _watch(self, context: grpc.ServicerContext, rows: list[Any], response: Any) -> Iterator[Any]:
        _check(context)
        yield response(rows=rows, as_of=stamp(HOUR))
        yield response()
        yield response(rows=rows[:1], as_of=stamp(HOUR))


class Analytics(_Rows, analytics_pb2_grpc.AnalyticsServiceServicer):
    """The lists, and three streams: everything, a sign of life, then the first row again."""

    def ListArtistEngagement(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.engagement, analytics_pb2.ListArtistEngagementResponse)

    def ListTrends(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.trends, analytics_pb2.ListTrendsResponse)

    def ListAnomalies(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.anomalies, analytics_pb2.ListAnomaliesResponse)

    def ListPopularity(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.popularity, analytics_pb2.ListPopularityResponse)

    def ListListenerActivity(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.activity, analytics_pb2.ListListenerActivityResponse)

    def ListTopicHours(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.topics, analytics_pb2.ListTopicHoursResponse)

    def ListDeadLetters(self, request, context):  # noqa: N802 - named by the contract
        response = analytics_pb2.ListDeadLettersResponse
        return self._list(request, context, self._content.letters, response, counts=self._content.counts)

    def WatchArtistEngagement(self, request, context):  # noqa: N802 - named by the contract
        hours = [row for row in self._content.engagement if _wanted(row, request.list)]
        return self._watch(context, hours, analytics_pb2.WatchArtistEngagementResponse)

    def WatchTrends(self, request, context):  # noqa: N802 - named by the contract
        return self._watch(context, self._content.trends, analytics_pb2.WatchTrendsResponse)

    def WatchAnomalies(self, request, context):  # noqa: N802 - named by the contract
        return self._watch(context, self._content.anomalies, analytics_pb2.WatchAnomaliesResponse)


class Recommend(recommend_pb2_grpc.RecommendServiceServicer):
    """Answers every listener alike."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def Recommend(self, request, context):  # noqa: N802 - named by the contract
        _check(context)
        self._content.requests.append(request)
        return self._content.answer

    def SearchTracks(self, request, context):  # noqa: N802 - named by the contract
        _check(context)
        self._content.requests.append(request)
        return recommend_pb2.SearchTracksResponse(tracks=self._content.answer.tracks, model_version="v")

    def SimilarTracks(self, request, context):  # noqa: N802 - named by the contract
        _check(context)
        self._content.requests.append(request)
        if request.approach in self._content.lacking:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "model version v has no such approach: `segue train`")
        return recommend_pb2.SimilarTracksResponse(tracks=self._content.answer.tracks[1:], model_version="v")


class Topics(topics_pb2_grpc.TopicServiceServicer):
    """Topics in pages, and three tracks of each, named after it."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def ListTopics(self, request, context):  # noqa: N802 - named by the contract
        _check(context)
        if not self._content.model_topics:
            context.abort(grpc.StatusCode.NOT_FOUND, "model version v has no topics")
        start = int(request.page_token or 0)
        end = start + min(request.page_size, self._content.page)
        more = end < len(self._content.model_topics)
        topics = self._content.model_topics[start:end]
        return topics_pb2.ListTopicsResponse(topics=topics, next_page_token=str(end) if more else "", model_version="v")

    def ListTopicTracks(self, request, context):  # noqa: N802 - named by the contract
        _check(context)
        tracks = [
            topics_pb2.TopicTrack(
                track_id=f"{request.topic_id}-{place}",
                title=SPITEFUL if place == 2 else f"Song {place} of {request.topic_id}",
                artist_ids=["artist-1"],
                reason="popular: 3 listeners in 24 hours" if place == 1 else "",
            )
            for place in (1, 2, 3)
        ]
        return topics_pb2.ListTopicTracksResponse(tracks=tracks[: request.page_size], model_version="v")


@contextmanager
def serving(content: Content) -> Iterator[str]:
    """Serve `content` on a free loopback port; yields the address."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server(Analytics(content), server)
    recommend_pb2_grpc.add_RecommendServiceServicer_to_server(Recommend(content), server)
    topics_pb2_grpc.add_TopicServiceServicer_to_server(Topics(content), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def stamp(moment: datetime) -> Timestamp:
    """The moment as a protobuf timestamp."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def filled(*, newest: datetime = HOUR, hours: int = 24) -> Content:
    """Eight artists over `hours` hours and two days, ten trends, one anomaly of each kind, and some of all the rest.

    As of two seconds past `newest`.
    """
    return Content(
        as_of=newest + timedelta(seconds=2),
        engagement=[*_engagement(newest, hours), *_days(newest)],
        popularity=_popularity(newest),
        trends=_trends(newest),
        anomalies=_anomalies(newest),
        activity=_activity(newest),
        topics=_topics(newest, hours),
        letters=_letters(newest),
        counts=[
            analytics_pb2.DeadLetterCount(reason="DEAD_LETTER_REASON_MALFORMED", source_topic="plays", records=1),
            analytics_pb2.DeadLetterCount(
                reason="DEAD_LETTER_REASON_UNKNOWN_TRACK", source_topic="plays", records=1234
            ),
        ],
        answer=_answer(),
        model_topics=_model_topics(),
    )


_ARTISTS = ("Blue Harbour", "Nils Aune", "The Paper Lanterns", "Oda", "Marble Fox", "Kite & Anchor", "Sol Vega", "Hum")


def _engagement(newest: datetime, hours: int) -> list[analytics_pb2.ArtistEngagement]:
    rows = []
    for hour in range(hours):
        for number, name in enumerate(_ARTISTS):
            plays = 40 + (97 * (hour + 3 * number) % 61) * (9 - number)
            rows.append(
                analytics_pb2.ArtistEngagement(
                    artist_id=f"artist-{number}",
                    artist_name=SPITEFUL if number == 3 else name,
                    window_start=stamp(newest - timedelta(hours=hour)),
                    plays=plays,
                    unique_listeners=plays // 2,
                    milliseconds_played=plays * 170_000,
                    completion_rate=None if number == 5 else 0.4 + 0.05 * number,
                    skips=plays // 9,
                    span=analytics_pb2.SPAN_HOUR,
                    returning_share=None if number == 6 else 0.1 * number,
                    likes=plays // 20,
                )
            )
    return rows


def _days(newest: datetime) -> list[analytics_pb2.ArtistEngagement]:
    today = newest.replace(hour=0)
    return [
        analytics_pb2.ArtistEngagement(
            artist_id=f"artist-{number}",
            artist_name=SPITEFUL if number == 3 else name,
            window_start=stamp(today - timedelta(days=day)),
            plays=5000 - 500 * number - 200 * day,
            unique_listeners=900 - 100 * number,
            milliseconds_played=10**8,
            completion_rate=0.6,
            skips=300,
            span=analytics_pb2.SPAN_DAY,
            returning_share=0.5,
            likes=40 + number,
        )
        for day in range(2)
        for number, name in enumerate(_ARTISTS)
    ]


def _popularity(newest: datetime) -> list[analytics_pb2.Popularity]:
    """Ten tracks and eight artists in each span."""
    spans = list(analytics_pb2.PopularitySpan.values())[1:]
    tracks = [
        analytics_pb2.Popularity(
            span=span,
            track_id=f"track-{rank}",
            title=SPITEFUL if rank == 2 else f"Song number {rank}",
            artist_id=f"artist-{rank % 8}",
            artist_name=_ARTISTS[rank % 8],
            window_end=stamp(newest),
            rank=rank,
            plays=900 * span // rank,
            listeners=300 * span // rank,
        )
        for span in spans
        for rank in range(1, 11)
    ]
    artists = [
        analytics_pb2.Popularity(
            span=span,
            artist_id=f"artist-{rank - 1}",
            artist_name=SPITEFUL if rank == 4 else _ARTISTS[rank - 1],
            window_end=stamp(newest),
            rank=rank,
            plays=1900 * span // rank,
            listeners=700 * span // rank,
        )
        for span in spans
        for rank in range(1, 9)
    ]
    return [*tracks, *artists]


def _activity(newest: datetime) -> list[analytics_pb2.ListenerActivity]:
    """Twelve listeners on this day, fewer on each day before."""
    today = newest.replace(hour=0)
    return [
        analytics_pb2.ListenerActivity(
            listener_id=SPITEFUL if number == 1 else f"listener-{number}",
            window_start=stamp(today - timedelta(days=day)),
            sessions=1 + number % 3,
            plays=40 - 3 * number,
            skips=number,
            milliseconds_played=(40 - 3 * number) * 170_000,
            last_active=stamp(today - timedelta(days=day) + timedelta(minutes=37)),
        )
        for day in range(9)
        for number in range(12 - day)
    ]


def _topics(newest: datetime, hours: int) -> list[analytics_pb2.TopicHour]:
    """Eight clusters; nobody knows how loud the last one is."""
    return [
        analytics_pb2.TopicHour(
            cluster=cluster,
            window_start=stamp(newest - timedelta(hours=hour)),
            plays=20 + (37 * (hour + 2 * cluster) % 41) * (9 - cluster),
            danceability=0.1 * (cluster + 1),
            energy=0.95 - 0.1 * cluster,
            valence=0.5,
            acousticness=0.12 * cluster,
            instrumentalness=0.05 * cluster,
            liveness=0.2,
            speechiness=0.04 * (8 - cluster),
            tempo=80 + 10 * cluster,
            loudness=None if cluster == 7 else -5 - cluster,
        )
        for hour in range(hours)
        for cluster in range(8)
    ]


def _model_topics() -> list[topics_pb2.Topic]:
    """Clusters 0 and 2, the first with two topics within it; the other is called what must come out as it is."""

    def topic(topic_id: str, name: str, tracks: int, parent: str = "", cluster: int | None = None) -> topics_pb2.Topic:
        centre = catalogue_pb2.AudioFeatures(tempo=90.0 + tracks, loudness=-9)
        told = {"topic_id": topic_id, "name": name, "tracks": tracks, "parent_topic_id": parent, "cluster": cluster}
        return topics_pb2.Topic(**told, centre=centre, tags=["metal", "punk"])

    return [
        topic("1a", "fast, loud; metal, punk", 30, cluster=0),
        topic("1b", "sung; punk", 20, parent="1a"),
        topic("1c", "instrumental; metal", 10, parent="1a"),
        topic("2a", SPITEFUL, 7, cluster=2),
    ]


def _letters(newest: datetime) -> list[analytics_pb2.DeadLetter]:
    return [
        analytics_pb2.DeadLetter(
            reason="DEAD_LETTER_REASON_MALFORMED",
            source_topic="plays",
            source_partition=3,
            source_offset=4711,
            record=base64.b64encode(SPITEFUL.encode()).decode(),
            detail="not a JSON object",
            records=1,
            noted_at=stamp(newest),
        ),
        analytics_pb2.DeadLetter(
            reason="DEAD_LETTER_REASON_UNKNOWN_TRACK",
            source_topic="plays",
            source_partition=0,
            source_offset=12,
            detail="track t-99 is not in the catalogue",
            records=1234,
            noted_at=stamp(newest - timedelta(hours=2)),
        ),
    ]


def _trends(newest: datetime) -> list[analytics_pb2.Trend]:
    return [
        analytics_pb2.Trend(
            track_id=f"track-{rank}",
            title=SPITEFUL if rank == 2 else f"Song number {rank}",
            artist_id=f"artist-{rank % 8}",
            artist_name=_ARTISTS[rank % 8],
            window_start=stamp(newest),
            rank=rank,
            plays_24h=1200 // rank,
            listeners_24h=400 // rank,
            baseline_24h=100.0 / rank + 5,
            ratio=12.0 / rank + 1,
            z_score=40.0 / rank,
        )
        for rank in range(1, 11)
    ]


def _anomalies(newest: datetime) -> list[analytics_pb2.Anomaly]:
    kinds = (
        (analytics_pb2.ANOMALY_KIND_RELEASE_SPIKE, analytics_pb2.SEVERITY_HIGH, 2400, 1900, 180.0, 31.0),
        (analytics_pb2.ANOMALY_KIND_STREAM_FARM, analytics_pb2.SEVERITY_HIGH, 1800, 12, 40.0, 58.0),
        (analytics_pb2.ANOMALY_KIND_DROP, analytics_pb2.SEVERITY_LOW, 2, 2, 90.0, -7.0),
    )
    track = {"subject": analytics_pb2.ANOMALY_SUBJECT_TRACK, "track_id": "track-2", "title": SPITEFUL}
    artist = {"subject": analytics_pb2.ANOMALY_SUBJECT_ARTIST}
    return [
        analytics_pb2.Anomaly(
            alert_id=f"alert-{number}",
            artist_id=f"artist-{number}",
            artist_name=_ARTISTS[number],
            window_start=stamp(newest - timedelta(hours=3 * number)),
            kind=kind,
            severity=severity,
            plays=plays,
            unique_listeners=listeners,
            plays_per_listener=plays / listeners,
            baseline_plays=baseline,
            z_score=z_score,
            direction=analytics_pb2.ANOMALY_DIRECTION_UP if z_score > 0 else analytics_pb2.ANOMALY_DIRECTION_DOWN,
            baseline_per_listener=1.4,
            z_per_listener=z_score / 3,
            seasonal_plays=None if number == 2 else baseline * 1.2,
            seasonal_z=None if number == 2 else z_score * 0.8,
            **(track if number == 1 else artist),
        )
        for number, (kind, severity, plays, listeners, baseline, z_score) in enumerate(kinds)
    ]


def _answer() -> recommend_pb2.RecommendResponse:
    tracks = [
        recommend_pb2.RecommendedTrack(
            track_id=f"track-{place}",
            title=SPITEFUL if place == 2 else f"Song number {place}",
            artist_ids=["artist-1"],
            artist_names=["Nils Aune"],
            score=1.0 / place,
            reasons=[
                recommend_pb2.Reason(
                    source=recommend_pb2.CANDIDATE_SOURCE_FACTORS, rank=place, share=0.7, text="listeners like you"
                ),
                recommend_pb2.Reason(
                    source=recommend_pb2.CANDIDATE_SOURCE_CONTENT, rank=place + 3, share=0.3, text="near Blue Train"
                ),
            ],
        )
        for place in range(1, 6)
    ]
    return recommend_pb2.RecommendResponse(
        recommendation_id="0b5f3b1e-7a43-4b5e-9a53-1c6f2f3f8b11",
        tracks=tracks,
        model_version="20261121T100000Z",
        path=recommend_pb2.ANSWER_PATH_HYBRID,
    )


def _check(context: grpc.ServicerContext) -> None:
    if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "unknown token")


def _wanted(row: Any, request: Any) -> bool:
    """Whether the row is within the request's range, of its span, and of its subject."""
    fields = request.DESCRIPTOR.fields_by_name
    if "range" in fields and not _within(row.noted_at if hasattr(row, "noted_at") else row.window_start, request.range):
        return False
    if "listener_id" in fields and request.listener_id not in {"", row.listener_id}:
        return False
    if isinstance(request, analytics_pb2.ListArtistEngagementRequest):
        return row.span == (request.span or analytics_pb2.SPAN_HOUR)
    if isinstance(request, analytics_pb2.ListPopularityRequest):
        artists = request.subject == analytics_pb2.POPULARITY_SUBJECT_ARTISTS
        return row.span == (request.span or analytics_pb2.POPULARITY_SPAN_DAY) and artists == (not row.track_id)
    for name in ("subject", "reason"):
        if name in fields and getattr(request, name) not in {0, getattr(row, name)}:
            return False
    return True


def _within(moment: Timestamp, wanted: analytics_pb2.TimeRange) -> bool:
    seconds = moment.seconds
    after = not wanted.HasField("start_time") or seconds >= wanted.start_time.seconds
    return after and (not wanted.HasField("end_time") or seconds < wanted.end_time.seconds)
