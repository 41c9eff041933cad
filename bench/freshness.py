"""How old a play is when people can see it: sent through the IngestService, then looked for in the AnalyticsService."""

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import grpc
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, analytics_pb2_grpc

from backend.domain.errors import SegueError
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from bench.rows import Row
from importers import send as ingest_client

FRESHNESS = "freshness_p95_seconds"
LIMIT_SECONDS = 12.0
BETWEEN_SECONDS = 1.7
"""Mean time between two plays: forty of them see many refreshes and checkpoints at every phase."""

_LOOK_SECONDS = 0.05
_FIRST_SECONDS = 600.0
_LOST_SECONDS = 120.0


class Freshness:
    """Sends plays, each of an artist that nobody played yet, and waits until the artist's row can be listed."""

    def __init__(self, channel: grpc.Channel, *, seed: int) -> None:
        self._channel = channel
        self._analytics = analytics_pb2_grpc.AnalyticsServiceStub(channel)
        self._rng = np.random.default_rng(seed)
        self._since = Timestamp()
        self._since.FromDatetime(datetime.now(UTC) - timedelta(hours=2))

    def measure(self, *, plays: int, advance: Callable[[], None] = lambda: None) -> tuple[Row, Sequence[float]]:
        """Seconds from before the sending of each play until it is seen, sorted, and their row.

        One play goes ahead, uncounted: until it is seen, the job may still be on its way to the cluster. Raises
        SegueError where a play is not seen, grpc.RpcError where the server does not answer.
        """
        names = [f"fresh-{nth}" for nth in range(plays + 1)]
        ingest_client.send(
            self._channel,
            artists=[Artist(artist_id=name, name=name) for name in names],
            tracks=[
                Track(track_id=name, title=name, artist_ids=(name,), duration_milliseconds=200_000) for name in names
            ],
        )
        self._send(names[0])
        self._await_first(names[0])
        seconds = self._follow(names[1:], advance)
        return row_of(seconds), sorted(seconds)

    def _await_first(self, name: str) -> None:
        deadline = time.monotonic() + _FIRST_SECONDS
        while name not in self._seen():
            if time.monotonic() > deadline:
                raise SegueError(f"the first play was not seen within {_FIRST_SECONDS:.0f} s; run the bench again")
            time.sleep(1)

    def _follow(self, names: Sequence[str], advance: Callable[[], None]) -> list[float]:
        due = time.monotonic() + np.cumsum(self._rng.exponential(BETWEEN_SECONDS, len(names)))
        sent: dict[str, float] = {}
        seconds: dict[str, float] = {}
        while len(seconds) < len(names):
            now = time.monotonic()
            if len(sent) < len(names) and now >= due[len(sent)]:
                name = names[len(sent)]
                sent[name] = now
                self._send(name)
            found = self._seen()
            now = time.monotonic()
            for name in (sent.keys() & found) - seconds.keys():
                seconds[name] = now - sent[name]
                advance()
            if lost := [name for name in sent.keys() - seconds.keys() if now - sent[name] > _LOST_SECONDS]:
                raise SegueError(f"{len(lost)} plays were not seen within {_LOST_SECONDS:.0f} s; run the bench again")
            time.sleep(_LOOK_SECONDS)
        return list(seconds.values())

    def _send(self, name: str) -> None:
        play = Play(
            event_id=str(uuid.uuid4()),
            listener_id=f"listener-of-{name}",
            track_id=name,
            artist_id=name,
            played_at=datetime.now(UTC),
            milliseconds_played=180_000,
            track_milliseconds=200_000,
            source=Source.FIRST_PARTY,
            allow_training=True,
        )
        report = ingest_client.send(self._channel, plays=[play])
        if report.plays.accepted != 1:
            raise SegueError(f"the server did not accept a play: {report.rejections}; see its log")

    def _seen(self) -> set[str]:
        """Artists that have a row: all plays of a run fit a page."""
        request = analytics_pb2.ListArtistEngagementRequest(
            range=analytics_pb2.TimeRange(start_time=self._since), page_size=1000
        )
        return {one.artist_id for one in self._analytics.ListArtistEngagement(request, timeout=30).rows}


def row_of(seconds: Sequence[float]) -> Row:
    """The 95th percentile (nearest rank, upwards) beside the limit; the spread is highest minus lowest ratio."""
    p95 = float(np.percentile(seconds, 95, method="higher"))
    ratios = [one / LIMIT_SECONDS for one in sorted(seconds)]
    return Row(
        name=FRESHNESS,
        ours=p95,
        reference=LIMIT_SECONDS,
        ratio=p95 / LIMIT_SECONDS,
        unit=f"seconds from RecordPlays to ListArtistEngagement, p95 of {len(seconds)} plays; reference: the limit",
        spread=ratios[-1] - ratios[0],
        ratios=ratios,
    )
