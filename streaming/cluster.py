"""A Flink session cluster over its REST address: which jobs run, how they are, and how they are stopped."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from backend import web
from backend.domain.errors import Unavailable
from backend.logins import without_logins

_ALIVE = frozenset({"INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "CANCELLING", "RECONCILING"})
_NO_CHECKPOINTS = ("Checkpointing has not been enabled", "for initializing job")
_ON_THE_SERVER = "<Exception on server side:"
"""Flink writes it in a line before the error itself."""
_LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Job:
    """A job on the cluster; `state` is Flink's word, for example RUNNING; `since` is when it was submitted, UTC."""

    id: str
    name: str
    state: str
    since: datetime

    @property
    def is_alive(self) -> bool:
        """Whether it runs or will run again by itself."""
        return self.state in _ALIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A completed checkpoint: where it stands, when it was complete, its bytes."""

    url: str
    at: datetime
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a job is: its tasks, checkpoints, restarts by itself since it was submitted, and what it failed of last.

    `back_pressure` is the share of time, 0..1, that the most held-back operator waited for those after it.
    """

    tasks_running: int
    tasks: int
    checkpoints: int
    checkpoint: Checkpoint | None
    restarts: int
    back_pressure: float
    failure: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Flink session cluster at its REST address, for example http://127.0.0.1:8081.

    `sql_url` is where the SQL gateway is through which jobs are submitted. Every method that asks raises Unavailable.
    """

    url: str
    sql_url: str = ""

    def request(self, path: str, *, method: str = "GET", body: Mapping[str, object] | None = None) -> Any:
        """What Flink answers, decoded. Raises Unavailable with Flink's own words where it refuses."""
        url = f"{self.url}{path}"
        try:
            with web.client(timeout_seconds=10) as client:
                answer = client.request(method, url, json=body)
            if not answer.is_success:
                raise Unavailable(f"Flink refuses {method} {path}: {_words(answer)}")
            return answer.json() if answer.content else {}
        except (*web.FAILURES, ValueError) as error:
            raise Unavailable(without_logins(f"Flink does not answer at {url}: {error}")) from error

    def jobs(self, name: str) -> list[Job]:
        """Every job of that name that the cluster remembers, newest first. Raises Unavailable."""
        return [job for job in self.every_job() if job.name == name]

    def running(self, name: str) -> Job | None:
        """The job of that name that runs, or will run again by itself; None where there is none. Raises Unavailable."""
        return next((job for job in self.jobs(name) if job.is_alive), None)

    def jobs_of(self, tenant: str) -> list[Job]:
        """Every job of the tenant that the cluster remembers, newest first. Raises Unavailable."""
        return [job for job in self.every_job() if job.name.startswith(f"{tenant}.")]

    def every_job(self) -> list[Job]:
        """Every job that the cluster remembers, whoever's it is, newest first. Raises Unavailable."""
        rows = self.request("/jobs/overview")["jobs"]
        found = [Job(row["jid"], row["name"], row["state"], _moment(row["start-time"])) for row in rows]
        return sorted(found, key=lambda job: job.since, reverse=True)

    def health(self, job: Job, *, back_pressure: bool = False) -> Health:
        """How the job is; `back_pressure` costs a request per operator, and is 0 where not asked."""
        vertices = self.request(f"/jobs/{job.id}")["vertices"]
        checkpoints = self._checkpoints(job)
        restarts = self.request(f"/jobs/{job.id}/metrics?get=numRestarts")
        failed = self.request(f"/jobs/{job.id}/exceptions?maxExceptions=1")["exceptionHistory"]["entries"]
        return Health(
            tasks_running=sum(vertex["tasks"]["RUNNING"] for vertex in vertices),
            tasks=sum(vertex["parallelism"] for vertex in vertices),
            checkpoints=checkpoints["counts"]["completed"] if checkpoints else 0,
            checkpoint=_latest(checkpoints["latest"]) if checkpoints else None,
            restarts=int(restarts[0]["value"]) if restarts else 0,
            back_pressure=max((self._held_back(job, vertex["id"]) for vertex in vertices), default=0.0)
            if back_pressure
            else 0.0,
            failure=failed[0]["stacktrace"] if failed else "",
        )

    def _checkpoints(self, job: Job) -> Any:
        """Flink's statistics of them; None for a batch job, which takes none, and for one that is only just starting.

        Of that one Flink 2.3 answers 500: its JobMaster is not there yet.
        """
        try:
            return self.request(f"/jobs/{job.id}/checkpoints")
        except Unavailable as error:
            if any(words in str(error) for words in _NO_CHECKPOINTS):
                return None
            raise

    def _held_back(self, job: Job, vertex: str) -> float:
        measured = self.request(
            f"/jobs/{job.id}/vertices/{vertex}/subtasks/metrics?get=backPressuredTimeMsPerSecond&agg=max"
        )
        return min(float(measured[0]["max"]) / 1000, 1.0) if measured else 0.0

    def savepoint(self, job: Job, folder: str, *, stop: bool, timeout_seconds: float = 600) -> str:
        """Save the job's state into a new folder under the one at `folder`; with `stop` the job is stopped with it.

        Returns the savepoint's URL; it is complete, and a stopped job has ended. Raises Unavailable; the job then goes
        on.
        """
        body: Mapping[str, object] = (
            {"targetDirectory": folder, "drain": False} if stop else {"target-directory": folder, "cancel-job": False}
        )
        path = f"/jobs/{job.id}/{'stop' if stop else 'savepoints'}"
        trigger = self.request(path, method="POST", body=body)["request-id"]
        deadline = time.monotonic() + timeout_seconds
        while (told := self.request(f"/jobs/{job.id}/savepoints/{trigger}"))["status"]["id"] != "COMPLETED":
            if time.monotonic() > deadline:
                raise Unavailable(f"Flink has not finished the savepoint of {job.name} within {timeout_seconds:.0f} s")
            time.sleep(_LOOK_SECONDS)
        outcome = told["operation"]
        if "location" not in outcome:
            cause = outcome.get("failure-cause", {})
            raise Unavailable(
                f"Flink made no savepoint of {job.name}: {root_cause(cause.get('stack-trace', str(cause)))}"
            )
        if stop:
            self.await_end(job)
        return as_url(outcome["location"])

    def cancel(self, job: Job) -> None:
        """End the job at once; its retained checkpoints stay. Returns when it has ended. Raises Unavailable."""
        self.request(f"/jobs/{job.id}?mode=cancel", method="PATCH")
        self.await_end(job)

    def await_end(
        self,
        job: Job,
        *,
        timeout_seconds: float = 60,
        look: Callable[[], None] = lambda: None,
    ) -> str:
        """Wait until the job no longer runs; Flink's word for how it ended. `look` is called between two looks."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            state = str(self.request(f"/jobs/{job.id}")["state"])
            if state not in _ALIVE:
                return state
            look()
            time.sleep(_LOOK_SECONDS)
        raise Unavailable(f"{job.name} ({job.id}) has not ended within {timeout_seconds:.0f} s")

    def progress(self, job: Job) -> float:
        """The share, 0..1, of a batch job's tasks that have ended; those not planned yet count as one per operator."""
        row = next(row for row in self.request("/jobs/overview")["jobs"] if row["jid"] == job.id)
        total = row["tasks"]["total"] + row["pending-operators"]
        return float(row["tasks"]["finished"] / total) if total else 0.0


def _words(answer: httpx.Response) -> str:
    """The first line of each error that Flink names; status and answer as they are where it names none."""
    try:
        errors = answer.json()["errors"]
    except (ValueError, KeyError, TypeError):
        return web.told(answer)
    lines = [str(error).removeprefix(_ON_THE_SERVER).strip().splitlines() for error in errors if error]
    return "; ".join(told[0] for told in lines if told)


def _latest(latest: Mapping[str, Any]) -> Checkpoint | None:
    one = latest["completed"]
    if one is None:
        return None
    return Checkpoint(url=one["external_path"], at=_moment(one["latest_ack_timestamp"]), bytes=one["state_size"])


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def as_url(location: str) -> str:
    """Flink writes file:/folder where others write file:///folder."""
    return location.replace("file:/", "file:///", 1) if not location.startswith("file://") else location


def root_cause(stack_trace: str) -> str:
    """The last "Caused by" of a Java stack trace, else its first line."""
    lines = [line.strip() for line in stack_trace.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return (causes[-1].removeprefix("Caused by:").strip() if causes else "".join(lines[:1]))[:500]
