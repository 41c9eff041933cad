"""Start the embedded stack in the background."""

import time
from typing import Annotated

import typer

from cli import options
from cli.bring_up import visible_stack
from cli.output import Output
from stack import health, plan


def command(
    parts: Annotated[str, typer.Option(help="Parts to start, comma-separated.")] = ",".join(plan.ALL),
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Start the embedded stack in the background and wait until it is healthy.

    Kafka, Flink, the store, the server, the sink, the job keeper and the dashboard run on this machine's loopback
    until `segue down`. Running it again does nothing.
    """
    output, settings = Output(as_json=json), options.settings(home)
    started = time.monotonic()
    stack = visible_stack(settings, output, parts=parts.split(","), detached=True)
    fresh = stack.start()
    seconds = round(time.monotonic() - started, 1)
    output.say(f"The stack is up ({seconds} s)." if fresh else "The stack was up already.")
    running = stack.settings
    addresses = {part.name: part.address for part in stack.state.parts}
    if "server" in addresses:
        output.say(f"gRPC: {addresses['server']}")
    if "dashboard" in addresses:
        output.say(f"Dashboard: http://{addresses['dashboard']}")
    output.say("Next: `segue status` shows every part, `segue down` stops them.")
    has_tls = running.tls_certificate is not None
    statuses = health.status(running.home, flink_url=running.flink_url, has_tls=has_tls)
    output.result({"started": fresh, "seconds": seconds, "parts": statuses})
