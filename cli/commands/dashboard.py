"""Open the dashboard: live tables, artists, trends, anomalies, listeners."""

import os
import sys
from typing import Annotated

import typer

from backend.domain.errors import SegueError, Unavailable
from backend.settings import Settings
from cli import options
from cli.output import Output


def command(
    address: Annotated[
        str | None, typer.Option("--address", help="Where to listen, host:port on loopback (SEGUE_DASHBOARD_ADDRESS).")
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Open the dashboard: live tables, artists, trends, anomalies, and what a listener would be recommended.

    Where the stack already serves one, this only says where. Otherwise it is served until Ctrl-C. It listens on
    loopback only, since it shows everything to whoever reaches it.
    """
    from stack.services import check_dashboard

    output, settings = Output(as_json=json), options.settings(home, dashboard_address=address)
    host, port = _listen_address(settings)
    url = f"http://{host}:{port}"
    try:
        check_dashboard(settings.dashboard_address)
    except Unavailable:
        output.say(f"The dashboard opens on {url}; Ctrl-C ends it.")
        output.result({"url": url, "started": True})
        _become_streamlit(settings, host, port)
    output.say(f"A dashboard is already on {url}.")
    output.result({"url": url, "started": False})


def _listen_address(settings: Settings) -> tuple[str, int]:
    host, _, port = settings.dashboard_address.rpartition(":")
    if host not in {"127.0.0.1", "localhost"} or not port.isdigit():
        raise SegueError(
            f"dashboard_address is {settings.dashboard_address}: the dashboard has no login, so it listens only on "
            "127.0.0.1:PORT; put a proxy with a login before it to show it to others"
        )
    return host, int(port)


def _become_streamlit(settings: Settings, host: str, port: int) -> None:
    """Replace this process by Streamlit's, so that signals reach it and nothing is left behind."""
    from analytics.dashboard import APP
    from cli.reach import environment

    arguments = ["-m", "streamlit", "run", str(APP), f"--server.address={host}", f"--server.port={port}"]
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *arguments], environment(settings))  # noqa: S606 - no shell, fixed arguments
