"""Flink jobs: list, upgrade, restart, save; tidy up the archive."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from backend.domain.errors import SegueError
from backend.settings import Settings
from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaming.cluster import Health, Job
    from streaming.site import Site
    from streaming.spec import JobSpec
    from streaming.upgrade import Say, Upgrade

OneJob = Annotated[str | None, typer.Option("--job", help="Only this one: archive or live_tables (default: both).")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def jobs() -> None:
    """Flink jobs: list, upgrade, restart, save; tidy up the archive."""


@app.command("list")
def list_jobs(
    every: Annotated[bool, typer.Option("--all", help="Also jobs that have ended.")] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Show the tenant's jobs on the cluster: state, last checkpoint, restarts by themselves, back-pressure.

    "held back" is the share of time that the most held-back operator waited for those after it; near 100% the job
    cannot keep up. "MB" is the size of the last checkpoint.
    Exit code 1 where the job that fills the live tables or the one that fills the archive does not run, or fails again
    and again.
    """
    from streaming import verdict, wiring
    from streaming.live_jobs import wanted

    output, settings = Output(as_json=json), options.settings(home)
    cluster = wiring.cluster(settings)
    found = [job for job in cluster.jobs_of(settings.tenant) if every or job.is_alive]
    told = [(job, cluster.health(job, back_pressure=job.state == "RUNNING")) for job in found]
    now = datetime.now(UTC)
    output.table(
        "",
        ("job", "id", "state", "for", "checkpoint", "MB", "restarts", "held back"),
        [_row(job, health, now) for job, health in told],
    )
    output.result([asdict(job) | asdict(health) for job, health in told])
    are_well = True
    for spec in (wiring.job_spec(settings, job) for job in wanted(topic_feeds=settings.topic_feeds)):
        live = next(((job, health) for job, health in told if job.name == spec.name and job.is_alive), None)
        if live is None:
            are_well = False
            output.warn(f"{spec.name} does not run on {cluster.url}; `segue up` starts the keeper that submits it")
            continue
        found_so = verdict.judged(*live, checkpoint_seconds=spec.interval_seconds, now=now)
        if not found_so.is_well:
            are_well = False
            output.warn(f"{spec.name}: {found_so.told}")
    if not are_well:
        raise typer.Exit(1)


@app.command()
def upgrade(
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Compute every table again from the start of the log, whatever runs."),
    ] = False,
    job: OneJob = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Move the running jobs to what the settings and the SQL say now, without counting a play twice.

    There are two: `archive` fills the play archive, `live_tables` all other tables; one that computes what it shall
    goes on undisturbed. A job is stopped with a savepoint and goes on from it. Where its shape has changed so that
    Flink refuses the savepoint, its tables are computed again from the start of the log, and this command says so.
    Change the settings first (segue.toml or SEGUE_… variables). Rows that stand already are not computed again by
    other thresholds: that is what `segue backfill` or --replay is for. Use --replay also after a change of SQL that
    keeps the shape but gives an operator's state another meaning, which nobody but its author can see. A job that
    cannot be moved keeps no other from it. Exit code 1 where one did not do it.
    """
    from streaming import upgrade as moves

    def move(site: "Site", spec: "JobSpec", say: "moves.Say") -> moves.Upgrade:
        return moves.upgrade(site, spec, replay=replay, say=say)

    _move(Output(as_json=json), options.settings(home), job, move)


@app.command()
def restart(job: OneJob = None, home: options.Home = None, json: options.Json = False) -> None:
    """Stop the running jobs with a savepoint each and submit the same again from there."""
    from streaming import upgrade as moves

    def move(site: "Site", spec: "JobSpec", say: "moves.Say") -> moves.Upgrade:
        return moves.restart(site, spec, say=say)

    _move(Output(as_json=json), options.settings(home), job, move)


@app.command()
def savepoint(
    to: Annotated[str, typer.Option(help="Folder's URL (default: <checkpoints_url>/savepoints).")] = "",
    job: OneJob = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Save the running jobs' states into folders of their own; the jobs go on.

    The keeper never goes on from such a savepoint by itself: it is a copy for you to keep.
    """
    from streaming import upgrade as moves
    from streaming import wiring
    from streaming.live_jobs import chosen

    output, settings = Output(as_json=json), options.settings(home)
    saved = []
    for spec in (wiring.job_spec(settings, one) for one in chosen(job, topic_feeds=settings.topic_feeds)):
        with output.step(f"saving the state of {spec.name}", f"saved the state of {spec.name}"):
            url = moves.savepoint(wiring.cluster(settings), spec, to or f"{settings.checkpoints}/savepoints")
        output.say(url)
        saved.append({"name": spec.name, "savepoint": url})
    output.result(saved)


@app.command()
def compact(
    older_than_days: Annotated[
        int, typer.Option(min=1, help="Leave days alone that are younger; 1: every day before today (UTC).")
    ] = 1,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Make few large files of a past day's many small ones in the play archive; the job keeper does it every hour.

    A day is left alone until its late plays are in (lateness_minutes and an hour after it ends). Plays that stand
    twice, as after a computation from the start of the log, are kept once. Safe to kill at any moment.
    """
    from streaming import compact as archive

    output, settings = Output(as_json=json), options.settings(home)
    until = archive.last_day_to_compact(
        datetime.now(UTC), older_than_days=older_than_days, lateness_minutes=settings.lateness_minutes
    )
    done = []
    with archive.compacting(settings.home):
        for day in archive.compact(settings.archive, until=until):
            output.say(f"{day.day}: {day.files_before} files, now {day.files_after}; {day.rows:,} plays")
            done.append(day)
    if not done:
        output.say(f"nothing to compact up to {until} in {settings.archive}")
    output.result([asdict(day) | {"day": day.day.isoformat()} for day in done])


def _row(job: "Job", health: "Health", now: datetime) -> tuple[object, ...]:
    checkpoint = health.checkpoint
    waiting = "" if health.tasks_running == health.tasks else f" {health.tasks_running}/{health.tasks}"
    return (
        job.name,
        job.id[:8],
        f"{job.state}{waiting}",
        _span(now - job.since),
        f"{_span(now - checkpoint.at)} ago" if checkpoint else "none",
        round(checkpoint.bytes / 1e6, 2) if checkpoint else 0.0,
        health.restarts,
        f"{health.back_pressure:.0%}",
    )


def _span(time: timedelta) -> str:
    """In the largest unit of which there are two, as in 90 s, 5 min, 47 h, 3 d."""
    seconds = max(0.0, time.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _move(
    output: Output, settings: Settings, name: str | None, move: "Callable[[Site, JobSpec, Say], Upgrade]"
) -> None:
    """Move the jobs, or the one of this name; a failure is told, and the next job moved all the same."""
    from streaming import wiring
    from streaming.live_jobs import chosen

    site = wiring.site(settings)
    moved, failures = [], []
    for spec in (wiring.job_spec(settings, one) for one in chosen(name, topic_feeds=settings.topic_feeds)):
        try:
            done = move(site, spec, lambda text: output.say(f"… {text}"))
        except SegueError as error:
            failures.append(error)
            output.warn(f"{spec.name}: {error}")
        else:
            _tell(output, done)
            moved.append(done)
    output.result(moved)
    if failures:
        raise typer.Exit(1)


def _tell(output: Output, done: "Upgrade") -> None:
    if done.refused:
        output.warn(
            f"{done.name}: the savepoint did not fit the job as it is now, and nothing of it was used: {done.refused}"
        )
    if done.job == done.before:
        output.say(
            f"{done.name}: job {done.job} runs this SQL with these settings already; --replay computes its tables again"
        )
    elif done.went_on_from:
        output.say(f"{done.name}: job {done.job} has taken over from {done.before}, from {done.went_on_from}")
    else:
        output.say(
            f"{done.name}: job {done.job} replaces {done.before} and computes its tables from the start of the log"
        )
