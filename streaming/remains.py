"""What Flink leaves behind on disk, which holds listeners that the log has forgotten: states and files of jobs gone by.

A state belongs to the job by whose id Flink named its folder. Once the running job has taken a checkpoint of its own,
it needs none of another: Flink goes on from a retained one without claiming it (restore mode NO_CLAIM), and copies what
it needs of it into its first. Files of the archive that a job was writing when it died are never finished; a job that
runs finishes its own at each checkpoint.
"""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.buckets import files_at, reached
from backend.extras import explained
from streaming.cluster import Cluster, Health, Job
from streaming.live_jobs import ARCHIVE
from streaming.spec import JobSpec

with explained("streaming"):
    from pyarrow import fs

log = logging.getLogger(__name__)
_JOB = re.compile(r"[0-9a-f]{32}$")
_UNFINISHED = re.compile(r"\.part-.*inprogress.*")
_CLOCKS, _SLOW = timedelta(minutes=1), timedelta(minutes=10)
"""How much the clocks of disk and JobManager may differ, and how long a checkpoint may take and still be a sign."""


def live(cluster: Cluster, spec: JobSpec) -> tuple[Job, Health] | None:
    """The job of this spec that runs, and how it is; None where none does. Raises Unavailable."""
    job = cluster.running(spec.name)
    return (job, cluster.health(job)) if job else None


def sweep(spec: JobSpec, job: Job, health: Health) -> int:
    """Delete what jobs of its name before the running one left; how many folders and files.

    Nothing before its first checkpoint; unfinished files only with the archive's job, which writes them. Call it while
    nobody submits or stops the job (`lineage.submitting`). Savepoints that somebody had written elsewhere stay: they
    are theirs. Raises Unavailable, OSError.
    """
    if health.checkpoint is None or "/chk-" not in health.checkpoint.url:
        return 0
    before = max(job.since - _CLOCKS, health.checkpoint.at - _SLOW)
    files = sum(1 for _ in _unfinished(spec, before)) if spec.job == ARCHIVE else 0
    return sum(1 for _ in _old_states(spec, job)) + files


def _old_states(spec: JobSpec, job: Job) -> Iterator[str]:
    """Folders of other jobs, and savepoints that the running one began from, whatever their digest."""
    url = f"{spec.checkpoints}/{spec.name}"
    with reached(url):
        files, root = files_at(url, setting="checkpoints_url")
        for digest in _folders(files, root):
            for state in _folders(files, digest):
                name = state.rpartition("/")[2]
                if name.startswith("savepoint-") or (_JOB.match(name) and name != job.id):
                    log.info("deleting %s, which no job needs any more", state)
                    files.delete_dir(state)
                    yield state


def _folders(files: Any, path: str) -> list[str]:
    entries = files.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return [entry.path for entry in entries if entry.type == fs.FileType.Directory]


def _unfinished(spec: JobSpec, before: datetime) -> Iterator[str]:
    with reached(spec.archive):
        files, root = files_at(spec.archive, setting="archive_url")
        for entry in files.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True)):
            written = datetime.fromtimestamp((entry.mtime_ns or 0) / 1e9, tz=UTC)
            if _UNFINISHED.fullmatch(entry.base_name) and written < before:
                log.info("deleting %s, which a job that is gone was writing", entry.path)
                files.delete_file(entry.path)
                yield entry.path
