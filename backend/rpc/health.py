"""Health per service: SERVING only where a call of the service would be answered."""

import logging
import threading
from collections.abc import Callable, Mapping

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import HealthServicer

from backend.domain.errors import Unavailable
from backend.ports.event_log import EventLog
from backend.ports.store import Store
from backend.services.model import CurrentModel

_log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0

INGEST = "segue.v1.IngestService"
RECOMMEND = "segue.v1.RecommendService"
ANALYTICS = "segue.v1.AnalyticsService"
WHOLE = ""
"""The server's own name in the health protocol: serving where every service is."""

STATUS = {True: health_pb2.HealthCheckResponse.SERVING, False: health_pb2.HealthCheckResponse.NOT_SERVING}


class HealthMonitor:
    """Looks at the parts every CHECK_SECONDS and tells the health service.

    Ingest needs the log and the store (for the catalogue); analytics the store; recommendations the store or, without
    it, a model in memory. Topics and indexes are made at the first look at which the parts answer.
    """

    def __init__(self, servicer: HealthServicer, *, log: EventLog, store: Store, model: CurrentModel) -> None:
        self._servicer = servicer
        self._log_of_events = log
        self._store = store
        self._model = model
        self._prepared: set[str] = set()
        self._told: dict[str, bool] = {}
        for service in (INGEST, RECOMMEND, ANALYTICS, WHOLE):
            servicer.set(service, STATUS[False])

    def check(self) -> Mapping[str, bool]:
        """Look once; whether each service serves."""
        log_is_up = self._is_up("log", self._log_of_events.create_topics, self._log_of_events.ping)
        store_is_up = self._is_up("store", self._store.migrate, self._store.ping)
        serving = {
            INGEST: log_is_up and store_is_up,
            RECOMMEND: store_is_up or self._model.version is not None,
            ANALYTICS: store_is_up,
        }
        serving[WHOLE] = all(serving.values())
        for service, serves in serving.items():
            if self._told.get(service) != serves:
                self._servicer.set(service, STATUS[serves])
                self._told[service] = serves
        return serving

    def run(self, stopping: threading.Event) -> None:
        """Check until `stopping` is set."""
        self.check()
        while not stopping.wait(CHECK_SECONDS):
            self.check()

    def _is_up(self, part: str, prepare: Callable[[], None], ping: Callable[[], None]) -> bool:
        try:
            if part not in self._prepared:
                prepare()
                self._prepared.add(part)
            ping()
        except Unavailable as error:
            _log.warning("the %s is down: %s", part, error)
            return False
        return True
