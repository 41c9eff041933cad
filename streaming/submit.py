"""Hands a live job to a Flink cluster, and sees whether it takes up its state."""

import logging
import re
import time
from collections.abc import Mapping

from backend.domain.errors import SegueError, Unavailable
from streaming import gateway, plans, render
from streaming.cluster import Cluster, root_cause
from streaming.site import Site
from streaming.spec import JobSpec
from streaming.states import State

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_CANNOT_TAKE_UP = re.compile(
    r"Cannot map checkpoint/savepoint state|Failed to rollback to checkpoint/savepoint|StateMigrationException"
    r"|must not be incompatible with the old|Could not restore|restore (?:operator|keyed) state|cannot be restored"
)
"""What Flink says where a state does not fit a job: at submission (operators differ), or in a task (types differ)."""


def is_refusal(text: str) -> bool:
    """Whether Flink says in this text that a state does not fit the job."""
    return _CANNOT_TAKE_UP.search(text) is not None


class StateRefused(SegueError):
    """Flink cannot go on from the state: the job computes something of another shape."""


def checkpoints(spec: JobSpec) -> str:
    """The folder of a live job's states. Kept apart by what the job computes: see `render.digest`."""
    return f"{spec.checkpoints}/{spec.name}/{render.digest(spec)}"


def start(site: Site, spec: JobSpec, state: State | None) -> str:
    """Submit a live job, from this state or from the start of the log; its id.

    Raises StateRefused where Flink says at once that the state does not fit, Unavailable for all else.
    """
    log.info("submitting %s from %s", spec.name, state.url if state else "the start of the log")
    options = render.job_settings(spec, checkpoints=checkpoints(spec), recover_from=state.url if state else None)
    try:
        return _run_plan(site, spec, options)
    except Unavailable as error:
        if state and is_refusal(str(error)):
            raise StateRefused(root_cause(str(error))) from error
        raise


def _run_plan(site: Site, spec: JobSpec, options: Mapping[str, str]) -> str:
    """Submit a live job from its compiled plan, which is made where there is none yet. Raises Unavailable."""
    plan = plans.file(site.plans, spec)
    if plan.exists():
        try:
            return gateway.run(site.cluster, plans.to_execute(spec, options, plan))
        except Unavailable as error:
            if not is_refusal(str(error)):  # it may be the plan that is broken: the next attempt makes another
                plan.unlink(missing_ok=True)
            raise
    written = plans.unfinished(plan)
    try:
        job_id = gateway.run(site.cluster, plans.to_compile(spec, options, written))
        plans.keep(written, plan)
        return job_id
    finally:
        written.unlink(missing_ok=True)


def watch(cluster: Cluster, job_id: str, *, timeout_seconds: float = 180) -> None:
    """Return once the submitted job has taken its first checkpoint, by which it is known to have taken up its state.

    Raises StateRefused where its tasks cannot take the state up, Unavailable where it fails or is not so far in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        job = next((one for one in cluster.every_job() if one.id == job_id), None)
        if job is None:
            raise Unavailable(f"the cluster has lost job {job_id} again; see that its JobManager stays up")
        now = cluster.health(job)
        if is_refusal(now.failure):
            raise StateRefused(root_cause(now.failure))
        if not job.is_alive:
            raise Unavailable(f"the job is {job.state}: {root_cause(now.failure) or 'see the JobManager log'}")
        if now.checkpoints and job.state == "RUNNING":
            return
        time.sleep(_LOOK_SECONDS)
    raise Unavailable(f"job {job_id} has taken no checkpoint within {timeout_seconds:.0f} s; see `segue jobs list`")
