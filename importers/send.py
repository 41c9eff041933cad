"""Sends a catalogue and plays through the IngestService, in batches, until the fate of each element is known."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import grpc
from segue.v1 import ingest_pb2

from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from importers.calls import BATCH, IN_FLIGHT, RETRY_DELAYS, Call, Fate, Lane, lanes, reasons

MAX_SPREAD: Final = timedelta(minutes=5)
"""Plays under way lie at most this far apart in event time; see `send`. Below setting lateness_minutes' default."""

REPORTED: Final = 20
"""Rejections that a report lists; all are counted."""

Progress = Callable[[str, int], None]
"""Called with the kind ("artists", "tracks", "plays") and the number of elements whose fate just became known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An element that the server refused: `position` counts from 0 among the elements of its kind as they were sent."""

    kind: str
    position: int
    id: str
    field: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many elements of one kind met which fate."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0


@dataclass(slots=True, kw_only=True)
class IngestReport:
    """What became of everything that was sent; `rejections` lists the first `REPORTED`."""

    artists: Tally = field(default_factory=Tally)
    tracks: Tally = field(default_factory=Tally)
    plays: Tally = field(default_factory=Tally)
    rejections: list[Rejection] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rejected(self) -> int:
        """Elements of any kind that the server refused."""
        return self.artists.rejected + self.tracks.rejected + self.plays.rejected


def send(
    channel: grpc.Channel,
    *,
    artists: Iterable[Artist] = (),
    tracks: Iterable[Track] = (),
    plays: Iterable[Play] = (),
    report: Progress = lambda kind, count: None,
    retry_delays: Sequence[float] = RETRY_DELAYS,
) -> IngestReport:
    """Send artists, then tracks, then plays (in time order), and return what became of them.

    Up to `IN_FLIGHT` requests are under way at once, but plays only as far as they lie within `MAX_SPREAD` of each
    other: requests may overtake one another, and a play that arrives later than the streaming jobs wait for would be
    left out of its hour. So a dense present goes four abreast and a sparse past one by one.

    What is not confirmed, and requests that meet a server that is down, slow or shedding, are sent again with the same
    ids after `retry_delays` seconds. Raises Unavailable once those are used up (all that was confirmed before stays;
    sending everything again counts nothing twice), grpc.RpcError for any other failure of a request.
    """
    lane_of = lanes(channel)
    started = time.monotonic()
    result = IngestReport()

    def send_all(kind: str, values: Iterable[Any], at: Callable[[Any], datetime] | None = None) -> None:
        _Sender(lane_of[kind], at, getattr(result, kind), result.rejections, report, retry_delays).send(values)

    send_all("artists", artists)
    send_all("tracks", tracks)
    send_all("plays", plays, lambda play: play.played_at)
    result.seconds = time.monotonic() - started
    return result


@dataclass(slots=True)
class _Sender:
    """Sends one kind and counts what the server says; the event time `at` keeps batches together."""

    lane: Lane
    at: Callable[[Any], datetime] | None
    tally: Tally
    rejections: list[Rejection]
    report: Progress
    retry_delays: Sequence[float]
    under_way: deque[tuple[Call, datetime | None]] = field(default_factory=deque)

    def send(self, values: Iterable[Any]) -> None:
        """Send all of them and wait until the fate of each is known."""
        try:
            for start, chunk in _chunks(values):
                first = self.at(chunk[0]) if self.at else None
                last = self.at(chunk[-1]) if self.at else None
                while self.under_way and not self._fits(last):
                    self._settle()
                self.under_way.append((Call(self.lane, dict(enumerate(chunk, start))), first))
            while self.under_way:
                self._settle()
        finally:
            for call, _ in self.under_way:
                call.cancel()

    def _fits(self, last: datetime | None) -> bool:
        oldest = self.under_way[0][1]
        together = last is None or oldest is None or last - oldest <= MAX_SPREAD
        return together and len(self.under_way) < IN_FLIGHT

    def _settle(self) -> None:
        """Wait until the fate of all in the oldest call is known."""
        for fates in self.under_way[0][0].settle(self.retry_delays):
            self._count(fates)
        self.under_way.popleft()

    def _count(self, fates: Sequence[Fate]) -> None:
        for position, result in fates:
            match result.outcome:
                case ingest_pb2.INGEST_OUTCOME_ACCEPTED:
                    self.tally.accepted += 1
                case ingest_pb2.INGEST_OUTCOME_DUPLICATE:
                    self.tally.duplicate += 1
                case _:
                    self.tally.rejected += 1
                    self._list(position, result)
        self.report(self.lane.kind, len(fates))

    def _list(self, position: int, result: ingest_pb2.IngestResult) -> None:
        for name, reason in reasons(result):
            if len(self.rejections) < REPORTED:
                self.rejections.append(
                    Rejection(kind=self.lane.kind, position=position, id=result.id, field=name, reason=reason)
                )


def _chunks(values: Iterable[Any]) -> Iterator[tuple[int, list[Any]]]:
    """The values in lists of at most `BATCH`, each with the position of its first."""
    rest = iter(values)
    start = 0
    while chunk := list(islice(rest, BATCH)):
        yield start, chunk
        start += len(chunk)
