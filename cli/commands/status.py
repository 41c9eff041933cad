"""Show every part: health, port, memory, uptime."""

import typer

from cli import options
from cli.output import Output
from stack import health
from stack.stack import running_state


def command(home: options.Home = None, json: options.Json = False) -> None:
    """Show every part of the embedded stack: health, process, port, memory, uptime, restarts.

    Exit code 1 where no stack runs or a part of it does not answer.
    """
    output, settings = Output(as_json=json), options.settings(home)
    state = running_state(settings.home)
    parts = health.status(settings.home, flink_url=settings.flink_url, has_tls=settings.tls_certificate is not None)
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
