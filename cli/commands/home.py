"""The home page of an app: rows for a listener, of tracks that rise, that are popular, and of each topic."""

from typing import Annotated

import typer

from cli import options
from cli.output import Output


def command(
    *,
    listener: Annotated[
        str, typer.Argument(help="Whose page it is: with rows of their own, without what they hid.")
    ] = "",
    row_size: Annotated[int, typer.Option(min=1, max=50, help="How many tracks in a row.")] = 5,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for what a first page shows: rows for the listener, what rises, what is popular, each topic."""
    from cli import reach
    from client import topics

    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = topics.home(channel, listener=listener, row_size=row_size)
    for row in answer["rows"]:
        title = f"{row['title']} ({row['topic_id']})" if row["topic_id"] else row["title"]
        tracks = [(one["title"], ", ".join(one["artist_names"]), one["reason"]) for one in row["tracks"]]
        output.table(title, ("title", "artist", "why"), tracks)
    if not answer["rows"]:
        output.say("Nothing to show yet: send plays with `segue ingest`, then `segue train`.")
    if answer["degraded"]:
        output.warn("a part was down, and the page was made without it: see `segue status`")
    if answer["model_version"]:
        output.say(f"model {answer['model_version']}")
    output.result(answer)
