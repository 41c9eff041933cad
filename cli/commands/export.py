"""Write the live tables to files: a Tableau extract, or Parquet."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from analytics.hyper import Format
from cli import options
from cli.output import Output

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def export() -> None:
    """Write the live tables to files: a Tableau extract, or Parquet."""


@app.command("hyper")
def hyper_extract(
    path: Annotated[
        Path | None,
        typer.Argument(help="The file (Parquet: the folder) to write (default: segue.hyper, segue-parquet)."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="hyper for Tableau; parquet where Hyper cannot run.")
    ] = Format.HYPER,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Write engagement, trends and anomalies with a data dictionary into one Tableau extract.

    Asks the server for every row, checks that keys are unique, and replaces PATH in one step: what stood there
    stays until the new extract is whole. It is deleted again after retention_extracts_days, unless it was changed.
    """
    from backend import extracts
    from cli import extracting, reach

    output, settings = Output(as_json=json), options.settings(home)
    target = path or Path("segue.hyper" if form is Format.HYPER else "segue-parquet")
    now, days = datetime.now(UTC), settings.retention_extracts_days
    with reach.channel(settings) as channel, output.step(f"writing {target}", f"wrote {target}"):
        written = extracting.write(channel, target, home=settings.home, form=form, now=now)
    for old in extracts.age_out(settings.home, days=days, now=now).deleted:
        output.say(f"deleted {old}: it was older than {days} days (retention_extracts_days)")
    output.table("", ("table", "rows"), list(written.rows.items()))
    output.result(written)
