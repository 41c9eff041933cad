"""Keeps the live tables' job on the cluster: submits it, and submits it again when the cluster has lost it.

A standalone JobManager that dies forgets its jobs; Flink restarts a failed task by itself, but not a lost job.
Beside it, each in a thread of its own, it compacts the play archive's past days once an hour (compact.py), deletes what
jobs gone by left on disk (remains.py), takes away what was kept long enough (retention.py), and works erasures off
(erasing.py).
Outcomes of one round: runs → nothing; not there → submitted from the newest checkpoint; cluster or client down, or any
other error → logged, counted, tried again in a later round (backend/loops.py).
"""

import logging
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from backend import endings, logs
from backend import wiring as backend_wiring
from backend.domain.errors import InvalidInput
from backend.domain.retention import Retention
from backend.loops import Loop
from backend.settings import Settings
from streaming import compact, erasing, lineage, remains, retention, upgrade, wiring
from streaming.ground import Ground
from streaming.site import Site
from streaming.spec import JobSpec

log = logging.getLogger(__name__)
ROUND_SECONDS = 2.0
COMPACTION_SECONDS = 3600.0
FIRST_COMPACTION_SECONDS = 900.0
"""A stack that has just started has better things to do."""
ERASURES_SECONDS, FIRST_ERASURES_SECONDS = 60.0, 30.0
RETENTION_SECONDS, FIRST_RETENTION_SECONDS = 3600.0, 300.0


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


def sweeping(site: Site, spec: JobSpec, stopped: threading.Event) -> Loop:
    """Every hour, once started, deletes what jobs before the running one left on disk; what fails is tried again."""

    def sweep() -> None:
        with lineage.submitting(site.home):
            if (running := remains.live(site.cluster, spec.tenant)) is not None:
                remains.sweep(spec, *running)

    return Loop("remains of jobs", sweep, seconds=COMPACTION_SECONDS, first_seconds=FIRST_COMPACTION_SECONDS)


def erasures(ground: Ground, stopped: threading.Event) -> Loop:
    """Works erasures off, once started: at its start those that wait, then in a pass an hour, or near their end."""
    passes = erasing.Passes(ground, stopped)
    return Loop("erasures", passes.look, seconds=ERASURES_SECONDS, first_seconds=FIRST_ERASURES_SECONDS)


def aging(ground: Ground, bounds: Retention, stopped: threading.Event) -> Loop:
    """Takes away every hour, once started, what was kept long enough; what fails is logged and tried an hour later."""
    kept = retention.Kept(
        event_log=ground.event_log, store=ground.store, archive=ground.spec.archive, home=ground.site.home
    )
    rounds = retention.Rounds(kept, bounds)
    return Loop("retention", rounds.look, seconds=RETENTION_SECONDS, first_seconds=FIRST_RETENTION_SECONDS)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.to_stderr()
    stopped = endings.asked_to_stop()
    settings = Settings()
    with ExitStack() as opened:
        try:
            ground, bounds = opened.enter_context(wiring.ground(settings)), backend_wiring.retention(settings)
        except InvalidInput as error:
            log.error("cannot start: %s", error)
            sys.exit(2)
        spec = ground.spec
        # A daemon: it may be killed at any moment, see compact.py, and must not hold up the end.
        compaction(settings.home, spec.archive, stopped, lateness_minutes=spec.lateness_minutes).start(stopped)
        sweeping(ground.site, spec, stopped).start(stopped)
        erasures(ground, stopped).start(stopped)
        aging(ground, bounds, stopped).start(stopped)
        keep(ground.site, spec, stopped)


if __name__ == "__main__":
    main()
