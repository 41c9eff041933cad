"""Runs the statements of a job through Flink's SQL gateway, by its REST address.

Each script has a session of its own, so its tables and views are nobody else's and go with it; the job that it submits
stays. Which cluster the job goes to says the session, so one gateway serves any. What a client that is started for each
job would do again, loading and warming the planner, the gateway has done (docs/adr/0016-two-jobs.md).
See Flink's documentation, Table API & SQL, SQL gateway, REST endpoint.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from backend import web
from backend.domain.errors import Unavailable
from backend.logins import without_logins
from streaming.cluster import Cluster

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 60.0
"""How long one answer may take: a gateway whose machine is busy planning still tells how far it is."""


def run(cluster: Cluster, script: Sequence[str], *, timeout_seconds: float = 300) -> str:
    """Run the statements in their order; the id of the job that the last one submitted.

    Raises Unavailable where the gateway does not answer, and with Flink's own words where it refuses a statement.
    """
    deadline = time.monotonic() + timeout_seconds
    where = urlsplit(cluster.url)
    properties = {
        "execution.target": "remote",
        "rest.address": str(where.hostname),
        "rest.port": str(where.port or 8081),
    }
    with web.client(timeout_seconds=_ANSWER_SECONDS) as client:
        opened = _ask(client, "POST", f"{cluster.sql_url}/v3/sessions", {"properties": properties})
        session = f"{cluster.sql_url}/v3/sessions/{opened['sessionHandle']}"
        try:
            answers = [_run(client, session, statement, deadline) for statement in script]
        finally:
            _close(client, session)
    if not answers or "jobID" not in answers[-1]:
        raise Unavailable("Flink's SQL gateway ran the statements, and submitted no job")
    return str(answers[-1]["jobID"])


def _close(client: httpx.Client, session: str) -> None:
    try:
        _ask(client, "DELETE", session)
    except Unavailable as error:
        log.warning("a session stays open until nobody has asked for ten minutes: %s", error)


def _run(client: httpx.Client, session: str, statement: str, deadline: float) -> dict[str, Any]:
    """The first page of what the statement brought, once it has ended."""
    began = _ask(client, "POST", f"{session}/statements", {"statement": statement})
    operation = f"{session}/operations/{began['operationHandle']}"
    while (answer := _ask(client, "GET", f"{operation}/result/0?rowFormat=JSON"))["resultType"] == "NOT_READY":
        if time.monotonic() > deadline:
            raise Unavailable("Flink's SQL gateway has not submitted the job in time; see its log, `segue status`")
        time.sleep(_LOOK_SECONDS)
    return answer


def _ask(client: httpx.Client, method: str, url: str, body: object = None) -> dict[str, Any]:
    try:
        answer = client.request(method, url, json=body)
        told: dict[str, Any] = answer.json()
    except (*web.FAILURES, ValueError) as error:
        where = url.partition("/v3")[0]
        told_of = f"Flink's SQL gateway does not answer at {where}: {error or type(error).__name__}"
        raise Unavailable(f"{without_logins(told_of)}; start it, or set flink_sql_url") from error
    if not answer.is_success:
        raise Unavailable(f"Flink refused the job:\n{_complaint(told)}")
    return told


def _complaint(told: dict[str, Any]) -> str:
    """The lines of the gateway's errors that say what went wrong, or their end."""
    lines = [line for error in told.get("errors", [str(told)]) for line in str(error).splitlines()]
    telling = [line for line in lines if "Caused by" in line or (":" in line and "Exception" in line.partition(":")[0])]
    return "\n".join((telling or lines)[-8:])
