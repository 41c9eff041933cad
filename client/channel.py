"""The channel to a Segue server: token, retries, keepalive and deadlines in one place.

Retries are gRPC's own, by the retry policy in SERVICE_CONFIG: only where the server is not there or had no place for
the call (then after the time that the server names), a fifth of the calls at most, and only for methods where a second
send is harmless, which is every method of Segue: reads change nothing, plays, feedback, tracks and artists are stored
once by their id, and an erasure that was left in the middle goes on. (A play sent without an event id gets a new one
from the server at each send, so clients make their ids.)
"""

import ipaddress
import json
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio

DEADLINES: Final = {
    "segue.v1.RecommendService": 5.0,
    "segue.v1.AnalyticsService": 10.0,
    "segue.v1.IngestService": 30.0,
    "segue.v1.PrivacyService": 30.0,
    "segue.v1.TopicService": 5.0,
    "grpc.health.v1.Health": 2.0,
}
"""Seconds that a unary call of a service may take where the caller names no timeout. Streams have no default."""

OTHER_DEADLINE: Final = 10.0
"""Seconds, for the unary calls of services not named in DEADLINES."""

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""Largest message in either direction: a page of 5,000 rows is far below it, a runaway answer above."""

SERVICE_CONFIG: Final = {
    "methodConfig": [
        {
            "name": [
                {"service": "segue.v1.RecommendService"},
                {"service": "segue.v1.AnalyticsService"},
                {"service": "segue.v1.IngestService"},
                {"service": "segue.v1.PrivacyService"},
                {"service": "segue.v1.TopicService"},
                {"service": "grpc.health.v1.Health"},
            ],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ],
    # Each failure costs 1 of 10 tokens, each success gives 0.2 back; below half, nobody retries. So however many calls
    # fail, attempts come to 1.2 a call at most, and a server that sheds load is not flooded by those it refused.
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.2},
}
"""The default service config. A name resolver that brings its own replaces it."""

OPTIONS: Final = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Pings without a call in flight are what servers answer with "too many pings".
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.primary_user_agent", "segue"),
)
"""Channel arguments."""


class InsecureChannel(Exception):
    """A plain channel would carry the token beyond this machine."""


def connect(address: str, token: str, *, certificate: Path | None = None) -> grpc.Channel:
    """Return a channel to `address` (host:port) that sends `token` with each call; nothing is dialled yet.

    `certificate` is a PEM file that the server's certificate is checked against; without it the channel is plain text.
    Raises InsecureChannel where a plain channel would carry the token beyond this machine, OSError where the
    certificate cannot be read. The caller closes the channel.
    """
    credentials = _credentials(address, certificate)
    if credentials is None:
        channel = grpc.insecure_channel(address, options=OPTIONS)
    else:
        channel = grpc.secure_channel(address, credentials, options=OPTIONS)
    return grpc.intercept_channel(channel, _Defaults(token))


def connect_asyncio(address: str, *, certificate: Path | None = None) -> grpc.aio.Channel:
    """Return such a channel for asyncio. It adds nothing to a call: the caller gives `authorization` and a timeout.

    Raises as `connect` does.
    """
    credentials = _credentials(address, certificate)
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    return grpc.aio.secure_channel(address, credentials, options=OPTIONS)


def authorization(token: str) -> tuple[str, str]:
    """The header that carries the token."""
    return ("authorization", f"Bearer {token}")


def _credentials(address: str, certificate: Path | None) -> grpc.ChannelCredentials | None:
    """What the server is checked against, None for a plain channel on this machine."""
    if certificate is not None:
        return grpc.ssl_channel_credentials(certificate.read_bytes())
    if _is_local(address):
        return None
    raise InsecureChannel(
        f"{address} is not on this machine: give a certificate (SEGUE_TLS_CERTIFICATE), or the token would "
        "travel in the open."
    )


def _is_local(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _CallDetails(
    namedtuple("_CallDetails", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")),
    grpc.ClientCallDetails,
):
    """The details of one call; gRPC leaves the concrete type to interceptors."""


class _Defaults(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
):
    """Adds the token to every call, and a deadline to each unary call that has none."""

    def __init__(self, token: str) -> None:
        self._authorization = authorization(token)

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        timeout = client_call_details.timeout
        if timeout is None:
            service = client_call_details.method.split("/")[1]
            timeout = DEADLINES.get(service, OTHER_DEADLINE)
        return continuation(self._with(client_call_details, timeout), request)

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        return continuation(self._with(client_call_details, client_call_details.timeout), request)

    def _with(self, details: grpc.ClientCallDetails, timeout: float | None) -> _CallDetails:
        return _CallDetails(
            method=details.method,
            timeout=timeout,
            metadata=(*(details.metadata or ()), self._authorization),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
            compression=details.compression,
        )
