"""One table from domain errors to gRPC codes and rich details.

Anything unknown is logged with an id; the client sees only the id.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from backend.domain.errors import (
    InvalidInput,
    ModelRefused,
    NotFound,
    Overloaded,
    PermissionRefused,
    SegueError,
    Unauthenticated,
    Unavailable,
)

_log = structlog.get_logger(__name__)

DOMAIN = "segue"
RETRY_SECONDS = 1


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


def _retry(name: str) -> Callable[[SegueError], list[Message]]:
    return lambda _: [
        error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN),
        error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=RETRY_SECONDS)),
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
    PermissionRefused: _Row(code_pb2.PERMISSION_DENIED, _reason("PERMISSION_REFUSED")),
    Unauthenticated: _Row(code_pb2.UNAUTHENTICATED, _reason("UNAUTHENTICATED")),
    Overloaded: _Row(code_pb2.RESOURCE_EXHAUSTED, _retry("OVERLOADED")),
    Unavailable: _Row(
        code_pb2.UNAVAILABLE, _retry("UNAVAILABLE"), "a part that this call needs is down: try again later"
    ),
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


def _any(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
