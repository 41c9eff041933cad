"""What every call passes before it is served: token, well-formed bytes, contract, budget; and its line in the log."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2
from grpc_status import rpc_status

from backend.domain.errors import InvalidInput, Overloaded, Violation
from backend.rpc.auth import Principal, Scope, Tokens
from backend.rpc.contract import violations_of
from backend.rpc.errors import status_of

_log = structlog.get_logger(__name__)

HEALTH = "/grpc.health.v1.Health/"
"""Open to everybody."""

SCOPES: Mapping[str, Scope] = {
    "/segue.v1.IngestService/RecordPlays": Scope.INGEST,
    "/segue.v1.IngestService/RecordFeedback": Scope.INGEST,
    "/segue.v1.IngestService/UpsertTracks": Scope.CATALOGUE,
    "/segue.v1.IngestService/UpsertArtists": Scope.CATALOGUE,
    "/segue.v1.RecommendService/": Scope.RECOMMEND,
    "/segue.v1.AnalyticsService/": Scope.ANALYTICS,
}
"""By method, or by service. A method of neither needs a token, of any scope."""

OF_EVERYBODY = frozenset({"segue.v1.ListDeadLettersRequest"})
"""Requests that are answered with data of every listener, whoever asks."""

LONGEST_SECONDS = 30.0
"""No call may work longer, whatever its deadline."""

MARGIN_SECONDS = 0.2
"""Kept back of a deadline for the answer's way home."""

Behaviour = Callable[[Any, grpc.ServicerContext], Any]


def time_budget(context: grpc.ServicerContext) -> float:
    """Seconds a call may still work: its deadline, capped, less the answer's way home. Raises Overloaded at 0."""
    remaining = context.time_remaining()
    budget = min(LONGEST_SECONDS if remaining is None else remaining, LONGEST_SECONDS) - MARGIN_SECONDS
    if budget <= 0:
        raise Overloaded("the deadline passed while the call waited for its turn")
    return budget


class StreamBudget:
    """How many long-lived streams may be open at once: they hold a thread each, which unary calls must not miss."""

    def __init__(self, size: int) -> None:
        self._places = threading.BoundedSemaphore(size)

    def stream(self, messages: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """The stream's messages, a place held as long as it lives. Raises Overloaded where none is free."""
        if not self._places.acquire(blocking=False):
            raise Overloaded("too many streams are open: close one, or try again later")
        try:
            yield from messages()
        finally:
            self._places.release()


class Guard(grpc.ServerInterceptor):
    """Admits calls. Errors of any kind end as the table in `errors` says, never as an exception's text."""

    def __init__(self, tokens: Tokens, *, streams: StreamBudget, health_streams: StreamBudget) -> None:
        self._tokens = tokens
        self._streams = streams
        self._health_streams = health_streams

    def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Wrap the method's handler."""
        handler: Any = continuation(handler_call_details)
        if handler is None:
            return None
        door = _Door(self._tokens, handler_call_details)
        budget = self._health_streams if door.method.startswith(HEALTH) else self._streams
        serializers = {
            "request_deserializer": _lenient(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(door.unary(handler.unary_unary), **serializers)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(door.stream(handler.unary_stream, budget), **serializers)
        # Only reflection streams requests; its own servicer answers what it cannot read.
        return grpc.stream_stream_rpc_method_handler(
            door.stream(handler.stream_stream, budget),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


class _Malformed:
    """Stands for bytes that are no message: gRPC itself would answer INTERNAL."""


def _lenient(deserialize: Callable[[bytes], Message]) -> Callable[[bytes], Message | _Malformed]:
    def deserialized(data: bytes) -> Message | _Malformed:
        try:
            return deserialize(data)
        except (DecodeError, ValueError):
            return _Malformed()

    return deserialized


class _Door:
    """One call's way in and out."""

    def __init__(self, tokens: Tokens, details: grpc.HandlerCallDetails) -> None:
        self.method: str = details.method
        self._tokens = tokens
        self._metadata = {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}
        self._name = "-"

    def unary(self, behaviour: Behaviour) -> Behaviour:
        def guarded(request: Any, context: grpc.ServicerContext) -> Any:
            started = time.perf_counter()
            try:
                self._admit(request, context)
                response = behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - the border: whatever it is, the client gets a status
                self._refuse(context, error, started)
            self._tell(code_pb2.OK, started)
            return response

        return guarded

    def stream(self, behaviour: Behaviour, budget: StreamBudget) -> Behaviour:
        def guarded(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            started = time.perf_counter()
            try:
                self._admit(request, context)
                yield from budget.stream(lambda: behaviour(request, context))
            except Exception as error:  # noqa: BLE001 - the border, as above
                self._refuse(context, error, started)
            self._tell(code_pb2.OK, started)

        return guarded

    def _admit(self, request: Any, context: grpc.ServicerContext) -> None:
        principal = None if self.method.startswith(HEALTH) else self._authorised()
        if isinstance(request, _Malformed):
            raise InvalidInput([Violation("", "the request's bytes are not a message of this method")])
        if isinstance(request, Message) and principal is not None:
            if violations := violations_of(request):
                raise InvalidInput(violations)
            principal.require_listeners(_listeners(request))
        time_budget(context)

    def _authorised(self) -> Principal:
        principal = self._tokens.principal(self._metadata.get("authorization", ""))
        self._name = principal.name
        service = self.method[: self.method.rindex("/") + 1]
        scope = SCOPES.get(self.method) or SCOPES.get(service)
        if scope is not None:
            principal.require(scope)
        return principal

    def _refuse(self, context: grpc.ServicerContext, error: Exception, started: float) -> NoReturn:
        status = status_of(error)
        self._tell(status.code, started)
        context.abort_with_status(rpc_status.to_status(status))

    def _tell(self, code: int, started: float) -> None:
        _log.info(
            "call",
            method=self.method,
            code=code_pb2.Code.Name(code),
            seconds=round(time.perf_counter() - started, 4),
            token=self._name,
        )


def _listeners(request: Any) -> Iterator[str]:
    """The listeners a request speaks for; "" stands for all of them."""
    fields = request.DESCRIPTOR.fields_by_name
    if request.DESCRIPTOR.full_name in OF_EVERYBODY:
        yield ""
    if "listener_id" in fields:
        yield request.listener_id
    for name in ("plays", "feedback"):
        if name in fields:
            yield from (event.listener_id for event in getattr(request, name))
