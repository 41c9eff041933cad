"""Say what is missing on this machine and how to get it."""

import typer

from cli import options
from cli.output import Output
from stack import checks, plan


def command(home: options.Home = None, json: options.Json = False) -> None:
    """Say what is missing on this machine, each with the command that gets it.

    Exit code 1 where something that Segue needs is missing; what is marked optional only limits it.
    """
    output, settings = Output(as_json=json), options.settings(home)
    found = checks.examine(settings.home, plan.configured(settings))
    rows = [(_mark(check), check.name, check.found, check.fix) for check in found]
    output.table("", ("", "what", "found", "to get it"), rows)
    healthy = all(check.is_fine for check in found if check.required)
    output.say("Everything needed is here. Next: `segue demo`." if healthy else "Fix the lines marked ✗ first.")
    output.result({"healthy": healthy, "checks": found})
    if not healthy:
        raise typer.Exit(1)


def _mark(check: checks.Check) -> str:
    if check.is_fine:
        return "✓"
    return "✗" if check.required else "optional"
