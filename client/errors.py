"""What can go wrong between a client and the server, in sentences that say what to do.

QueryFailed
├── ServerDown       nobody answers, or not in time
└── AccessRefused    the token is unknown, or lacks the scope
"""

from typing import Any

import grpc
import grpc.aio


class QueryFailed(Exception):
    """The server did not answer a query. The message says what to do; `details` is the server's own text, untrusted."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class ServerDown(QueryFailed):
    """Nobody answers at the server's address, or not in time."""


class AccessRefused(QueryFailed):
    """The token is unknown, or lacks the scope."""


_MEANINGS: dict[grpc.StatusCode, tuple[type[QueryFailed], str]] = {
    grpc.StatusCode.UNAVAILABLE: (
        ServerDown,
        "The Segue server does not answer. Start it with `segue up`, and see `segue status`.",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        ServerDown,
        "The Segue server did not answer in time. It may be starting or busy: wait a moment, and see `segue status`.",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        ServerDown,
        "The Segue server is busy and turned the question away. Wait a moment and ask again.",
    ),
    grpc.StatusCode.UNAUTHENTICATED: (
        AccessRefused,
        "The server does not know the token. Set SEGUE_TOKEN, or SEGUE_HOME to the folder of the running stack.",
    ),
    grpc.StatusCode.PERMISSION_DENIED: (
        AccessRefused,
        "The token may not ask this. Use one with the scope that it needs, or the listener's own.",
    ),
    grpc.StatusCode.INVALID_ARGUMENT: (QueryFailed, "The server refused the question as malformed."),
    grpc.StatusCode.NOT_FOUND: (QueryFailed, "The server knows nothing under this id."),
    grpc.StatusCode.ALREADY_EXISTS: (QueryFailed, "This is under way already."),
    grpc.StatusCode.FAILED_PRECONDITION: (QueryFailed, "The server is not ready for this question yet."),
    grpc.StatusCode.UNIMPLEMENTED: (
        QueryFailed,
        "The server does not offer this call. Server and dashboard may be of different versions.",
    ),
}


_ENDED = (grpc.Call, grpc.aio.AioRpcError)
"""Errors that say how a call ended: those of threads are calls, those of asyncio are not."""

_PART_IS_DOWN = "The Segue server answers, but something that it needs does not. `segue status` says what."


def explain(error: grpc.RpcError) -> QueryFailed:
    """Return the failure of a call in words."""
    code = error.code() if isinstance(error, _ENDED) else grpc.StatusCode.UNKNOWN
    details = (error.details() or "") if isinstance(error, _ENDED) else str(error)
    if code is grpc.StatusCode.UNAVAILABLE and _is_the_servers(error):
        return ServerDown(_PART_IS_DOWN, details)
    kind, message = _MEANINGS.get(code, (QueryFailed, f"The server failed ({code.name}). Its log says why."))
    return kind(message, details)


def _is_the_servers(error: grpc.RpcError) -> bool:
    """Whether the server itself said so: gRPC says the same where nobody answers, but without rich details."""
    metadata: Any = (error.trailing_metadata() or ()) if isinstance(error, _ENDED) else ()
    return any(key == "grpc-status-details-bin" for key, _ in metadata)
