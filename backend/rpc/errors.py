"""One table from domain errors to gRPC codes and rich details.

Anything unknown is logged with an id; the client sees only the id.
"""

import itertools
import uuid
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import grpc
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from backend.domain.errors import (
    AlreadyExists,
    InvalidInput,
    ModelRefused,
    NoRoom,
    NotFound,
    NotMade,
    Overloaded,
    PermissionRefused,
    RateExceeded,
    SegueError,
    Unauthenticated,
    Unavailable,
)

_log = structlog.get_logger(__name__)

DOMAIN = "segue"
RETRY_SECONDS = 1
NO_ROOM = "NO_ROOM"
ROOM_RETRY_SECONDS = 30
"""Room is made by people: asking again every second brings nothing."""
PUSHBACK = "grpc-retry-pushback-ms"
"""The trailer that tells gRPC's own retries when to come back."""
NEVER = "-1"
"""Not within this call."""


_PUSHBACKS = itertools.cycle((500, 1100, 800, 1400, 650, 1250, 950, 1500))
"""Milliseconds after which refused calls may come back: not all of them together."""


def _fields(error: SegueError) -> list[Message]:
    violations = error.violations if isinstance(error, InvalidInput) else ()
    return [
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=one.field, description=one.description)
                for one in violations
            ]
        )
    ]


def _reason(name: str) -> Callable[[SegueError], list[Message]]:
    return lambda _: [error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN)]


def _retry(name: str, seconds: float = RETRY_SECONDS) -> Callable[[SegueError], list[Message]]:
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    return lambda _: [
        error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN),
        error_details_pb2.RetryInfo(retry_delay=delay),
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    """How an error is told; `public` replaces a message that speaks of addresses and folders."""

    code: int
    details: Callable[[SegueError], list[Message]]
    public: str = ""


_TABLE: dict[type[SegueError], _Row] = {
    InvalidInput: _Row(code_pb2.INVALID_ARGUMENT, _fields),
    NotFound: _Row(code_pb2.NOT_FOUND, _reason("NOT_FOUND")),
    AlreadyExists: _Row(code_pb2.ALREADY_EXISTS, _reason("ALREADY_EXISTS")),
    PermissionRefused: _Row(code_pb2.PERMISSION_DENIED, _reason("PERMISSION_REFUSED")),
    Unauthenticated: _Row(code_pb2.UNAUTHENTICATED, _reason("UNAUTHENTICATED")),
    RateExceeded: _Row(code_pb2.RESOURCE_EXHAUSTED, _retry("RATE_EXCEEDED")),
    Overloaded: _Row(code_pb2.RESOURCE_EXHAUSTED, _retry("OVERLOADED")),
    NoRoom: _Row(code_pb2.RESOURCE_EXHAUSTED, _retry(NO_ROOM, ROOM_RETRY_SECONDS)),
    Unavailable: _Row(
        code_pb2.UNAVAILABLE, _retry("UNAVAILABLE"), "a part that this call needs is down: try again later"
    ),
    NotMade: _Row(code_pb2.FAILED_PRECONDITION, _reason("NOT_MADE")),
    ModelRefused: _Row(
        code_pb2.FAILED_PRECONDITION, _reason("MODEL_REFUSED"), "the model version is incomplete or altered"
    ),
}


def status_of(error: Exception) -> status_pb2.Status:
    """What the client is told of an error. Logs those whose text stays here, under the id the client gets."""
    row = next((row for kind, row in _TABLE.items() if isinstance(error, kind)), None)
    if row is None or not isinstance(error, SegueError):
        error_id = uuid.uuid4().hex
        _log.error("unknown error", error_id=error_id, exc_info=error)
        return status_pb2.Status(code=code_pb2.INTERNAL, message=f"internal error {error_id}")
    message = str(error)
    if row.public:
        error_id = uuid.uuid4().hex
        _log.warning("refused", error_id=error_id, error=message)
        message = f"{row.public} (error {error_id})"
    return status_pb2.Status(code=row.code, message=message, details=[_any(detail) for detail in row.details(error)])


class Told(namedtuple("Told", ("code", "details", "trailing_metadata")), grpc.Status):
    """A status as gRPC sends it."""


def with_trailer(status: grpc.Status, key: str, value: str) -> grpc.Status:
    """The status with one more trailer."""
    return Told(status.code, status.details, (*(status.trailing_metadata or ()), (key, value)))


def told(status: status_pb2.Status) -> grpc.Status:
    """As gRPC sends it, with its rich details; without capacity or room also with a pushback."""
    found, about = rpc_status.to_status(status), error_details_pb2.ErrorInfo()
    if status.code != code_pb2.RESOURCE_EXHAUSTED:
        return found
    if status.details and status.details[0].Unpack(about) and about.reason == NO_ROOM:
        return Told(found.code, found.details, (*found.trailing_metadata, (PUSHBACK, NEVER)))
    return _overloaded(status.message, next(_PUSHBACKS))


def overloaded(error: Overloaded) -> grpc.Status:
    """The same for one call too many, made beforehand: of these there are many a second."""
    if isinstance(error, RateExceeded):
        # In steps, so that few are made; and not all of those who wait together.
        milliseconds = (int(error.seconds * 10) + 1) * 100 + next(_PUSHBACKS) // 50 * 5
        return _overloaded(str(error), milliseconds, "RATE_EXCEEDED")
    return _overloaded(str(error), next(_PUSHBACKS))


@lru_cache(maxsize=256)
def _overloaded(message: str, milliseconds: int, reason: str = "OVERLOADED") -> grpc.Status:
    details = _retry(reason, milliseconds / 1000)(Overloaded(message))
    status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message=message, details=map(_any, details))
    found = rpc_status.to_status(status)
    return Told(found.code, found.details, (*found.trailing_metadata, (PUSHBACK, str(milliseconds))))


def _any(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
