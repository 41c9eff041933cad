"""Calls of the IngestService under way: each is sent again until the fate of every element in it is known."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from segue.v1 import ingest_pb2, ingest_pb2_grpc

from backend.domain.errors import Unavailable
from importers.messages import artist_message, play_message, track_message

BATCH: Final = 1000
"""Elements of a request: the contract's most."""

IN_FLIGHT: Final = 4
"""Requests under way at once."""

RETRY_DELAYS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds before each new try of what the server did not confirm."""

_RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)

Fate = tuple[int, ingest_pb2.IngestResult]
"""The position of an element and what the server said of it; never UNCONFIRMED."""


@dataclass(frozen=True, slots=True)
class Lane:
    """How one kind travels: the RPC, its request, and the conversion of a value."""

    kind: str
    call: Any
    request: Any
    message: Callable[[Any], Any]

    def start(self, messages: Sequence[Any]) -> Any:
        """Begin a call with these messages; its future."""
        return self.call.future(self.request(**{self.kind: messages}))


def lanes(channel: grpc.Channel) -> Mapping[str, Lane]:
    """The three lanes to a server, by kind."""
    stub = ingest_pb2_grpc.IngestServiceStub(channel)
    found = (
        Lane("artists", stub.UpsertArtists, ingest_pb2.UpsertArtistsRequest, artist_message),
        Lane("tracks", stub.UpsertTracks, ingest_pb2.UpsertTracksRequest, track_message),
        Lane("plays", stub.RecordPlays, ingest_pb2.RecordPlaysRequest, play_message),
    )
    return {lane.kind: lane for lane in found}


@dataclass(slots=True)
class Call:
    """A call that was begun with values by position."""

    lane: Lane
    values: Mapping[int, Any]
    _open: dict[int, Any] = field(init=False)
    _future: Any = field(init=False)

    def __post_init__(self) -> None:
        """Begin it."""
        self._open = {position: self.lane.message(value) for position, value in self.values.items()}
        self._start()

    def cancel(self) -> None:
        """Give it up; what the server took in of it stays."""
        self._future.cancel()

    def settle(self, retry_delays: Sequence[float] = RETRY_DELAYS) -> Iterator[list[Fate]]:
        """Wait for the answer, and send again what it leaves open: each answer's fates as they come.

        Raises Unavailable once `retry_delays` are used up, grpc.RpcError for a failure that no retry helps.
        """
        why = ""
        for delay in (*retry_delays, None):
            try:
                results = self._future.result().results
            except grpc.RpcError as error:
                if not isinstance(error, grpc.Call) or error.code() not in _RETRYABLE:
                    raise
                why = f"the server answered {error.code().name}: {error.details()}"
            else:
                yield self._settled(results)
                why = "the event log did not confirm them"
            if not self._open:
                return
            if delay is not None:
                time.sleep(delay)
                self._start()
        raise Unavailable(
            f"{len(self._open)} {self.lane.kind} are not stored ({why}); see `segue status`, then run the same "
            "command again: nothing is counted twice"
        )

    def _start(self) -> None:
        self._future = self.lane.start(list(self._open.values()))

    def _settled(self, results: Sequence[ingest_pb2.IngestResult]) -> list[Fate]:
        """Take from the call what is settled; UNCONFIRMED stays."""
        fates = [
            (position, result)
            for position, result in zip(list(self._open), results, strict=True)
            if result.outcome
            in (
                ingest_pb2.INGEST_OUTCOME_ACCEPTED,
                ingest_pb2.INGEST_OUTCOME_DUPLICATE,
                ingest_pb2.INGEST_OUTCOME_REJECTED,
            )
        ]
        for position, _ in fates:
            del self._open[position]
        return fates


def reasons(result: ingest_pb2.IngestResult) -> Iterator[tuple[str, str]]:
    """Why an element was rejected: each field and reason; "plays[3].track_id" tells a place that nobody sees."""
    nothing_said = ingest_pb2.FieldViolation(description="the server gave no reason")
    for violation in result.violations or [nothing_said]:
        yield violation.field.partition("].")[2] or violation.field, violation.description
