"""Ask what next: for a listener, near a track, by words, or what is popular."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli import options
from cli.output import Output


def command(
    *,
    listener: Annotated[str, typer.Argument(help="The listener to recommend tracks for.")] = "",
    similar: Annotated[str, typer.Option(help="Instead: tracks near this track (its id).", metavar="TRACK")] = "",
    search: Annotated[str, typer.Option(help="Instead: tracks near these words in meaning.", metavar="WORDS")] = "",
    popular: Annotated[bool, typer.Option("--popular", help="Instead: tracks with the most listeners lately.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many tracks.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for tracks, with the reasons for each and the model version that answered.

    Name a listener, or give one of --similar, --search and --popular.
    """
    from cli import reach
    from client.recommendations import ask

    if sum(map(bool, (listener, similar, search, popular))) != 1:
        raise typer.BadParameter("name a listener, or give one of --similar, --search and --popular")
    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = ask(channel, listener=listener, similar=similar, search=search, limit=limit)
    show(output, answer)


def show(output: Output, answer: Mapping[str, Any]) -> None:
    """The answer as a table, or as JSON."""
    rows = [
        (
            track["title"],
            ", ".join(track["artist_names"]),
            track["score"],
            "; ".join(dict.fromkeys(reason["text"] for reason in track["reasons"])),
        )
        for track in answer["tracks"]
    ]
    output.table("", ("title", "artist", "score", "why"), rows)
    version, path = answer["model_version"], answer["path"]
    told = [f"model {version}" if version else "", f"path {path.replace('_', ' ')}" if path else ""]
    output.say(
        "; ".join(filter(None, told)) if rows else "No tracks: send plays with `segue ingest`, then `segue train`."
    )
    output.result(answer)
