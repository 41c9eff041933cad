"""A real gRPC server with literal rows, for tests of the analytics client: it checks the token and pages its lists."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, analytics_pb2_grpc, recommend_pb2, recommend_pb2_grpc

TOKEN = "token-of-the-test"
HOUR = datetime(2026, 11, 21, 10, tzinfo=UTC)
SPITEFUL = "<script>alert(1)</script> **bold** :red[x] $x$"
"""A title that must come out as it is, wherever it is shown."""


@dataclass
class Content:
    """What the server answers."""

    as_of: datetime | None = HOUR
    engagement: list[analytics_pb2.ArtistEngagement] = field(default_factory=list)
    trends: list[analytics_pb2.Trend] = field(default_factory=list)
    anomalies: list[analytics_pb2.Anomaly] = field(default_factory=list)
    answer: recommend_pb2.RecommendResponse = field(default_factory=recommend_pb2.RecommendResponse)
    page: int = 1000
    """Rows that a page holds at most, below what the client asks for where it is smaller."""
    requests: list[Any] = field(default_factory=list)
    """Every request seen, in order."""


class _Rows:
    """Pages through rows; the page token is the next row's place."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def _list(self, request: Any, context: grpc.ServicerContext, rows: list[Any], response: Any) -> Any:
        _check(context)
        seen = type(request)()
        seen.CopyFrom(request)
        self._content.requests.append(seen)
        rows = [row for row in rows if _within(row.window_start, request.range)]
        start = int(request.page_token or 0)
        end = start + min(request.page_size or 100, self._content.page)
        return response(
            rows=rows[start:end],
            next_page_token=str(end) if end < len(rows) else "",
            as_of=stamp(self._content.as_of) if self._content.as_of else None,
        )

    def _watch(self, context: grpc.ServicerContext, rows: list[Any], response: Any) -> Iterator[Any]:
        _check(context)
        yield response(rows=rows, as_of=stamp(HOUR))
        yield response()
        yield response(rows=rows[:1], as_of=stamp(HOUR))


class Analytics(_Rows, analytics_pb2_grpc.AnalyticsServiceServicer):
    """The three lists and their streams: everything, a sign of life, then the first row again."""

    def ListArtistEngagement(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.engagement, analytics_pb2.ListArtistEngagementResponse)

    def ListTrends(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.trends, analytics_pb2.ListTrendsResponse)

    def ListAnomalies(self, request, context):  # noqa: N802 - named by the contract
        return self._list(request, context, self._content.anomalies, analytics_pb2.ListAnomaliesResponse)

    def WatchArtistEngagement(self, request, context):  # noqa: N802 - named by the contract
        return self._watch(context, self._content.engagement, analytics_pb2.WatchArtistEngagementResponse)

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


@contextmanager
def serving(content: Content) -> Iterator[str]:
    """Serve `content` on a free loopback port; yields the address."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server(Analytics(content), server)
    recommend_pb2_grpc.add_RecommendServiceServicer_to_server(Recommend(content), server)
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
    """Eight artists over `hours` hours, ten trends, and one anomaly of each kind, as of two seconds past `newest`."""
    return Content(
        as_of=newest + timedelta(seconds=2),
        engagement=_engagement(newest, hours),
        trends=_trends(newest),
        anomalies=_anomalies(newest),
        answer=_answer(),
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
                )
            )
    return rows


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


def _within(moment: Timestamp, wanted: analytics_pb2.TimeRange) -> bool:
    seconds = moment.seconds
    after = not wanted.HasField("start_time") or seconds >= wanted.start_time.seconds
    return after and (not wanted.HasField("end_time") or seconds < wanted.end_time.seconds)
