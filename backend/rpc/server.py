"""The gRPC server: assembled from its parts, started, drained."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import grpc
import structlog
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME, HealthServicer
from grpc_reflection.v1alpha import reflection
from segue.v1 import analytics_pb2_grpc, ingest_pb2_grpc, recommend_pb2_grpc

from backend.domain.errors import InvalidInput, Violation
from backend.ports.encoder import TextEncoder
from backend.ports.event_log import EventLog
from backend.ports.models import ModelRepository
from backend.ports.store import Store
from backend.ports.vectors import VectorIndex
from backend.rpc import health
from backend.rpc.analytics import AnalyticsServicer
from backend.rpc.auth import Tokens, ensure_operator_token
from backend.rpc.guard import Guard, StreamBudget
from backend.rpc.ingest import IngestServicer
from backend.rpc.recommend import RecommendServicer
from backend.services.answers import Answers
from backend.services.arrivals import Arrivals
from backend.services.catalogue import Catalogue
from backend.services.explore import Explorer
from backend.services.heartbeat import Heartbeat
from backend.services.ingest import IngestService
from backend.services.model import CurrentModel
from backend.services.profiles import Profiles
from backend.services.recommend import Recommender
from backend.services.report import Report
from backend.services.retrieve import Retriever
from backend.services.trending import Trending
from backend.settings import Settings

_log = structlog.get_logger(__name__)

STREAMS = 32
"""Watch streams open at once; they have threads of their own beside `server_workers`."""

HEALTH_STREAMS = 4
"""Health is open to everybody, so its streams have a small budget of their own."""

GRACE_SECONDS = 10.0
FLUSH_SECONDS = 15.0

OPTIONS = (
    ("grpc.so_reuseport", 0),  # A second server on the same port is a mistake, and should hear so.
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class Server:
    """Serves the contract until it is stopped. Owns the log and the store it is given, and closes them.

    `encoder` opens the text encoder on first use. Raises InvalidInput where the settings would open an unprotected
    port to others.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        event_log: EventLog,
        store: Store,
        vectors: VectorIndex,
        models: ModelRepository,
        encoder: Callable[[], TextEncoder],
    ) -> None:
        _require_protection(settings)
        self._settings = settings
        self._event_log = event_log
        self._store = store
        self._stopping = threading.Event()
        self._model = CurrentModel(models)
        self._catalogue = Catalogue(store)
        self._arrivals = Arrivals(
            store=store, catalogue=self._catalogue, vectors=vectors, model=self._model, encoder=encoder
        )
        self._heartbeat = Heartbeat(event_log)
        self._health = HealthServicer(experimental_non_blocking=False)
        self._monitor = health.HealthMonitor(self._health, log=event_log, store=store, model=self._model)
        self._threads = [
            threading.Thread(target=part.run, args=(self._stopping,), name=type(part).__name__, daemon=True)
            for part in (self._model, self._arrivals, self._heartbeat, self._monitor)
        ]
        ensure_operator_token(settings)
        self._server = self._assembled(vectors, encoder)
        self.port = self._bound()

    def start(self) -> None:
        """Serve. Health says SERVING as soon as the parts answer, which may be later than this."""
        self._model.refresh()
        for thread in self._threads:
            thread.start()
        self._server.start()
        _log.info("serving", address=self._settings.server_address, port=self.port)

    def stop(self) -> int:
        """Drain: NOT_SERVING, let calls end, deliver what is queued; records left undelivered (0 when all went out)."""
        self._health.enter_graceful_shutdown()
        self._stopping.set()
        self._server.stop(GRACE_SECONDS).wait()
        for thread in self._threads:
            thread.join()
        undelivered = self._event_log.close(timeout_seconds=FLUSH_SECONDS)
        self._store.close()
        _log.info("stopped", undelivered=undelivered)
        return undelivered

    def _assembled(self, vectors: VectorIndex, encoder: Callable[[], TextEncoder]) -> grpc.Server:
        settings, store = self._settings, self._store
        catalogue, profiles = self._catalogue, Profiles(store)
        trending, answers = Trending(store), Answers()
        retriever = Retriever(vectors, catalogue, self._arrivals)
        guard = Guard(
            Tokens(settings.tokens), streams=StreamBudget(STREAMS), health_streams=StreamBudget(HEALTH_STREAMS)
        )
        threads = settings.server_workers + STREAMS + HEALTH_STREAMS
        server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="rpc"),
            interceptors=[guard],
            options=OPTIONS,
            maximum_concurrent_rpcs=threads + 1,
        )
        ingest = IngestService(self._event_log, catalogue, listening=(self._heartbeat, profiles))
        recommender = Recommender(
            profiles=profiles,
            catalogue=catalogue,
            model=self._model,
            retriever=retriever,
            trending=trending,
            answers=answers,
        )
        explorer = Explorer(
            catalogue=catalogue,
            model=self._model,
            retriever=retriever,
            trending=trending,
            answers=answers,
            encoder=encoder,
        )
        ingest_pb2_grpc.add_IngestServiceServicer_to_server(IngestServicer(ingest), server)
        recommend_pb2_grpc.add_RecommendServiceServicer_to_server(
            RecommendServicer(recommender, explorer, catalogue), server
        )
        analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server(
            AnalyticsServicer(Report(store, catalogue), stopping=self._stopping), server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if settings.server_reflection:
            names = (health.INGEST, health.RECOMMEND, health.ANALYTICS, SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        return server

    def _bound(self) -> int:
        settings = self._settings
        if settings.tls_certificate is None or settings.tls_key is None:
            return self._server.add_insecure_port(settings.server_address)
        credentials = grpc.ssl_server_credentials(
            [(settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())]
        )
        return self._server.add_secure_port(settings.server_address, credentials)


def _require_protection(settings: Settings) -> None:
    """Raises InvalidInput for half a TLS pair, and for plain text beyond loopback."""
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise InvalidInput([Violation("tls_certificate, tls_key", "set both, or none")])
    host = settings.server_address.rpartition(":")[0].strip("[]")
    if settings.tls_certificate is None and not _is_loopback(host):
        text = f"{settings.server_address} is reachable from elsewhere: set tls_certificate and tls_key, or 127.0.0.1"
        raise InvalidInput([Violation("server_address", text)])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
