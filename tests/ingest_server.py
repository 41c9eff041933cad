"""A gRPC server that answers ingestion by a script, for tests of its clients: retries, rejections, order."""

from collections import deque
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

import grpc
from segue.v1 import ingest_pb2, ingest_pb2_grpc

TOKEN = "token-of-the-test"
ACCEPTED = ingest_pb2.INGEST_OUTCOME_ACCEPTED
DUPLICATE = ingest_pb2.INGEST_OUTCOME_DUPLICATE
REJECTED = ingest_pb2.INGEST_OUTCOME_REJECTED
UNCONFIRMED = ingest_pb2.INGEST_OUTCOME_UNCONFIRMED


class ScriptedServer(ingest_pb2_grpc.IngestServiceServicer):
    """A server on the other side of the wire: remembers ids, answers as the script says, then ACCEPTED or DUPLICATE.

    The script holds one entry per request: a status code to abort with, or outcomes by position.
    """

    def __init__(self, *script: grpc.StatusCode | dict[int, int]) -> None:
        self.script = deque(script)
        self.requests: list[list[Any]] = []
        self.stored: dict[str, Any] = {}
        self.tokens: set[str] = set()
        self.lock = Lock()
        self.barrier: Barrier | None = None
        self.abreast = False

    def _answer(self, elements: Any, name: str, context: grpc.ServicerContext, response: Any) -> Any:
        self.tokens.add(str(dict(context.invocation_metadata())["authorization"]))
        if self.barrier is not None:
            try:
                self.barrier.wait(timeout=1)
                self.abreast = True
            except BrokenBarrierError:
                pass  # the other request did not come while this one was held: they are not abreast
        with self.lock:
            self.requests.append(list(elements))
            step = self.script.popleft() if self.script else {}
            if isinstance(step, grpc.StatusCode):
                context.abort(step, "as the script says")
            return response(results=[self._result(nth, e, name, step) for nth, e in enumerate(elements)])

    def _result(self, nth: int, element: Any, name: str, step: dict[int, int]) -> ingest_pb2.IngestResult:
        key = getattr(element, name)
        outcome = step.get(nth, DUPLICATE if key in self.stored else ACCEPTED)
        if outcome == ACCEPTED:
            self.stored[key] = element
        wrong = [ingest_pb2.FieldViolation(field=f"plays[{nth}].track_id", description="unknown track")]
        return ingest_pb2.IngestResult(id=key, outcome=outcome, violations=wrong if outcome == REJECTED else [])

    def RecordPlays(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract names it
        return self._answer(request.plays, "event_id", context, ingest_pb2.RecordPlaysResponse)

    def UpsertTracks(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract names it
        return self._answer(request.tracks, "track_id", context, ingest_pb2.UpsertTracksResponse)

    def UpsertArtists(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract names it
        return self._answer(request.artists, "artist_id", context, ingest_pb2.UpsertArtistsResponse)


@contextmanager
def serving(script: ScriptedServer) -> Iterator[str]:
    """Serve the script on a free loopback port; yields the address."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    ingest_pb2_grpc.add_IngestServiceServicer_to_server(script, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
