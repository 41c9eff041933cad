"""Show every part: health, port, memory, uptime."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from backend.domain.errors import Unavailable
from backend.settings import Settings
from cli import options
from cli.output import Output
from stack import health
from stack.stack import running_state


def command(home: options.Home = None, json: options.Json = False) -> None:
    """Show every part of the embedded stack: health, process, port, memory, uptime, restarts.

    The last line is no process but the job that fills the live tables: whether its tasks run and it is saved in time.
    Exit code 1 where no stack runs, a part of it does not answer, or the job is not well.
    """
    output, settings = Output(as_json=json), options.settings(home)
    state = running_state(settings.home)
    parts = health.status(settings.home, flink_url=settings.flink_url, has_tls=settings.tls_certificate is not None)
    cluster = next((part for part in parts if part.name == "flink-jobmanager" and part.is_well), None)
    if cluster is not None:
        parts.append(_live_job(settings, cluster))
    if state is None:
        output.say(f"No stack runs in {settings.home}; start it with `segue up`.")
    else:
        rows = [
            (part.name, part.health, part.pid, part.port, part.rss_mb, part.uptime_seconds, part.restarts)
            for part in parts
        ]
        output.table("", ("part", "health", "pid", "port", "memory MB", "up s", "restarts"), rows)
        output.say(f"{sum(part.rss_mb for part in parts):,.0f} MB in all; logs in {settings.home / 'logs'}")
    output.result({"running": state is not None, "parts": parts})
    if state is None or not all(part.is_well for part in parts):
        raise typer.Exit(1)


def _live_job(settings: Settings, cluster: health.PartStatus) -> health.PartStatus:
    """The job on the cluster, as a line beside the parts."""
    from streaming import render, verdict, wiring

    now, name = datetime.now(UTC), render.job_name(settings.tenant)
    try:
        on_cluster = wiring.cluster(settings)
        found = verdict.live_job(
            on_cluster.jobs(name),
            on_cluster.health,
            checkpoint_seconds=settings.checkpoint_seconds,
            now=now,
            up_seconds=cluster.uptime_seconds,
        )
    except Unavailable as error:
        found = verdict.Verdict(is_well=False, told=str(error), since=None, restarts=0)
    return health.PartStatus(
        name=name,
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
