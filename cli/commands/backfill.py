"""Compute past days of the live tables again from the log."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import options
from cli.output import Output

Day = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, UTC.")]
End = Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last one, UTC.")]


def command(
    first: Day,
    end: End,
    tables: Annotated[
        list[str] | None, typer.Option(help="A table to compute; may be given again (default: all that can be).")
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Compute past days again, with the SQL and the settings of now, and put the rows in the place of the old ones.

    For example after `segue jobs upgrade` changed a threshold, or after rows were lost. A batch job on the same Flink
    cluster reads the whole log and writes the rows whose window starts on one of the days; the live job goes on beside
    it. Only whole days that have ended can be computed. Rows of theirs that are no longer made are deleted. Returns
    when the store holds all of it. Interrupting the command cancels the job.
    """
    from streaming import backfill, wiring

    output, settings = Output(as_json=json), options.settings(home)
    cluster = wiring.cluster(settings)
    days = backfill.Days(first.date(), end.date())
    days.check(
        datetime.now(UTC), lateness_minutes=settings.lateness_minutes, events_days=settings.retention_events_days
    )
    names = backfill.chosen([name for given in tables or () for name in given.split(",") if name])
    output.say(f"… computing {', '.join(names)} from {days.first} until before {days.end}")
    began = time.monotonic()
    with (
        wiring.log_and_store(settings) as (event_log, store),
        output.bar("computing", 100) as progress,
    ):
        task = progress.task_ids[0]
        done = backfill.run(
            cluster,
            wiring.job_spec(settings),
            names,
            days,
            log=event_log,
            store=store,
            look=lambda share: progress.update(task, completed=round(100 * share)),
        )
    seconds = time.monotonic() - began
    gone = sum(done.deleted.values())
    output.done(f"job {done.job} has written the rows, {gone} that it no longer made are deleted", seconds)
    output.result(
        {
            "job": done.job,
            "tables": names,
            "deleted": dict(done.deleted),
            "from": days.first.isoformat(),
            "to": days.end.isoformat(),
            "seconds": round(seconds, 1),
        }
    )
