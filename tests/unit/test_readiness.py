"""What a server says of itself before the first call."""

import time
from pathlib import Path

from tests.memory import MemoryEventLog
from tests.rpc.conftest import services_in_memory


def test_recommendations_wait_for_what_other_servers_took_in(tmp_path: Path) -> None:
    """Ingestion and reports need not know it; once the followers have begun, all serve."""
    services = services_in_memory(tmp_path)
    before = services.readiness.look()
    assert (True, False, True, True) == (before.ingest, before.recommend, before.analytics, before.privacy)
    services.start()
    deadline = time.monotonic() + 20
    while not services.readiness.look().recommend and time.monotonic() < deadline:
        time.sleep(0.05)
    assert services.readiness.look().recommend
    services.close()


def test_without_a_log_nobody_waits_for_it(tmp_path: Path) -> None:
    """The store answers: what is in it can be recommended."""
    services = services_in_memory(tmp_path)
    assert isinstance(services.event_log, MemoryEventLog)
    services.event_log.down = True
    ready = services.readiness.look()
    assert (False, True) == (ready.ingest, ready.recommend)
