"""Open the dashboard: live tables, artists, trends, anomalies, listeners."""

import os
import sys
from typing import Annotated

import typer

from backend.domain.errors import Unavailable
from backend.listening import host_and_port, require_loopback
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
    require_loopback("dashboard_address", settings.dashboard_address)
    url = f"http://{settings.dashboard_address}"
    try:
        check_dashboard(settings.dashboard_address)
    except Unavailable:
        output.say(f"The dashboard opens on {url}; Ctrl-C ends it.")
        output.result({"url": url, "started": True})
        _become_streamlit(settings)
    output.say(f"A dashboard is already on {url}.")
    output.result({"url": url, "started": False})


def _become_streamlit(settings: Settings) -> None:
    """Replace this process by Streamlit's, so that signals reach it and nothing is left behind."""
    from analytics.dashboard import APP
    from cli.reach import environment

    host, port = host_and_port("dashboard_address", settings.dashboard_address)
    arguments = ["-m", "streamlit", "run", str(APP), f"--server.address={host}", f"--server.port={port}"]
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *arguments], environment(settings))  # noqa: S606 - no shell, fixed arguments
