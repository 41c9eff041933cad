"""What goes on with a session or a playlist."""

from typing import Annotated

import typer

from cli import options, wishes
from cli.commands.recommend import show
from cli.output import Output


def command(
    *,
    tracks: Annotated[list[str], typer.Argument(help="The session so far (ids), oldest first.")],
    listener: Annotated[str, typer.Option(help="Whose session it is: what they hid or just played is left out.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many tracks.")] = 20,
    tag: wishes.Tags = None,
    topic: wishes.Topics = None,
    artist: wishes.Artists = None,
    not_artist: wishes.NotArtists = None,
    from_year: wishes.FromYear = 0,
    to_year: wishes.ToYear = 0,
    per_artist: wishes.PerArtist = 0,
    diversity: wishes.Diversity = 0.0,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server what to play after these tracks; the last ones count most, and none of them comes again."""
    from cli import reach
    from client.recommendations import go_on
    from client.wishes import Wishes

    wished = Wishes(
        tags=tag or (),
        topics=topic or (),
        artists=artist or (),
        without_artists=not_artist or (),
        first_year=from_year,
        last_year=to_year,
        per_artist=per_artist,
        diversity=diversity,
    )
    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = go_on(channel, tracks, listener=listener, limit=limit, wishes=wished)
    show(output, answer)
