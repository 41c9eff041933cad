"""Computes past days of the live tables again, in batch, from the same SQL files and the whole log.

The job reads every topic up to where it ended when the job began, and writes into the same result topics, whose primary
keys make the sink replace the rows. Windows look back for weeks, so all of the log is read whatever the range is; only
rows whose window_start lies in the range are written. Late plays that the live job left out of windows are left out
here too, where the SQL says so. Not backfilled: tables without a window_start, which hold the latest state, and the
archive, which is append-only. A row that today's SQL no longer makes stays where it is: nothing is deleted.

Days are whole and past, so that the live job has written its last word about them; a play that comes for such a day
while the backfill runs may be missing from its row until the next play or backfill.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from backend.domain.errors import InvalidInput, SegueError, Unavailable, Violation
from streaming import render, submit
from streaming.cluster import Cluster, root_cause
from streaming.compact import last_settled_day
from streaming.schema import schema
from streaming.spec import JobSpec

WINDOW = "window_start"
LONGEST_SECONDS = 24 * 3600.0
_CREATED = re.compile(r"^CREATE TABLE `?(\w+)`?")
_INSERT = re.compile(r"^INSERT INTO `?(\w+)`?\s+(.*)$", re.DOTALL)
_BOUNDED = "'scan.bounded.mode' = 'latest-offset'"
_START = "'scan.startup.mode' = 'earliest-offset'"

Look = Callable[[float], None]
"""Is told the share of the job, 0..1, that is done."""


@dataclass(frozen=True, slots=True)
class Days:
    """Whole UTC days from `first` until before `end`."""

    first: date
    end: date

    def check(self, now: datetime, *, lateness_minutes: int) -> None:
        """Raises InvalidInput where there is no day in it, or one whose late plays may still come."""
        if self.first >= self.end:
            raise InvalidInput([Violation("--to", f"{self.end} is not after {self.first}; it is not computed itself")])
        limit = last_settled_day(now, lateness_minutes=lateness_minutes) + timedelta(days=1)
        if self.end > limit:
            raise InvalidInput(
                [Violation("--to", f"days from {limit} on are still being counted; give {limit} or less")]
            )

    def condition(self) -> str:
        """The SQL condition on a row's window."""
        first, end = (round(datetime.combine(day, time(), UTC).timestamp() * 1000) for day in (self.first, self.end))
        return f"{WINDOW} >= TO_TIMESTAMP_LTZ({first}, 3) AND {WINDOW} < TO_TIMESTAMP_LTZ({end}, 3)"


def tables() -> list[str]:
    """Tables that can be backfilled: keyed ones whose rows belong to a window."""
    return [
        table
        for table in render.LIVE_TABLES
        if schema(table).key and any(column.name == WINDOW for column in schema(table).columns)
    ]


def chosen(names: Sequence[str]) -> list[str]:
    """These tables in the order of the job; all that can be, where none is named. Raises InvalidInput."""
    known = tables()
    if unknown := sorted(set(names) - set(known)):
        raise InvalidInput(
            [Violation("--tables", f"{', '.join(unknown)} cannot be backfilled; choose from {', '.join(known)}")]
        )
    return [table for table in known if table in names or not names]


def job_name(tenant: str) -> str:
    """The job's name on the cluster."""
    return f"{tenant}.backfill"


def script(spec: JobSpec, names: Sequence[str], days: Days) -> str:
    """The job as a file for Flink's SQL client."""
    definitions, inserts = render.job_statements(spec, names, batch=True)
    options = render.planner_options(spec, name=job_name(spec.tenant)) | {
        "execution.runtime-mode": "BATCH",
        # The cluster's own strategy tries for ever; who waits for a backfill wants to hear why it does not end.
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "2",
        "restart-strategy.fixed-delay.delay": "1 s",
    }
    ending = [part for definition in definitions for part in bounded(definition, filled=names)]
    return render.sql_file(options, ending, [within(insert, days) for insert in inserts])


def bounded(definition: str, *, filled: Sequence[str]) -> list[str]:
    """A definition for a job that ends: what is read from Kafka is read up to where it ends now.

    Batch plans read no upsert-kafka table: a compacted topic is read as the log that it is, and a view of the table's
    name takes the last record of each key.
    """
    created = _CREATED.match(definition)
    if created is None or created[1] in filled:
        return [definition]
    if "'upsert-kafka'" in definition:
        return _latest_of_each_key(definition, created[1])
    return [definition.replace(_START, f"{_START},\n  {_BOUNDED}")]


def _latest_of_each_key(definition: str, table: str) -> list[str]:
    key = re.search(r",\s*PRIMARY KEY \((\w+)\) NOT ENFORCED", definition)
    if key is None:
        raise SegueError(f"source table {table} has no primary key of one column; give it one in streaming/sources/")
    log = definition.replace(key[0], ",\n  offset_in_log BIGINT METADATA FROM 'offset' VIRTUAL")
    log = _CREATED.sub(f"CREATE TABLE {table}_log", log)
    log = log.replace("'upsert-kafka'", f"'kafka',\n  {_START},\n  {_BOUNDED},\n  'key.fields' = '{key[1]}'", 1)
    last = f"ROW_NUMBER() OVER (PARTITION BY {key[1]} ORDER BY offset_in_log DESC)"
    view = (
        f"CREATE TEMPORARY VIEW {table} AS\n"  # noqa: S608 - names from our own DDL
        f"SELECT * FROM (\n  SELECT *, {last} AS nth_from_last FROM {table}_log\n)\nWHERE nth_from_last = 1"
    )
    return [log, view]


def within(insert: str, days: Days) -> str:
    """The INSERT with only those of its rows whose window_start lies in these days."""
    found = _INSERT.match(insert)
    if found is None:
        raise SegueError(f"not an INSERT INTO table: {insert[:60]}…; see streaming/jobs/")
    columns = ", ".join(f"`{column.name}`" for column in schema(found[1]).columns)
    return f"INSERT INTO {found[1]}\nSELECT * FROM (\n{found[2]}\n) AS computed ({columns})\nWHERE {days.condition()}"


def run(cluster: Cluster, spec: JobSpec, names: Sequence[str], days: Days, *, look: Look = lambda _: None) -> str:
    """Submit the job and wait for its end; its id. Interrupted, it cancels the job: rows written until then stay.

    Raises Unavailable where another backfill runs, the cluster does not take the job, or the job fails.
    """
    name = job_name(spec.tenant)
    if any(job.is_alive for job in cluster.jobs(name)):
        raise Unavailable(f"{name} runs already; wait for its end, see `segue jobs list`")
    job_id = submit.run_sql(cluster, script(spec, names, days))
    job = next(job for job in cluster.jobs(name) if job.id == job_id)
    try:
        state = cluster.await_end(job, timeout_seconds=LONGEST_SECONDS, look=lambda: look(cluster.progress(job)))
    except BaseException:
        cluster.cancel(job)
        raise
    if state != "FINISHED":
        failure = root_cause(cluster.health(job).failure)
        raise Unavailable(f"the backfill is {state}: {failure}; the JobManager's log says more, see `segue status`")
    return job_id
