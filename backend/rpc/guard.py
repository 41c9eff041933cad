"""What every call passes before it is served: token, a place to work, well-formed bytes, contract."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import grpc
import structlog
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection

from backend.domain.errors import InvalidInput, NotFound, PermissionRefused
from backend.rpc import access
from backend.rpc.access import Access
from backend.rpc.auth import Bearers, Principal
from backend.rpc.call import Call, Malformed, lenient
from backend.rpc.contract import violations_of
from backend.rpc.places import Place, Places
from backend.rpc.rates import Rates
from backend.rpc.streams import ARRIVAL_SECONDS, BODY_PATIENCE_SECONDS, IDLE_SECONDS, OPEN_BODIES, OpenStreams

_log = structlog.get_logger(__name__)

OPEN = health.SERVICE_NAME
"""The one service that is open to everybody. Not our contract, so the rule stands here."""

ANY_TOKEN = reflection.SERVICE_NAME
"""Tells what the contract tells: a token of any scope will do. Not our contract either."""

LARGEST_OPEN_BODY = 1024
"""Bytes of a request without a token: longer than any service's name."""


OPEN_READERS = 2
"""Threads for calls without a token that wait until their body may be read, beside those that read or watch."""

OPEN_WAITING = 64
"""Calls without a token that may wait for one of these threads."""


class Guard(grpc.ServerInterceptor):
    """Admits calls. Errors of any kind end as the table in `errors` says, never as an exception's text.

    Token and scope are judged by the metadata alone: a call that is refused so has its body neither read nor parsed.
    A method that was not added through `door_of` is refused. Each service has places of its own for unary calls
    (`places_of` its name), the streams of all have `streams`, and calls without a token are in nobody's way. How often
    a caller may call, `rates` says (None: as often as there is a place).
    """

    def __init__(
        self,
        tokens: Bearers,
        *,
        places_of: Callable[[str], Places],
        streams: int,
        health_streams: int,
        idle_seconds: float = IDLE_SECONDS,
        rates: Rates | None = None,
    ) -> None:
        self._tokens = tokens
        self._rates = rates or Rates()
        self._places_of = places_of
        self._unary: dict[str, Places] = {}
        self._streams = Places("streams", streams)
        self._open = Places("health", health_streams + OPEN_BODIES + OPEN_READERS, waiting=OPEN_WAITING)
        self._health_streams = OpenStreams(health_streams, seconds=idle_seconds)
        self._bodies = OpenStreams(
            OPEN_BODIES, per_connection=None, seconds=ARRIVAL_SECONDS, patience_seconds=BODY_PATIENCE_SECONDS
        )
        self._services: set[str] = set()
        self._access: dict[str, Access] = {}

    def door_of(self, server: grpc.Server) -> Any:
        """The `Entrance` that servicers are added to in place of the server; gRPC's types would ask for a whole one."""
        return Entrance(self, server)

    def learn(self, service: str) -> None:
        """Read who may call the service's methods. Raises InvalidInput naming each method that does not say."""
        if service not in (OPEN, ANY_TOKEN):
            self._access.update(access.of_service(descriptor_pool.Default(), service))
            self._unary[service] = self._places_of(service)
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
        call = Call(self, handler_call_details)
        try:
            call.authorise()
            place = self._place(call, handler)
        except Exception as error:  # noqa: BLE001 - the border: whatever it is, the client gets a status
            return call.refused(error)
        if call.service == OPEN:
            return self._of_anybody(call, handler, place)
        serializers = {
            "request_deserializer": lenient(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(place.of(call.unary(handler.unary_unary)), **serializers)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(place.of(call.stream(handler.unary_stream)), **serializers)
        # Only reflection streams requests; its own servicer answers what it cannot read.
        return grpc.stream_stream_rpc_method_handler(
            place.of(call.stream(handler.stream_stream)),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _place(self, call: Call, handler: Any) -> Place:
        """Where the call is to be worked on. Raises Overloaded, and of it RateExceeded."""
        if call.principal is None:
            return self._open.take()
        self._rates.require(call.principal)
        places = self._unary[call.service] if handler.unary_unary else self._streams
        return places.take(call.caller)

    def _of_anybody(self, call: Call, handler: Any, place: Place) -> "grpc.RpcMethodHandler[Any, Any]":
        """A handler that reads the body itself, for callers without a token: few at once, and not for long."""
        read = lenient(handler.request_deserializer)

        def answer(bodies: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            # The place is held until the body is here, and no longer.
            try:
                with closing(self._bodies.stream(context, lambda: bodies)) as arriving:
                    body = next(arriving, b"")
            except grpc.RpcError:
                return  # it took too long, or the client hung up
            request = read(body) if len(body) <= LARGEST_OPEN_BODY else Malformed()
            del body
            if handler.unary_unary:
                yield call.unary(handler.unary_unary)(request, context)
            else:
                watched = self._health_streams.stream(context, lambda: handler.unary_stream(request, context))
                yield from call.stream(lambda *_: watched)(request, context)

        return grpc.stream_stream_rpc_method_handler(place.of(answer), response_serializer=handler.response_serializer)

    def tell_refused(self) -> None:
        """Say in the log how many calls found no place since this was done last."""
        for kind in (*self._unary.values(), self._streams, self._open):
            if refused := kind.refused():
                _log.warning("calls refused: no place", kind=kind.name, calls=refused)

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
