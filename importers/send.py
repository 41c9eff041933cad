"""Sends a catalogue and plays through the IngestService, in batches, until the fate of each element is known."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import grpc
from segue.v1 import ingest_pb2, ingest_pb2_grpc

from backend.domain.errors import Unavailable
from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from importers.messages import artist_message, play_message, track_message

BATCH: Final = 1000
"""Elements of a request: the contract's most."""

IN_FLIGHT: Final = 4
"""Requests under way at once."""

MAX_SPREAD: Final = timedelta(minutes=5)
"""Plays under way lie at most this far apart in event time; see `send`. Below setting lateness_minutes' default."""

RETRY_DELAYS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds before each new try of what the server did not confirm."""

REPORTED: Final = 20
"""Rejections that a report lists; all are counted."""

_RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)

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
    stub = ingest_pb2_grpc.IngestServiceStub(channel)
    started = time.monotonic()
    result = IngestReport()

    def send_all(lane: "_Lane", values: Iterable[Any]) -> None:
        _Sender(lane, getattr(result, lane.kind), result.rejections, report, retry_delays).send(values)

    send_all(_Lane("artists", stub.UpsertArtists, ingest_pb2.UpsertArtistsRequest, artist_message), artists)
    send_all(_Lane("tracks", stub.UpsertTracks, ingest_pb2.UpsertTracksRequest, track_message), tracks)
    send_all(_Lane("plays", stub.RecordPlays, ingest_pb2.RecordPlaysRequest, play_message, _played_at), plays)
    result.seconds = time.monotonic() - started
    return result


def _played_at(play: Play) -> datetime:
    return play.played_at


@dataclass(frozen=True, slots=True)
class _Lane:
    """How one kind travels: the RPC, its request, the conversion, and the event time that keeps batches together."""

    kind: str
    call: Any
    request: Any
    message: Callable[[Any], Any]
    at: Callable[[Any], datetime] | None = None

    def start(self, messages: Sequence[Any]) -> Any:
        """Begin a call with these messages; its future."""
        return self.call.future(self.request(**{self.kind: messages}))


@dataclass(slots=True)
class _Batch:
    """A batch under way: its messages by position, and the event times of its ends."""

    messages: dict[int, Any]
    first: datetime | None
    last: datetime | None
    future: Any


@dataclass(slots=True)
class _Sender:
    """Sends one kind and counts what the server says."""

    lane: _Lane
    tally: Tally
    rejections: list[Rejection]
    report: Progress
    retry_delays: Sequence[float]
    under_way: deque[_Batch] = field(default_factory=deque)

    def send(self, values: Iterable[Any]) -> None:
        """Send all of them and wait until the fate of each is known."""
        try:
            for start, chunk in _chunks(values):
                first = self.lane.at(chunk[0]) if self.lane.at else None
                last = self.lane.at(chunk[-1]) if self.lane.at else None
                messages = {start + nth: self.lane.message(value) for nth, value in enumerate(chunk)}
                while self.under_way and not self._fits(last):
                    self._settle(self.under_way.popleft())
                self.under_way.append(_Batch(messages, first, last, self.lane.start(list(messages.values()))))
            while self.under_way:
                self._settle(self.under_way.popleft())
        finally:
            for batch in self.under_way:
                batch.future.cancel()

    def _fits(self, last: datetime | None) -> bool:
        oldest = self.under_way[0].first
        together = last is None or oldest is None or last - oldest <= MAX_SPREAD
        return together and len(self.under_way) < IN_FLIGHT

    def _settle(self, batch: _Batch) -> None:
        """Wait for a batch's answer and send again what it leaves open."""
        why = ""
        for delay in (*self.retry_delays, None):
            try:
                results = batch.future.result().results
            except grpc.RpcError as error:
                if not isinstance(error, grpc.Call) or error.code() not in _RETRYABLE:
                    raise
                why = f"the server answered {error.code().name}: {error.details()}"
            else:
                self._count(batch, results)
                why = "the event log did not confirm them"
            if not batch.messages:
                return
            if delay is not None:
                time.sleep(delay)
                batch.future = self.lane.start(list(batch.messages.values()))
        raise Unavailable(
            f"{len(batch.messages)} {self.lane.kind} are not stored ({why}); see `segue status`, then run the same "
            "command again: nothing is counted twice"
        )

    def _count(self, batch: _Batch, results: Sequence[ingest_pb2.IngestResult]) -> None:
        """Tally the results and take from the batch what is settled; UNCONFIRMED stays."""
        for position, result in zip(list(batch.messages), results, strict=True):
            match result.outcome:
                case ingest_pb2.INGEST_OUTCOME_ACCEPTED:
                    self.tally.accepted += 1
                case ingest_pb2.INGEST_OUTCOME_DUPLICATE:
                    self.tally.duplicate += 1
                case ingest_pb2.INGEST_OUTCOME_REJECTED:
                    self.tally.rejected += 1
                    self._list(position, result)
                case _:
                    continue
            del batch.messages[position]
        self.report(self.lane.kind, len(results) - len(batch.messages))

    def _list(self, position: int, result: ingest_pb2.IngestResult) -> None:
        nothing_said = ingest_pb2.FieldViolation(description="the server gave no reason")
        for violation in result.violations or [nothing_said]:
            if len(self.rejections) < REPORTED:
                # "plays[3].track_id" tells the place in a request that nobody sees.
                name = violation.field.partition("].")[2] or violation.field
                self.rejections.append(
                    Rejection(
                        kind=self.lane.kind,
                        position=position,
                        id=result.id,
                        field=name,
                        reason=violation.description,
                    )
                )


def _chunks(values: Iterable[Any]) -> Iterator[tuple[int, list[Any]]]:
    """The values in lists of at most `BATCH`, each with the position of its first."""
    rest = iter(values)
    start = 0
    while chunk := list(islice(rest, BATCH)):
        yield start, chunk
        start += len(chunk)
