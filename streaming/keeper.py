"""Keeps the live tables' job on the cluster: submits it, and submits it again when the cluster has lost it.

A standalone JobManager that dies forgets its jobs; Flink restarts a failed task by itself, but not a lost job.
Beside it, in a thread of its own, it compacts the play archive's past days once an hour (compact.py).
Outcomes of one round: runs → nothing; not there → submitted from the newest checkpoint; cluster or client down →
logged, tried again in the next round.
"""

import logging
import signal
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from backend.domain.errors import Unavailable
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
    """One round every ROUND_SECONDS until `stopped` is set; after a failure, every five."""
    pause = 0.0
    while not stopped.wait(pause):
        pause = ROUND_SECONDS
        try:
            submitted = upgrade.ensure_running(site, spec)
        except Unavailable as error:
            log.warning("%s", error)
            pause = 5 * ROUND_SECONDS
            continue
        if submitted:
            log.info("job %s submitted", submitted)


def tidy(
    home: Path,
    archive: str,
    stopped: threading.Event,
    *,
    lateness_minutes: int,
    first_seconds: float = FIRST_COMPACTION_SECONDS,
) -> None:
    """Compact the archive's past days every hour until `stopped`; what fails is logged and tried an hour later."""
    pause = first_seconds
    while not stopped.wait(pause):
        pause = COMPACTION_SECONDS
        until = compact.last_settled_day(datetime.now(UTC), lateness_minutes=lateness_minutes)
        try:
            with compact.compacting(home):
                for _ in compact.compact(archive, until=until):
                    if stopped.is_set():
                        return
        except (Unavailable, OSError) as error:
            log.warning("the archive is not compacted: %s", error)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    settings = Settings()
    spec = wiring.job_spec(settings)
    # A daemon: it may be killed at any moment, see compact.py, and must not hold up the end.
    tidying = partial(tidy, settings.home, spec.archive, stopped, lateness_minutes=spec.lateness_minutes)
    threading.Thread(target=tidying, name="compaction", daemon=True).start()
    keep(wiring.site(settings), spec, stopped)


if __name__ == "__main__":
    main()
