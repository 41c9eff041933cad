"""Tracks by words: exact titles and artists first, then what the words mean and how they say that it sounds."""

from typing import Annotated

import typer

from cli import options
from cli.output import Output


def command(
    *,
    words: Annotated[list[str], typer.Argument(help="For example: calm piano for studying")],
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many tracks.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for tracks by words.

    A title or an artist exactly as written comes first. Words like calm, sad or fast ask for audio features:
    docs/search-words.md lists them.
    """
    from cli import reach
    from cli.commands.recommend import show
    from client.recommendations import ask

    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = ask(channel, search=" ".join(words), limit=limit)
    show(output, answer)
