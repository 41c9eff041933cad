"""What every call passes before it is served: token, well-formed bytes, contract, budget; and its line in the log."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from backend.domain.errors import InvalidInput, NotFound, Overloaded, PermissionRefused, Violation
from backend.rpc import access
from backend.rpc.access import Access
from backend.rpc.auth import Principal, Tokens
from backend.rpc.contract import violations_of
from backend.rpc.errors import status_of
from backend.rpc.streams import ARRIVAL_SECONDS, OPEN_BODIES, OpenStreams, Streams

_log = structlog.get_logger(__name__)

OPEN = health.SERVICE_NAME
"""The one service that is open to everybody. Not our contract, so the rule stands here."""

ANY_TOKEN = reflection.SERVICE_NAME
"""Tells what the contract tells: a token of any scope will do. Not our contract either."""

LARGEST_OPEN_BODY = 1024
"""Bytes of a request without a token: longer than any service's name."""

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


class Guard(grpc.ServerInterceptor):
    """Admits calls. Errors of any kind end as the table in `errors` says, never as an exception's text.

    Token and scope are judged by the metadata alone: a call that is refused so has its body neither read nor parsed.
    A method that was not added through `door_of` is refused.
    """

    def __init__(self, tokens: Tokens, *, streams: Streams, health_streams: Streams) -> None:
        self._tokens = tokens
        self._streams = streams
        self._health_streams = health_streams
        self._bodies = OpenStreams(OPEN_BODIES, per_connection=None, seconds=ARRIVAL_SECONDS)
        self._services: set[str] = set()
        self._access: dict[str, Access] = {}

    def door_of(self, server: grpc.Server) -> Any:
        """The `Entrance` that servicers are added to in place of the server; gRPC's types would ask for a whole one."""
        return Entrance(self, server)

    def learn(self, service: str) -> None:
        """Read who may call the service's methods. Raises InvalidInput naming each method that does not say."""
        if service not in (OPEN, ANY_TOKEN):
            self._access.update(access.of_service(descriptor_pool.Default(), service))
        self._services.add(service)

    def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Wrap the method's handler, or take its place where the caller may not call it."""
        handler: Any = continuation(handler_call_details)
        if handler is None:
            return None
        call = _Call(self, handler_call_details)
        try:
            call.authorise()
        except Exception as error:  # noqa: BLE001 - the border: whatever it is, the client gets a status
            return call.refused(error)
        if call.service == OPEN:
            return self._of_anybody(call, handler)
        serializers = {
            "request_deserializer": _lenient(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(call.unary(handler.unary_unary), **serializers)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(call.stream(handler.unary_stream, self._streams), **serializers)
        # Only reflection streams requests; its own servicer answers what it cannot read.
        return grpc.stream_stream_rpc_method_handler(
            call.stream(handler.stream_stream, self._streams),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _of_anybody(self, call: "_Call", handler: Any) -> "grpc.RpcMethodHandler[Any, Any]":
        """A handler that reads the body itself, for callers without a token: few at once, and not for long."""
        read = _lenient(handler.request_deserializer)

        def answer(bodies: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            # The place is held until the body is here, and no longer.
            try:
                with closing(self._bodies.stream(context, lambda: bodies)) as arriving:
                    body = next(arriving, b"")
            except grpc.RpcError:
                return  # it took too long, or the client hung up
            request = read(body) if len(body) <= LARGEST_OPEN_BODY else _Malformed()
            del body
            if handler.unary_unary:
                yield call.unary(handler.unary_unary)(request, context)
            else:
                yield from call.stream(handler.unary_stream, self._health_streams)(request, context)

        return grpc.stream_stream_rpc_method_handler(answer, response_serializer=handler.response_serializer)

    def principal(self, service: str, method: str, authorization: str) -> Principal | None:
        """Who calls; None at an open service. Raises Unauthenticated, and PermissionRefused without the scope."""
        if service == OPEN:
            return None
        principal = self._tokens.principal(authorization)
        if service != ANY_TOKEN:
            self._access_of(method).require(principal)
        return principal

    def check(self, method: str, principal: Principal, request: Message) -> None:
        """Judge a request by the contract and by whom it names. Raises InvalidInput, PermissionRefused."""
        if violations := violations_of(request):
            raise InvalidInput(violations)
        self._access_of(method).require_subjects(principal, request)

    def check_health(self, request: health_pb2.HealthCheckRequest) -> None:
        """Raises NotFound for a service that is not here: the servicer would remember each name for ever."""
        if request.service and request.service not in self._services:
            raise NotFound("no service of that name is here")

    def _access_of(self, method: str) -> Access:
        if method not in self._access:
            raise PermissionRefused("nothing says who may call this method, so nobody may")
        return self._access[method]


class Entrance:
    """Where servicers are added to a guarded server: who may call their methods is read then, or it does not start."""

    def __init__(self, guard: Guard, server: grpc.Server) -> None:
        self._guard = guard
        self._server = server

    def add_generic_rpc_handlers(self, handlers: "Sequence[grpc.ServiceRpcHandler]") -> None:
        """Called by the stubs' `add_…Servicer_to_server`. Raises InvalidInput naming each method without options."""
        for handler in handlers:
            self._guard.learn(handler.service_name())
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Called by the stubs' `add_…Servicer_to_server`. Raises InvalidInput naming each method without options."""
        self._guard.learn(service)
        self._server.add_registered_method_handlers(service, handlers)


class _Malformed:
    """Stands for bytes that are no message: gRPC itself would answer INTERNAL."""


def _lenient(deserialize: Callable[[bytes], Message]) -> Callable[[bytes], Message | _Malformed]:
    def deserialized(data: bytes) -> Message | _Malformed:
        try:
            return deserialize(data)
        except (DecodeError, ValueError):
            return _Malformed()

    return deserialized


class _Call:
    """One call's way in and out."""

    def __init__(self, guard: Guard, details: grpc.HandlerCallDetails) -> None:
        self.method: str = details.method
        self.service = self.method.strip("/").rpartition("/")[0]
        self._guard = guard
        metadata = {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}
        self._authorization = metadata.get("authorization", "")
        self._principal: Principal | None = None
        self._started = time.perf_counter()

    def authorise(self) -> None:
        """Judge the metadata. Raises Unauthenticated, PermissionRefused."""
        self._principal = self._guard.principal(self.service, self.method, self._authorization)

    def refused(self, error: Exception) -> "grpc.RpcMethodHandler[Any, Any]":
        """A handler that tells the error. It takes a stream, since gRPC reads any other request before it calls."""

        def refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> NoReturn:
            self.refuse(context, error)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def unary(self, behaviour: Behaviour) -> Behaviour:
        def guarded(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._admit(request, context)
                response = behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - the border, as above
                self.refuse(context, error)
            self._tell(code_pb2.OK)
            return response

        return guarded

    def stream(self, behaviour: Behaviour, budget: Streams) -> Behaviour:
        def guarded(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                self._admit(request, context)
                for message in budget.stream(context, lambda: behaviour(request, context)):
                    self.authorise()  # a token that was revoked, or has expired, ends its streams
                    yield message
            except Exception as error:  # noqa: BLE001 - the border, as above
                self.refuse(context, error)
            self._tell(code_pb2.OK)

        return guarded

    def _admit(self, request: Any, context: grpc.ServicerContext) -> None:
        if isinstance(request, _Malformed):
            raise InvalidInput([Violation("", "the request's bytes are not a message of this method")])
        if isinstance(request, health_pb2.HealthCheckRequest):
            self._guard.check_health(request)
        elif isinstance(request, Message) and self._principal is not None:
            self._guard.check(self.method, self._principal, request)
        time_budget(context)

    def refuse(self, context: grpc.ServicerContext, error: Exception) -> NoReturn:
        """End the call with the error's status, and say so in the log."""
        status = status_of(error)
        self._tell(status.code)
        context.abort_with_status(rpc_status.to_status(status))

    def _tell(self, code: int) -> None:
        _log.info(
            "call",
            method=self.method,
            code=code_pb2.Code.Name(code),
            seconds=round(time.perf_counter() - self._started, 4),
            token=self._principal.name if self._principal is not None else "-",
        )
