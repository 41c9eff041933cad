"""Segue's own processes: the gRPC server, the sink, the job keeper and the dashboard."""

import re
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from backend import web
from backend.domain.errors import Unavailable
from backend.listening import host_and_port
from stack.jars import package_folder
from stack.part import LOOPBACK, Part, check_http, check_port

PREPARE = "prepare"

_SERVED = {
    "segue.v1.IngestService": "ingest",
    "segue.v1.RecommendService": "recommendations",
    "segue.v1.AnalyticsService": "analytics",
    "segue.v1.PrivacyService": "privacy",
    "segue.v1.TopicService": "topics",
}
"""The services by their names in the health protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where Segue's own processes listen, host:port; the sink's may be "" (nowhere). `has_tls`: the server's."""

    server: str
    has_tls: bool
    sink: str
    dashboard: str


def parts(addresses: Addresses) -> list[Part]:
    """The processes, with `prepare` (topics and indexes) before them."""
    return [
        Part(
            name=PREPARE,
            title="Topics and indexes",
            argv=(sys.executable, "-m", "stack.prepare"),
            needs=("kafka", "mongo"),
            once=True,
        ),
        Part(
            name="server",
            title="gRPC server",
            argv=(sys.executable, "-m", "backend"),
            needs=(PREPARE,),
            check=lambda: check_server(addresses.server, has_tls=addresses.has_tls),
            address=addresses.server,
            stop_seconds=20,
        ),
        Part(
            name="sink",
            title="Sink",
            argv=(sys.executable, "-m", "streaming.sink"),
            needs=(PREPARE,),
            address=addresses.sink,
        ),
        Part(
            name="keeper",
            title="Job keeper",
            argv=(sys.executable, "-m", "streaming.keeper"),
            # It may sit in the middle of a submission, which is worth nothing once Flink is stopped too.
            stop_seconds=2,
            # Not for the TaskManager: a job that is submitted waits for slots, and planning it takes seconds.
            needs=(PREPARE, "flink-jobmanager", "flink-sql-gateway"),
        ),
        Part(
            name="dashboard",
            title="Dashboard",
            argv=_streamlit(addresses.dashboard),
            check=lambda: check_dashboard(addresses.dashboard),
            address=addresses.dashboard,
            needs=(PREPARE,),
            needs_room=True,  # Streamlit ends where its first words cannot be written
        ),
    ]


def _streamlit(address: str) -> tuple[str, ...]:
    host, port = host_and_port("dashboard_address", address)
    app = package_folder("analytics") / "dashboard" / "app.py"
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    return (sys.executable, "-m", "streamlit", "run", str(app), *(f"--{key}={value}" for key, value in options.items()))


def port_of(address: str) -> int:
    """The port of host:port or of a URL. Raises ValueError where there is none."""
    port = urlsplit(address if "://" in address else f"//{address}").port
    if port is None:
        raise ValueError(f"{address} names no port")
    return port


def check_server(address: str, *, has_tls: bool) -> str:
    """Raises Unavailable until the server answers its health check; names what does not serve.

    A server with TLS is only asked for its port: its certificate need not be made out to this machine's loopback.
    """
    port = port_of(address)
    check_port(port)
    if has_tls:
        return ""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    try:
        with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # its types name no methods
            silent = [
                what
                for service, what in _SERVED.items()
                if stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=0.5).status
                != health_pb2.HealthCheckResponse.SERVING
            ]
    except grpc.RpcError as error:
        raise Unavailable(f"the server on {LOOPBACK}:{port} does not answer its health check yet") from error
    return f"does not serve {', '.join(silent)} now" if silent else ""


def check_sink(address: str) -> str:
    """How far the sink is behind the event log, as its metrics tell; "" where it is not. Raises Unavailable."""
    url = f"http://{address}/metrics"
    try:
        with web.client(timeout_seconds=2, local=True) as client:
            told = client.get(url).raise_for_status().text
    except web.FAILURES as error:
        raise Unavailable(f"the sink does not tell its metrics on {url}") from error
    lag = re.search(r"^segue_sink_lag_records (\S+)$", told, re.MULTILINE)
    records = round(float(lag[1])) if lag else 0
    return f"{records:,} records behind" if records else ""


def check_dashboard(address: str) -> str:
    """Raises Unavailable until Streamlit answers its own health check."""
    return check_http(f"http://{address}/_stcore/health", "the dashboard")
