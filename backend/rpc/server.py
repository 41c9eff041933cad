"""The gRPC server: a door of the services, bound, opened, drained."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME, HealthServicer
from grpc_reflection.v1alpha import reflection
from segue.v1 import analytics_pb2_grpc, ingest_pb2_grpc, privacy_pb2_grpc, recommend_pb2_grpc, topics_pb2_grpc

from backend import loops
from backend.listening import require_protection
from backend.loops import Loop
from backend.rpc import health, issuer_keys
from backend.rpc.analytics import AnalyticsServicer
from backend.rpc.auth import Bearers, Tokens, ensure_operator_token
from backend.rpc.bearers import AnyBearer
from backend.rpc.guard import Guard
from backend.rpc.ingest import IngestServicer
from backend.rpc.issued import IssuedTokens
from backend.rpc.places import Places
from backend.rpc.privacy import PrivacyServicer
from backend.rpc.rates import Rates
from backend.rpc.recommend import RecommendServicer
from backend.rpc.topics import TopicServicer
from backend.services.assembly import Services

_log = structlog.get_logger(__name__)

WAITING = 3
"""Calls in line for each one at work: bursts of a server half at rest, and no more (ADR 13)."""

WAITS_FOR_LOG = 4
"""Ingestion has so many times the threads: its calls wait for the event log most of their time."""

STREAMS = 32
"""Watch streams open at once; they have threads of their own."""

HEALTH_STREAMS = 4
"""Health is open to everybody, so its streams have a small budget of their own."""

GRACE_SECONDS = 10.0
TELL_SECONDS = 2.0

OPTIONS = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    # Windows stay small: what nobody reads yet takes 64 kB of memory a call, however fast the network is.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class Server:
    """Serves the contract over `services` between `start` and `stop`; it neither starts nor closes them.

    `address` is host:port, `workers` the unary calls of a service worked on at once, `tokens` the folder of token
    files; tokens that `issued` knows are taken, too. With `tls_certificate` and `tls_key` (PEM files) it speaks TLS.
    Raises InvalidInput where it would open an unprotected port to others, and RuntimeError where the port is taken: a
    second server on it is a mistake, and should hear so, unless the port is `shared` with processes of the same server.
    """

    def __init__(
        self,
        services: Services,
        *,
        address: str,
        tokens: Path,
        workers: int = 2,
        tls_certificate: Path | None = None,
        tls_key: Path | None = None,
        issued: IssuedTokens | None = None,
        rates: Rates | None = None,
        reflection: bool = False,
        shared: bool = False,
    ) -> None:
        require_protection(address, tls_certificate, tls_key)
        self._services = services
        self._address = address
        self._stopping = threading.Event()
        self._health = HealthServicer(experimental_non_blocking=False)
        monitor = health.HealthMonitor(self._health, services.readiness)
        self._monitoring = Loop("health", monitor.check, seconds=health.CHECK_SECONDS)
        ensure_operator_token(tokens)
        self._issuers = [Loop("issuer's keys", issued.keys.look, seconds=issuer_keys.LOOK_SECONDS)] if issued else []
        bearers = Tokens(tokens) if issued is None else AnyBearer(Tokens(tokens), issued)
        self._shared = shared
        self._server = self._assembled(bearers, workers, rates=rates, reflect=reflection)
        if tls_certificate is None or tls_key is None:
            self.port = self._server.add_insecure_port(address)
        else:
            pair = (tls_key.read_bytes(), tls_certificate.read_bytes())
            self.port = self._server.add_secure_port(address, grpc.ssl_server_credentials([pair]))

    def start(self) -> None:
        """Serve. Health says SERVING as soon as the parts answer, which may be later than this."""
        self._monitoring.start(self._stopping)
        self._refusals.start(self._stopping)
        for loop in self._issuers:
            loop.start(self._stopping)
        self._server.start()
        _log.info("serving", address=self._address, port=self.port)

    def stop(self) -> None:
        """Drain: NOT_SERVING, end the streams, let calls end."""
        self._health.enter_graceful_shutdown()
        self._stopping.set()
        self._server.stop(GRACE_SECONDS).wait()
        self._monitoring.join()
        self._refusals.join()
        loops.join(self._issuers)

    def _assembled(self, bearers: Bearers, workers: int, *, rates: Rates | None, reflect: bool) -> grpc.Server:
        services = self._services
        guard = Guard(
            bearers,
            places_of=lambda service: _places(service, workers),
            streams=STREAMS,
            health_streams=HEALTH_STREAMS,
            rates=rates,
        )
        self._refusals = Loop("refusals", guard.tell_refused, seconds=TELL_SECONDS)
        # Every call has a pool of its kind, so the server's own stays empty; so has it no bound of its own.
        server = grpc.server(
            ThreadPoolExecutor(1), interceptors=[guard], options=(("grpc.so_reuseport", int(self._shared)), *OPTIONS)
        )
        door = guard.door_of(server)
        ingest_pb2_grpc.add_IngestServiceServicer_to_server(IngestServicer(services.ingest), door)
        recommend_pb2_grpc.add_RecommendServiceServicer_to_server(
            RecommendServicer(
                services.recommender,
                services.explorer,
                services.catalogue,
                batch=services.batch,
                artists=services.artists,
            ),
            door,
        )
        analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server(
            AnalyticsServicer(services.report, services.identities, stopping=self._stopping), door
        )
        privacy_pb2_grpc.add_PrivacyServiceServicer_to_server(
            PrivacyServicer(services.exporter, services.erasures, services.rights), door
        )
        topics_pb2_grpc.add_TopicServiceServicer_to_server(
            TopicServicer(services.topics, services.home, services.catalogue), door
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, door)
        if reflect:
            own = (health.INGEST, health.RECOMMEND, health.ANALYTICS, health.PRIVACY, health.TOPICS)
            reflection.enable_server_reflection((*own, SERVICE_NAME, reflection.SERVICE_NAME), door)
        return server


def _places(service: str, workers: int) -> Places:
    size = workers * WAITS_FOR_LOG if service == health.INGEST else workers
    return Places(service, size, waiting=WAITING * size)
