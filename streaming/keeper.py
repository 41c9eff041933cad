"""Keeps the live jobs on the cluster: submits them, and submits them again when the cluster has lost them.

A standalone JobManager that dies forgets its jobs; Flink restarts a failed task by itself, but not a lost job.
Each job has rounds, a thread and a lock of its own: whatever is the matter with one, the other runs.
Beside it, each in a thread of its own, it compacts the play archive's past days once an hour (compact.py), deletes what
jobs gone by left on disk (remains.py), takes away what was kept long enough (retention.py), and works erasures off
(erasing.py).
Outcomes of one round of a job: runs → nothing; not there → submitted from the newest checkpoint; cluster or client
down, or any other error → logged, counted, tried again in a later round (backend/loops.py).
"""

import logging
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from backend import endings, logs
from backend import wiring as backend_wiring
from backend.domain.errors import InvalidInput, Unavailable
from backend.domain.retention import Retention
from backend.loops import Loop, join
from backend.settings import Settings
from streaming import compact, erasing, lineage, remains, retention, upgrade, wiring
from streaming.cluster import Cluster
from streaming.ground import Ground
from streaming.live_jobs import ARCHIVE, TOPIC_FEEDS, wanted
from streaming.site import Site
from streaming.spec import JobSpec

log = logging.getLogger(__name__)
ROUND_SECONDS = 2.0
HEAD_START_SECONDS = 30.0
"""So long, at most, the tables wait for the archive's first checkpoint: two jobs that start at once are both late."""
COMPACTION_SECONDS = 3600.0
FIRST_COMPACTION_SECONDS = 900.0
"""A stack that has just started has better things to do."""
_LOOK_SECONDS = 0.5
_END_SECONDS = 60.0
"""By then the cluster answers, also one that starts with the keeper."""
ERASURES_SECONDS, FIRST_ERASURES_SECONDS = 60.0, 30.0
RETENTION_SECONDS, FIRST_RETENTION_SECONDS = 3600.0, 300.0


def keeping(site: Site, spec: JobSpec) -> Loop:
    """A round of this job every ROUND_SECONDS, once started; after failures in a row, up to five times later."""

    def look() -> None:
        if submitted := upgrade.ensure_running(site, spec):
            log.info("%s submitted: job %s", spec.name, submitted)

    return Loop(f"the round of {spec.name}", look, seconds=ROUND_SECONDS, longest_seconds=5 * ROUND_SECONDS)


def ending(site: Site, spec: JobSpec) -> Loop:
    """Ends a job that nobody asks for any more, once started; the cluster may have kept it from before."""

    def end() -> None:
        with lineage.submitting(site.home, spec.job):
            if (job := site.cluster.running(spec.name)) is not None:
                site.cluster.cancel(job)
                log.info("%s ended: setting topic_feeds is off", spec.name)

    return Loop(f"the end of {spec.name}", end, seconds=COMPACTION_SECONDS, first_seconds=_END_SECONDS)


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


def sweeping(site: Site, spec: JobSpec) -> Loop:
    """Every hour, once started, deletes what jobs before the running one left on disk; what fails is tried again."""

    def sweep() -> None:
        with lineage.submitting(site.home, spec.job):
            if (running := remains.live(site.cluster, spec)) is not None:
                remains.sweep(spec, *running)

    return Loop(f"remains of {spec.name}", sweep, seconds=COMPACTION_SECONDS, first_seconds=FIRST_COMPACTION_SECONDS)


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
        jobs = wanted(topic_feeds=settings.topic_feeds)
        if TOPIC_FEEDS not in jobs:
            ending(ground.site, spec.of(TOPIC_FEEDS)).start(stopped)
        for job in jobs:
            sweeping(ground.site, spec.of(job)).start(stopped)
        erasures(ground, stopped).start(stopped)
        aging(ground, bounds, stopped).start(stopped)
        kept = [keeping(ground.site, spec.of(job)) for job in jobs]
        archive, *others = kept
        archive.start(stopped)
        _await_saved(ground.site.cluster, spec.of(ARCHIVE).name, stopped)
        for loop in others:
            loop.start(stopped)
        stopped.wait()
        join(kept)


def _await_saved(cluster: Cluster, name: str, stopped: threading.Event) -> None:
    """Return when the job of this name has saved its state, or HEAD_START_SECONDS are over."""
    deadline = time.monotonic() + HEAD_START_SECONDS
    while time.monotonic() < deadline and not stopped.wait(_LOOK_SECONDS):
        try:
            job = cluster.running(name)
            if job is not None and cluster.health(job).checkpoints:
                return
        except Unavailable as error:
            log.debug("%s is not asked yet: %s", name, error)


if __name__ == "__main__":
    main()
