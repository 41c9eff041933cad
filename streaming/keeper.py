"""Keeps the live tables' job on the cluster: submits it, and submits it again when the cluster has lost it.

A standalone JobManager that dies forgets its jobs; Flink restarts a failed task by itself, but not a lost job.
Beside it, in a thread of its own, it compacts the play archive's past days once an hour (compact.py).
Outcomes of one round: runs → nothing; not there → submitted from the newest checkpoint; cluster or client down, or any
other error → logged, counted, tried again in a later round (backend/loops.py).
"""

import logging
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

from backend.loops import Loop
from backend.settings import Settings
from streaming import compact, upgrade, wiring
from streaming.site import Site
from streaming.spec import JobSpec

log = logging.getLogger(__name__)
ROUND_SECONDS = 2.0
COMPACTION_SECONDS = 3600.0
FIRST_COMPACTION_SECONDS = 900.0
"""A stack that has just started has better things to do."""


def keep(site: Site, spec: JobSpec, stopped: threading.Event) -> None:
    """One round every ROUND_SECONDS until `stopped` is set; after failures in a row, up to five times later."""

    def look() -> None:
        if submitted := upgrade.ensure_running(site, spec):
            log.info("job %s submitted", submitted)

    Loop("the live job's round", look, seconds=ROUND_SECONDS, longest_seconds=5 * ROUND_SECONDS).run(stopped)


def compaction(
    home: Path,
    archive: str,
    stopped: threading.Event,
    *,
    lateness_minutes: int,
    first_seconds: float = FIRST_COMPACTION_SECONDS,
) -> Loop:
    """Compacts the archive's past days every hour, once started; what fails is logged and tried an hour later."""

    def tidy() -> None:
        until = compact.last_settled_day(datetime.now(UTC), lateness_minutes=lateness_minutes)
        with compact.compacting(home):
            for _ in compact.compact(archive, until=until):
                if stopped.is_set():
                    return

    return Loop("compaction", tidy, seconds=COMPACTION_SECONDS, first_seconds=first_seconds)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    settings = Settings()
    spec = wiring.job_spec(settings)
    # A daemon: it may be killed at any moment, see compact.py, and must not hold up the end.
    compaction(settings.home, spec.archive, stopped, lateness_minutes=spec.lateness_minutes).start(stopped)
    keep(wiring.site(settings), spec, stopped)


if __name__ == "__main__":
    main()
