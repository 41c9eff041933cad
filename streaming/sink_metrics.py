"""What the sink tells a monitoring system, in Prometheus' text format over HTTP."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from backend.listening import host_and_port, require_loopback

log = logging.getLogger(__name__)


class SinkMetrics:
    """Counts for as long as the process lives, whatever becomes of its connections."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter("segue_sink_records", "Records read from the event log.", registry=self.registry)
        self.rows = Counter("segue_sink_rows", "Rows written into the store.", registry=self.registry)
        self.malformed = Counter("segue_sink_malformed", "Records passed over as malformed.", registry=self.registry)
        self.lag = Gauge("segue_sink_lag_records", "Records of the event log not carried over.", registry=self.registry)
        silence = Gauge("segue_sink_seconds_since_write", "Seconds since the last write.", registry=self.registry)
        self._written = time.monotonic()
        silence.set_function(lambda: time.monotonic() - self._written)

    def wrote(self, *, records: int, rows: int, malformed: int) -> None:
        """A batch is in the store."""
        self.records.inc(records)
        self.rows.inc(rows)
        self.malformed.inc(malformed)
        self._written = time.monotonic()

    @contextmanager
    def served(self, address: str) -> Iterator[None]:
        """Answer GET /metrics on host:port meanwhile; "" means not at all.

        A port that is taken is logged and costs only the metrics: the tables are worth more. Raises InvalidInput for an
        address beyond loopback: they are told to whoever asks.
        """
        if not address:
            yield
            return
        require_loopback("sink_metrics_address", address)
        host, port = host_and_port("sink_metrics_address", address)
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as error:
            log.warning("no metrics on %s: %s; set sink_metrics_address to a free host:port", address, error)
            yield
            return
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
