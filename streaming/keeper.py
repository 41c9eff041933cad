"""Keeps the live tables' job on the cluster: submits it, and submits it again when the cluster has lost it.

A standalone JobManager that dies forgets its jobs; Flink restarts a failed task by itself, but not a lost job.
Outcomes of one round: runs → nothing; not there → submitted from the newest checkpoint; cluster or client down →
logged, tried again in the next round.
"""

import logging
import signal
import threading

from backend.domain.errors import Unavailable
from backend.settings import Settings
from streaming import upgrade

log = logging.getLogger(__name__)
ROUND_SECONDS = 2.0


def keep(settings: Settings, stopped: threading.Event) -> None:
    """One round every ROUND_SECONDS until `stopped` is set; after a failure, every five."""
    pause = 0.0
    while not stopped.wait(pause):
        pause = ROUND_SECONDS
        try:
            submitted = upgrade.ensure_running(settings)
        except Unavailable as error:
            log.warning("%s", error)
            pause = 5 * ROUND_SECONDS
            continue
        if submitted:
            log.info("job %s submitted", submitted)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    keep(Settings(), stopped)


if __name__ == "__main__":
    main()
