"""Stop the embedded stack."""

import time

from cli import options
from cli.output import Output
from stack.stack import stop_running


def command(home: options.Home = None, json: options.Json = False) -> None:
    """Stop the embedded stack and wait until every process of it is gone. Data stays; running it again does nothing."""
    output, settings = Output(as_json=json), options.settings(home)
    started = time.monotonic()
    stopped = stop_running(settings.home)
    seconds = time.monotonic() - started
    if stopped:
        output.done("the stack is down", seconds)
    else:
        output.say(f"No stack runs in {settings.home}.")
    output.result({"stopped": stopped, "seconds": round(seconds, 1)})
