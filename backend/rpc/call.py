"""One call's way in and out: who calls, whether it may, its answer or refusal, and its line in the log."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cached_property
from typing import Any, NoReturn, Protocol

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2
from grpc_health.v1 import health_pb2
from structlog.contextvars import bound_contextvars

from backend.domain.errors import InvalidInput, Overloaded, Violation
from backend.rpc.auth import Principal
from backend.rpc.caller import calling
from backend.rpc.errors import overloaded, status_of, told, with_trailer
from backend.rpc.places import AT_ONCE, Behaviour

_log = structlog.get_logger(__name__)

LONGEST_SECONDS = 30.0
"""No call may work longer, whatever its deadline."""

MARGIN_SECONDS = 0.2
"""Kept back of a deadline for the answer's way home."""


REQUEST_ID = "x-request-id"
"""Metadata by which a call is found again in the logs of all who had to do with it. It comes back as a trailer."""

_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


def time_budget(context: grpc.ServicerContext) -> float:
    """Seconds a call may still work: its deadline, capped, less the answer's way home. Raises Overloaded at 0."""
    remaining = context.time_remaining()
    budget = min(LONGEST_SECONDS if remaining is None else remaining, LONGEST_SECONDS) - MARGIN_SECONDS
    if budget <= 0:
        raise Overloaded("the deadline passed while the call waited for its turn")
    return budget


class Rules(Protocol):
    """What a call is judged by."""

    def principal(self, service: str, method: str, authorization: str) -> Principal | None:
        """Who calls; None at an open service. Raises Unauthenticated, and PermissionRefused without the scope."""

    def check(self, method: str, principal: Principal, request: Message) -> None:
        """Raises InvalidInput, PermissionRefused."""

    def check_health(self, request: health_pb2.HealthCheckRequest) -> None:
        """Raises NotFound for a service that is not here."""


class Malformed:
    """Stands for bytes that are no message: gRPC itself would answer INTERNAL."""


def lenient(deserialize: Callable[[bytes], Message]) -> Callable[[bytes], Message | Malformed]:
    """The same, but Malformed where the bytes are no message."""

    def deserialized(data: bytes) -> Message | Malformed:
        try:
            return deserialize(data)
        except (DecodeError, ValueError):
            return Malformed()

    return deserialized


class Call:
    """One call's way in and out."""

    def __init__(self, rules: Rules, details: grpc.HandlerCallDetails) -> None:
        self.method: str = details.method
        self.service = self.method.strip("/").rpartition("/")[0]
        self._rules = rules
        metadata = {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}
        self._authorization = metadata.get("authorization", "")
        self._given_id = metadata.get(REQUEST_ID, "")
        self._principal: Principal | None = None
        self._started = time.perf_counter()

    @property
    def principal(self) -> Principal | None:
        """Who calls; None where nobody showed a token."""
        return self._principal

    @property
    def caller(self) -> str:
        """Whose token it is; "" where nobody showed one."""
        return self._principal.caller if self._principal is not None else ""

    @cached_property
    def request_id(self) -> str:
        """The one that the caller gave where it is one, else one of ours: no text of others gets into the log."""
        return self._given_id if _REQUEST_ID.fullmatch(self._given_id) else uuid.uuid4().hex

    def authorise(self) -> None:
        """Judge the metadata. Raises Unauthenticated, PermissionRefused."""
        self._principal = self._rules.principal(self.service, self.method, self._authorization)

    def refused(self, error: Exception) -> "grpc.RpcMethodHandler[Any, Any]":
        """A handler that tells the error, at once and without reading the request.

        It takes a stream, since gRPC reads any other request before it calls. One call too many has no line in the
        log: they are counted (`Places.refused`).
        """

        def refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> NoReturn:
            if isinstance(error, Overloaded):
                context.abort_with_status(with_trailer(overloaded(error), REQUEST_ID, self.request_id))
            self.refuse(context, error)

        return grpc.stream_stream_rpc_method_handler(AT_ONCE.of(refuse))

    def unary(self, behaviour: Behaviour) -> Behaviour:
        """The behaviour for a caller who was admitted."""

        def guarded(request: Any, context: grpc.ServicerContext) -> Any:
            with bound_contextvars(request_id=self.request_id):
                try:
                    self._admit(request, context)
                    with nullcontext() if self._principal is None else calling(self._principal):
                        response = behaviour(request, context)
                except Exception as error:  # noqa: BLE001 - the border, as above
                    self.refuse(context, error)
                self._tell(code_pb2.OK)
            context.set_trailing_metadata(((REQUEST_ID, self.request_id),))
            return response

        return guarded

    def stream(self, behaviour: Behaviour) -> Behaviour:
        """The behaviour of a stream; it ends with its token."""

        def guarded(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                self._admit(request, context)
                for message in behaviour(request, context):
                    self.authorise()  # a token that was revoked, or has expired, ends its streams
                    yield message
            except Exception as error:  # noqa: BLE001 - the border, as above
                self.refuse(context, error)
            self._tell(code_pb2.OK)
            context.set_trailing_metadata(((REQUEST_ID, self.request_id),))

        return guarded

    def _admit(self, request: Any, context: grpc.ServicerContext) -> None:
        time_budget(context)
        if isinstance(request, Malformed):
            raise InvalidInput([Violation("", "the request's bytes are not a message of this method")])
        if isinstance(request, health_pb2.HealthCheckRequest):
            self._rules.check_health(request)
        elif isinstance(request, Message) and self._principal is not None:
            self._rules.check(self.method, self._principal, request)

    def refuse(self, context: grpc.ServicerContext, error: Exception) -> NoReturn:
        """End the call with the error's status, and say so in the log."""
        status = status_of(error)
        self._tell(status.code)
        context.abort_with_status(with_trailer(told(status), REQUEST_ID, self.request_id))

    def _tell(self, code: int) -> None:
        seconds = time.perf_counter() - self._started
        _log.info(
            "call",
            method=self.method,
            code=code_pb2.Code.Name(code),
            seconds=round(seconds, 4),
            token=self._principal.name if self._principal is not None else "-",
            request_id=self.request_id,
        )
