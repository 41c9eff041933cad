"""Which spec a live job runs with, once `segue jobs upgrade` has moved it away from that of its keeper.

A keeper lives for as long as its stack, with the settings it was started with. An upgrade writes down, in
home/jobs/NAME.json, what the job computed before and what it computes from now on; a keeper that wants the former
submits the latter. Only another upgrade moves the job again. What a later keeper is started with counts where it is
something new altogether.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.files import only_one, write_whole
from streaming import render
from streaming.live_jobs import LiveJob
from streaming.spec import Choice, JobSpec
from streaming.states import newest
from streaming.submit import checkpoints

log = logging.getLogger(__name__)
FOLDER = "jobs"


@dataclass(frozen=True, slots=True)
class Step:
    """What the job computed from one upgrade to the next: its digest, and its choices (None: those of the keeper)."""

    digest: str
    choices: Mapping[str, Choice] | None


@contextmanager
def submitting(home: Path, job: LiveJob) -> Iterator[None]:
    """Be the only one to submit or stop this job. Raises Unavailable where another is; the kernel lets go of it."""
    held = (
        f"another command, or the job keeper, is submitting {job.name}: try again in half a minute, see "
        "`segue jobs list`"
    )
    with only_one(_beside(home, job, "lock"), held=held):
        yield


def steps(home: Path, job: LiveJob) -> list[Step]:
    """Every step of this job, oldest first; [] where no upgrade of it was ever made in this home."""
    file = _beside(home, job, "json")
    return [Step(**one) for one in json.loads(file.read_text())] if file.exists() else []


def record(home: Path, spec: JobSpec, *, before: str | None) -> None:
    """Write down that the job goes from the digest `before` to this spec. Whole or not at all, and durable."""
    after = Step(render.digest(spec), spec.choices)
    past = steps(home, spec.job)
    if before is not None and (not past or past[-1].digest != before):
        past = [Step(before, None)]
    told = [*(step for step in past if step.digest != after.digest), after]
    write_whole(_beside(home, spec.job, "json"), json.dumps([asdict(step) for step in told], indent=2) + "\n")


def wanted(home: Path, spec: JobSpec) -> JobSpec:
    """The spec that a keeper with `spec` shall run the job with.

    An upgrade that was killed in the middle may have stopped the job or not: among the specs of all steps, the one
    with the newest state counts, and where there is no state at all, the last one.
    """
    own, past = render.digest(spec), steps(home, spec.job)
    if own not in {step.digest for step in past}:
        return spec
    chosen = _newest([spec if step.digest == own else found for step in past if (found := _of(spec, step))])
    if render.digest(chosen) != own:
        log.warning(
            "`segue jobs upgrade` moved %s to other settings than this process has, which count until the next: %s",
            spec.name,
            {name: value for name, value in chosen.choices.items() if spec.choices[name] != value},
        )
    return chosen


def _beside(home: Path, job: LiveJob, suffix: str) -> Path:
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{job.name}.{suffix}"


def _newest(candidates: Sequence[JobSpec]) -> JobSpec:
    """The one with the newest state; of those without any, the last."""
    states = [newest(checkpoints(one)) for one in candidates]
    return candidates[max((state.written_ns if state else -1, place) for place, state in enumerate(states))[1]]


def _of(spec: JobSpec, step: Step) -> JobSpec | None:
    """The spec with the step's choices; None where they do not compute what they did (the SQL is another).

    Older releases wrote down every number among the settings: those that are no job's are passed over.
    """
    found = spec.with_choices(step.choices or {})
    return found if render.digest(found) == step.digest else None
