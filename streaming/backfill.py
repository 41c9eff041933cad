"""Computes past days of the live tables again, in batch, from the same SQL files and the whole log.

The job reads every topic up to where it ended when the job began, and writes into the same result topics, whose primary
keys make the sink replace the rows. Windows look back for weeks, so all of the log is read whatever the range is; only
rows whose window_start lies in the range are written. Late plays that the live job left out of windows are left out
here too, but history is not: whatever stood before it in the log, it counts on its days. Charts hold
the latest window of each item, and are computed up to the end of the days (charts.py). Not backfilled: tables without a
window, which hold the latest state, and the archive, which is append-only.

A row of the days that the job no longer makes is deleted afterwards: its last record stands before where the table's
topic ended when the job began (result_topics.py). What the live job writes meanwhile stands behind that, and stays. A
backfill that is killed deletes nothing, or a part; the next one does it all.

Days are whole and past, so that the live job has written its last word about them; a play that comes for such a day
while the backfill runs may be missing from its row until the next play or backfill.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from backend.domain.errors import InvalidInput, SegueError, Unavailable, Violation
from backend.ports.event_log import EventLog, TopicPartition
from backend.ports.store import Scalar, TableStore
from streaming import charts, gateway, render, result_topics
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

    def check(self, now: datetime, *, lateness_minutes: int, events_days: int = 0) -> None:
        """Raises InvalidInput where there is no day in it, or one whose late plays may still come.

        Or one whose plays the log may have lost, which keeps them so many days (0: for ever): its rows would go.
        """
        if self.first >= self.end:
            raise InvalidInput([Violation("--to", f"{self.end} is not after {self.first}; it is not computed itself")])
        limit = last_settled_day(now, lateness_minutes=lateness_minutes) + timedelta(days=1)
        if self.end > limit:
            raise InvalidInput(
                [Violation("--to", f"days from {limit} on are still being counted; give {limit} or less")]
            )

        kept_from = now.astimezone(UTC).date() - timedelta(days=events_days - 1)
        if events_days and self.first < kept_from:
            raise InvalidInput(
                [Violation("--from", f"the log may not hold all plays of days before {kept_from}; give it or more")]
            )

    def holds(self, moment: object) -> bool:
        """Whether a row's window starts on one of the days."""
        return isinstance(moment, datetime) and self.first <= moment.astimezone(UTC).date() < self.end

    def condition(self) -> str:
        """The SQL condition on a row's window."""
        first, end = (round(datetime.combine(day, time(), UTC).timestamp() * 1000) for day in (self.first, self.end))
        return f"{WINDOW} >= TO_TIMESTAMP_LTZ({first}, 3) AND {WINDOW} < TO_TIMESTAMP_LTZ({end}, 3)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """The job that wrote the rows, and how many of each table it no longer made: they are deleted."""

    job: str
    deleted: Mapping[str, int]


def tables() -> list[str]:
    """Tables that can be backfilled: keyed ones whose rows belong to a window."""
    return [
        table
        for table in render.LIVE_TABLES
        if table in charts.charts()
        or (schema(table).key and any(column.name == WINDOW for column in schema(table).columns))
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


def script(spec: JobSpec, names: Sequence[str], days: Days) -> list[str]:
    """The job's statements."""
    definitions, inserts = render.job_statements(spec, names, batch=True, charts_until=charts.until(days.end))
    options = render.planner_options(spec, name=job_name(spec.tenant)) | {
        "execution.runtime-mode": "BATCH",
        # The cluster's own strategy tries for ever; who waits for a backfill wants to hear why it does not end.
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "2",
        "restart-strategy.fixed-delay.delay": "1 s",
    }
    ending = [part for definition in definitions for part in bounded(definition, filled=names, days=days)]
    return render.script(options, ending, [within(insert, days) for insert in inserts])


def bounded(definition: str, *, filled: Sequence[str], days: Days) -> list[str]:
    """A definition for a job that ends: what is read from Kafka is read up to where it ends now.

    Batch plans read no upsert-kafka table: a compacted topic is read as the log that it is, and a view of the table's
    name takes the last record of each key. Beside a chart that is filled stands what it holds of later windows.
    """
    created = _CREATED.match(definition)
    if created is None:
        return [definition]
    if created[1] in filled:
        is_chart = created[1] in charts.charts()
        bounds = f"{_START},\n  {_BOUNDED}"
        return [definition, *(charts.later(definition, created[1], days.end, bounds=bounds) if is_chart else ())]
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
    """The INSERT with only those of its rows whose window_start lies in these days.

    Of a chart with those of its items of which it holds no later window; they are bounded already.
    """
    found = _INSERT.match(insert)
    if found is None:
        raise SegueError(f"not an INSERT INTO table: {insert[:60]}…; see streaming/jobs/")
    if found[1] in charts.charts():
        return f"INSERT INTO {found[1]}\n{charts.unless_later(found[2], found[1])}"
    columns = ", ".join(f"`{column.name}`" for column in schema(found[1]).columns)
    return f"INSERT INTO {found[1]}\nSELECT * FROM (\n{found[2]}\n) AS computed ({columns})\nWHERE {days.condition()}"


def run(
    cluster: Cluster,
    spec: JobSpec,
    names: Sequence[str],
    days: Days,
    *,
    log: EventLog,
    store: TableStore,
    look: Look = lambda _: None,
) -> Backfilled:
    """Compute the days again; when it returns the store holds of them what the job has made, and nothing else.

    Interrupted, it cancels the job: rows written until then stay. Raises Unavailable where another backfill runs, the
    cluster does not take the job, or the job fails, and where log or sink do not do their part.
    """
    before = log.ends(names)
    job = _run_job(cluster, spec, names, days, look)

    def stale(is_of_days: Callable[[Mapping[str, Scalar]], bool]) -> result_topics.IsGone:
        return lambda record, row: (
            record.offset < before[TopicPartition(record.topic, record.partition)] and is_of_days(row)
        )

    deleted = {}
    for table in names:
        if table in charts.charts():
            charts.put_newest_last(log, table, before)
            deleted[table] = result_topics.delete_rows(log, table, stale(charts.had_ended(days.end)))
        else:
            deleted[table] = result_topics.delete_rows(log, table, stale(lambda row: days.holds(row[WINDOW])))
    result_topics.await_carried(store, log.ends(names))
    return Backfilled(job=job, deleted=deleted)


def _run_job(cluster: Cluster, spec: JobSpec, names: Sequence[str], days: Days, look: Look) -> str:
    """Submit the job and wait for its end; its id."""
    name = job_name(spec.tenant)
    if any(job.is_alive for job in cluster.jobs(name)):
        raise Unavailable(f"{name} runs already; wait for its end, see `segue jobs list`")
    job_id = gateway.run(cluster, script(spec, names, days))
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
