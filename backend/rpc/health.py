"""Health per service: SERVING only where a call of the service would be answered."""

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import HealthServicer

from backend.services.readiness import Readiness

CHECK_SECONDS = 2.0

INGEST = "segue.v1.IngestService"
RECOMMEND = "segue.v1.RecommendService"
ANALYTICS = "segue.v1.AnalyticsService"
PRIVACY = "segue.v1.PrivacyService"
TOPICS = "segue.v1.TopicService"
WHOLE = ""
"""The server's own name in the health protocol: serving where every service is."""

STATUS = {True: health_pb2.HealthCheckResponse.SERVING, False: health_pb2.HealthCheckResponse.NOT_SERVING}


class HealthMonitor:
    """Tells the health service what `Readiness` sees; nothing serves before the first look."""

    def __init__(self, servicer: HealthServicer, readiness: Readiness) -> None:
        self._servicer = servicer
        self._readiness = readiness
        self._told: dict[str, bool] = {}
        for service in (INGEST, RECOMMEND, ANALYTICS, PRIVACY, TOPICS, WHOLE):
            servicer.set(service, STATUS[False])

    def check(self) -> None:
        """Look once, and tell what has changed."""
        ready = self._readiness.look()
        serving = {
            INGEST: ready.ingest,
            RECOMMEND: ready.recommend,
            ANALYTICS: ready.analytics,
            PRIVACY: ready.privacy,
            TOPICS: ready.recommend,
        }
        serving[WHOLE] = all(serving.values())
        for service, serves in serving.items():
            if self._told.get(service) != serves:
                self._servicer.set(service, STATUS[serves])
                self._told[service] = serves
