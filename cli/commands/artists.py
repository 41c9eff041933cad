"""Artists like an artist: by what the same listeners play, and by the words of their tracks."""

from typing import Annotated

import typer

from cli import options
from cli.output import Output


def command(
    *,
    artist: Annotated[str, typer.Argument(help="The artist that others shall be like (its id).")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many artists.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for artists like one, and which tracks show it."""
    from cli import reach
    from client.recommendations import similar_artists

    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = similar_artists(channel, artist, limit=limit)
    rows = [
        (one["name"], one["artist_id"], one["score"], "; ".join(reason["text"] for reason in one["reasons"]))
        for one in answer["artists"]
    ]
    output.table("", ("artist", "id", "score", "why"), rows)
    output.say(f"model {answer['model_version']}" if rows else "Nobody is like them: the model knows no other artist.")
    output.result(answer)
