"""Show every part: health, port, memory, uptime."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from backend.domain.errors import Unavailable
from backend.settings import Settings
from cli import options
from cli.output import Output
from stack import health
from stack.stack import running_state
from stack.state import StackState

DISK = "disk"

if TYPE_CHECKING:
    from streaming.archive_age import Archive
    from streaming.live_jobs import LiveJob


def command(home: options.Home = None, json: options.Json = False) -> None:
    """Show every part of the embedded stack: health, process, port, memory, uptime, restarts.

    Three lines are no processes: the disk, with what is left on it, and last the jobs that fill the play archive and
    the live tables: whether their tasks run, they are saved in time, and what is counted comes into the archive. With
    --json `archive` tells of that. Exit code 1 where no stack runs, a part of it does not answer, the disk is so full
    that no plays are taken, or a job is not well.
    """
    from streaming.live_jobs import ARCHIVE, wanted

    output, settings = Output(as_json=json), options.settings(home)
    state = running_state(settings.home)
    parts = health.status(settings.home, flink_url=settings.flink_url, has_tls=settings.tls_certificate is not None)
    cluster = next((part for part in parts if part.name == "flink-jobmanager" and part.is_well), None)
    archive = None
    if state is not None:
        parts.append(_disk(settings, state))
    if cluster is not None:
        for job in wanted(topic_feeds=settings.topic_feeds):
            line, seen = _live_job(settings, cluster, job)
            parts.append(line)
            archive = seen if job == ARCHIVE else archive
    if state is None:
        output.say(f"No stack runs in {settings.home}; start it with `segue up`.")
    else:
        rows = [
            (part.name, _short(part), part.pid, part.port, part.rss_mb, part.uptime_seconds, part.restarts)
            for part in parts
        ]
        output.table("", ("part", "health", "pid", "port", "memory MB", "up s", "restarts"), rows)
        if not state.parts:
            output.warn(f"a supervisor runs (process {state.pid}); of its parts nothing is known: {state.error}")
        for part in parts:
            if part.name == DISK and not part.is_well:
                output.warn(part.health)
        output.say(f"{sum(part.rss_mb for part in parts):,.0f} MB in all; logs in {settings.home / 'logs'}")
    output.result({"running": state is not None, "parts": parts, "archive": archive})
    if state is None or not all(part.is_well for part in parts):
        raise typer.Exit(1)


def _short(part: health.PartStatus) -> str:
    """Its health, as far as it fits a cell: what a full disk means, its line below the table says in full."""
    return part.health.partition(":")[0] if part.name == DISK else part.health


def _disk(settings: Settings, supervisor: StackState) -> health.PartStatus:
    """The disk of the parts' data, as a line beside the parts: what is left, and whether new plays are taken."""
    from backend import wiring
    from backend.room import disk_of

    room = wiring.room(settings)
    room.measure()
    return health.PartStatus(
        name=DISK,
        is_well=not room.shortage,
        phase=supervisor.phase,
        health=f"no plays are taken: {room.shortage}" if room.shortage else f"{disk_of(settings.home).left} left",
        pid=None,
        port=None,
        rss_mb=0.0,
        uptime_seconds=0.0,
        restarts=0,
        log=str(settings.home / "logs" / "server.log"),
    )


def _live_job(
    settings: Settings, cluster: health.PartStatus, job: "LiveJob"
) -> "tuple[health.PartStatus, Archive | None]":
    """A job on the cluster, as a line beside the parts, and the archive where it is looked at: its job is well."""
    from streaming import verdict, wiring
    from streaming.live_jobs import ARCHIVE

    archive = None
    now, spec = datetime.now(UTC), wiring.job_spec(settings, job)
    every = spec.interval_seconds
    try:
        on_cluster = wiring.cluster(settings)
        found = verdict.live_job(
            on_cluster.jobs(spec.name),
            on_cluster.health,
            checkpoint_seconds=every,
            now=now,
            up_seconds=cluster.uptime_seconds,
        )
        if job == ARCHIVE and found.is_well and found.since is not None:
            archive = _archive(settings, since=found.since, until=now - verdict.longest(every))
            found = verdict.with_archive(found, archive, checkpoint_seconds=every, now=now)
    except Unavailable as error:
        found = verdict.Verdict(is_well=False, told=str(error), since=None, restarts=0)
    line = health.PartStatus(
        name=spec.name,
        is_well=found.is_well,
        phase=cluster.phase,
        health=found.told,
        pid=None,
        port=None,
        rss_mb=0.0,
        uptime_seconds=round((now - found.since).total_seconds(), 1) if found.since is not None else 0.0,
        restarts=found.restarts,
        log=str(Path(cluster.log).with_name("flink-taskmanager.log")),
    )
    return line, archive


def _archive(settings: Settings, *, since: datetime, until: datetime) -> "Archive":
    from backend import wiring
    from streaming import archive_age

    with closing(wiring.store(settings)) as store:
        event_log = wiring.event_log(settings)
        try:
            return archive_age.look(settings.archive, event_log, store, since=since, until=until)
        finally:
            event_log.close(timeout_seconds=1)
