"""What jobs gone by left on disk goes once the running job needs none of it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.settings import Settings
from streaming import remains, wiring
from streaming.cluster import Checkpoint, Health, Job
from streaming.live_jobs import ARCHIVE, LIVE_JOBS, TABLES, LiveJob
from streaming.spec import JobSpec

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUNNING, GONE = "a" * 32, "b" * 32
JOB = Job(RUNNING, "segue.archive", "RUNNING", NOW)


@pytest.fixture(params=LIVE_JOBS, ids=lambda job: job.name)
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> JobSpec:
    """What the job computes."""
    return wiring.job_spec(Settings(home=tmp_path), request.param)


def health(url: str | None) -> Health:
    """Of a job whose newest checkpoint stands there."""
    checkpoint = Checkpoint(url=url, at=NOW + timedelta(minutes=20), bytes=1) if url else None
    return Health(
        tasks_running=1, tasks=1, checkpoints=1, checkpoint=checkpoint, restarts=0, back_pressure=0.0, failure=""
    )


def laid_out(spec: JobSpec) -> list[Path]:
    """States of three digests, of another job, and a savepoint of somebody's own; those that are to go."""
    root = Path(spec.checkpoints.removeprefix("file://"))
    job = root / spec.name
    other = root / ("segue.live_tables" if spec.job == ARCHIVE else "segue.archive") / "old"
    stay = [job / "new" / RUNNING / "chk-9", job / "new" / RUNNING / "shared", root / "savepoints" / "savepoint-1"]
    stay += [other / GONE, other / "savepoint-3"]
    go = [job / "new" / GONE, job / "old" / GONE, job / "new" / "savepoint-1", job / "older" / "savepoint-2"]
    for folder in (*stay, *go):
        folder.mkdir(parents=True)
        (folder / "_metadata").touch()
    return go


def test_states_of_jobs_gone_by_go_whatever_they_computed(spec: JobSpec) -> None:
    """Once the running one has a checkpoint of its own; its own, the other job's, savepoints kept elsewhere stay."""
    go = laid_out(spec)
    root = Path(spec.checkpoints.removeprefix("file://"))
    before = set(root.rglob("_metadata"))
    assert len(go) == remains.sweep(spec, JOB, health(f"{spec.checkpoints}/x/{RUNNING}/chk-9"))
    assert before - {folder / "_metadata" for folder in go} == set(root.rglob("_metadata"))
    assert 0 == remains.sweep(spec, JOB, health(f"{spec.checkpoints}/x/{RUNNING}/chk-9"))


@pytest.mark.parametrize("url", [None, "file:///elsewhere/savepoint-7"])
def test_nothing_goes_before_the_first_checkpoint(spec: JobSpec, url: str | None) -> None:
    """Until then the running job may have to begin again from the other's."""
    go = laid_out(spec)
    assert 0 == remains.sweep(spec, JOB, health(url))
    assert all(folder.is_dir() for folder in go)


@pytest.mark.parametrize(("job", "gone"), [(ARCHIVE, {".part-x-0.inprogress.y"}), (TABLES, set())])
def test_files_that_a_job_gone_by_was_writing_go(tmp_path: Path, job: LiveJob, gone: set[str]) -> None:
    """Finished ones, and those that the running job may be writing, stay; all, where the job writes none."""
    spec = wiring.job_spec(Settings(home=tmp_path), job)
    day = Path(spec.archive.removeprefix("file://")) / "day=2026-03-01"
    day.mkdir(parents=True)
    old, young = NOW - timedelta(minutes=2), NOW + timedelta(minutes=15)
    names = {".part-x-0.inprogress.y": old, ".part-x-1.inprogress.y": young, "part-x-2": old, ".compacting-z": old}
    for name, at in names.items():
        (day / name).touch()
        os.utime(day / name, (at.timestamp(), at.timestamp()))
    assert len(gone) == remains.sweep(spec, JOB, health(f"{spec.checkpoints}/x/{RUNNING}/chk-9"))
    assert names.keys() - gone == {file.name for file in day.iterdir()}
