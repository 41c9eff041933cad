"""Moves a live job from one state to the next: kept running, restarted, or upgraded to other SQL or settings.

An upgrade stops the job with a savepoint that Flink writes straight into the folder in which the *new* job's states
lie, and writes down first where the job is going (lineage.py). So a kill at any moment leaves a keeper something to go
on from: before the stop the old job runs or is submitted from its own newest checkpoint; after it, the savepoint is the
newest state and belongs to the new job.
A state of another shape is refused by Flink, when the job is submitted or when its tasks start. That state is then
passed over, and every table is computed again from the start of the log.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from backend.domain.errors import Unavailable
from streaming import lineage, remains, render, states, submit
from streaming.cluster import Cluster, Job
from streaming.site import Site
from streaming.spec import JobSpec

log = logging.getLogger(__name__)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What came of the job of this name on the cluster.

    `went_on_from` is a state's URL, None where the tables are computed from the start of the log.

    `refused` is what Flink said of the savepoint where it refused it. Where nothing had to be done `job` is `before`.
    """

    name: str
    before: str
    job: str
    digest: str
    went_on_from: str | None
    refused: str = ""


def ensure_running(site: Site, spec: JobSpec) -> str | None:
    """Submit the job where the cluster does not run it; its id, or None where it ran already.

    Raises Unavailable, also where a command is just submitting it. A savepoint that Flink refuses is passed over, so
    that the next call tries what is left.
    """
    if site.cluster.running(spec.name) is not None:
        return None
    with lineage.submitting(site.home, spec.job):
        if site.cluster.running(spec.name) is not None:
            return None
        now = lineage.wanted(site.home, spec)
        state = states.newest(submit.checkpoints(now))
        try:
            job_id = submit.start(site, now, state)
            if state and state.is_savepoint:
                submit.watch(site.cluster, job_id)
        except submit.StateRefused as error:
            if state is None or not state.is_savepoint:
                raise Unavailable(f"Flink cannot go on from its own checkpoint: {error}") from error
            _give_up_on(site, now, state, str(error))
            raise Unavailable(f"Flink refused {state.url}, which is passed over from now on: {error}") from error
    return job_id


def upgrade(site: Site, spec: JobSpec, *, replay: bool = False, say: Say = log.info) -> Upgrade:
    """Make the cluster run what this spec and this SQL say, from where the running job is.

    Nothing is done where it does so already, unless `replay` asks for a computation from the start of the log.
    Raises Unavailable: no job runs, or the cluster does not do it; the keeper then goes on with what there is.
    """
    with lineage.submitting(site.home, spec.job):
        job = _needed(site.cluster, spec)
        digest, before = render.digest(spec), _digest_of(site.cluster, job)
        if before == digest and not replay:
            return Upgrade(name=spec.name, before=job.id, job=job.id, digest=digest, went_on_from=None)
        lineage.record(site.home, spec, before=before)
        return _replay(site, spec, job, say) if replay else _go_on(site, spec, job, say)


def restart(site: Site, spec: JobSpec, *, say: Say = log.info) -> Upgrade:
    """Stop the job with a savepoint and submit the same again from there, for example with another parallelism.

    Raises Unavailable as `upgrade` does, also where the job runs other SQL than this.
    """
    with lineage.submitting(site.home, spec.job):
        job = _needed(site.cluster, spec)
        now = lineage.wanted(site.home, spec)
        if _digest_of(site.cluster, job) != render.digest(now):
            raise Unavailable(
                f"{job.name} runs other SQL or settings than these: `segue jobs upgrade` moves it to them"
            )
        return _go_on(site, now, job, say)


def savepoint(cluster: Cluster, spec: JobSpec, folder: str) -> str:
    """Save the running job's state into a new folder under the one at `folder`; the savepoint's URL."""
    return cluster.savepoint(_needed(cluster, spec), folder, stop=False)


def _go_on(site: Site, spec: JobSpec, job: Job, say: Say) -> Upgrade:
    say(f"stopping {job.name} with a savepoint")
    state = _stop(site, spec, job)
    say(f"submitting {job.name} again from {state.url}")
    try:
        job_id = submit.start(site, spec, state)
        say(f"waiting for the first checkpoint of {job.name}")
        submit.watch(site.cluster, job_id)
    except submit.StateRefused as error:
        _give_up_on(site, spec, state, str(error))
        say("Flink cannot go on from this state: the tables are computed again from the start of the log")
        job_id = _from_the_start(site, spec, say)
        return _told(spec, job, job_id, went_on_from=None, refused=str(error))
    return _told(spec, job, job_id, went_on_from=state.url)


def _stop(site: Site, spec: JobSpec, job: Job) -> states.State:
    """Stop the job with a savepoint in the folder of the job to come."""
    folder = submit.checkpoints(spec)
    name = site.cluster.savepoint(job, folder, stop=True).rsplit("/", maxsplit=1)[-1]
    for state in states.states(folder):
        if state.url.endswith(f"/{name}"):
            return state
    raise Unavailable(f"Flink wrote {name}, but {folder} does not show it: set checkpoints_url to one that both reach")


def _replay(site: Site, spec: JobSpec, job: Job, say: Say) -> Upgrade:
    say(f"stopping {job.name}")
    site.cluster.cancel(job)
    for state in states.states(submit.checkpoints(spec)):
        states.pass_over(state, "an operator asked to compute from the start of the log")
    job_id = _from_the_start(site, spec, say)
    if (running := remains.live(site.cluster, spec)) is not None:
        # The old job's state names listeners who may have been erased since: whoever replays may do so for that.
        remains.sweep(spec, *running)
    return _told(spec, job, job_id, went_on_from=None)


def _from_the_start(site: Site, spec: JobSpec, say: Say) -> str:
    say(f"submitting {spec.name} from the start of the log")
    job_id = submit.start(site, spec, None)
    say(f"waiting for the first checkpoint of {spec.name}")
    submit.watch(site.cluster, job_id)
    return job_id


def _give_up_on(site: Site, spec: JobSpec, state: states.State, why: str) -> None:
    states.pass_over(state, why)
    job = site.cluster.running(spec.name)
    if job is not None:
        site.cluster.cancel(job)


def _told(spec: JobSpec, job: Job, job_id: str, *, went_on_from: str | None, refused: str = "") -> Upgrade:
    return Upgrade(
        name=spec.name,
        before=job.id,
        job=job_id,
        digest=render.digest(spec),
        went_on_from=went_on_from,
        refused=refused,
    )


def _needed(cluster: Cluster, spec: JobSpec) -> Job:
    job = cluster.running(spec.name)
    if job is None:
        raise Unavailable(
            f"{spec.name} does not run on {cluster.url}; `segue up` starts the keeper that "
            "submits it, see `segue jobs list`"
        )
    return job


def _digest_of(cluster: Cluster, job: Job) -> str:
    """The digest of what a running job computes, as the place of its checkpoints tells. Raises Unavailable."""
    checkpoint = cluster.health(job).checkpoint
    if checkpoint is None:
        raise Unavailable(
            f"{job.name} has not taken a checkpoint yet; try again in some seconds, see `segue jobs list`"
        )
    return checkpoint.url.partition(f"/{job.name}/")[2].partition("/")[0]
