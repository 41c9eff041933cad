"""Ask what next: for a listener, near a track, by words, or what is popular."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli import options, wishes
from cli.output import Output


def command(
    *,
    listener: Annotated[str, typer.Argument(help="The listener to recommend tracks for.")] = "",
    similar: Annotated[str, typer.Option(help="Instead: tracks near this track (its id).", metavar="TRACK")] = "",
    search: Annotated[str, typer.Option(help="Instead: tracks near these words in meaning.", metavar="WORDS")] = "",
    popular: Annotated[bool, typer.Option("--popular", help="Instead: tracks with the most listeners lately.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many tracks.")] = 20,
    tag: wishes.Tags = None,
    topic: wishes.Topics = None,
    artist: wishes.Artists = None,
    not_artist: wishes.NotArtists = None,
    from_year: wishes.FromYear = 0,
    to_year: wishes.ToYear = 0,
    min_seconds: wishes.MinSeconds = 0.0,
    max_seconds: wishes.MaxSeconds = 0.0,
    source: wishes.Sources = None,
    new_artists: Annotated[
        bool, typer.Option("--new-artists", help="Only by artists whom the listener has neither played nor liked.")
    ] = False,
    heard_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Leave out only what they played within so many days.")
    ] = None,
    known_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="How much of the answer they shall have played before: 0 to 1.")
    ] = None,
    per_artist: wishes.PerArtist = 0,
    per_album: wishes.PerAlbum = 0,
    diversity: wishes.Diversity = 0.0,
    damping: wishes.Damping = 0.0,
    seed: Annotated[
        list[str] | None,
        typer.Option(
            help="A track that the answer shall be like, TRACK or TRACK=WEIGHT, newest first; again for more."
        ),
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for tracks, with the reasons for each and the model version that answered.

    Name a listener, or give one of --similar, --search and --popular. The options from --tag to --seed are about an
    answer for a listener.
    """
    from cli import reach
    from client.recommendations import ask
    from client.wishes import NOTHING_WISHED, Wishes

    if sum(map(bool, (listener, similar, search, popular))) != 1:
        raise typer.BadParameter("name a listener, or give one of --similar, --search and --popular")
    if heard_days is not None and known_share is not None:
        raise typer.BadParameter("give --heard-days or --known-share, not both")
    wished = Wishes(
        tags=tag or (),
        topics=topic or (),
        artists=artist or (),
        without_artists=not_artist or (),
        first_year=from_year,
        last_year=to_year,
        min_seconds=min_seconds,
        max_seconds=max_seconds,
        sources=wishes.known_sources(source),
        new_artists=new_artists,
        heard_days=heard_days,
        known_share=known_share,
        per_artist=per_artist,
        per_album=per_album,
        diversity=diversity,
        damping=damping,
        seeds=dict(wishes.track_with_weight("--seed", one) for one in seed or ()),
    )
    if wished != NOTHING_WISHED and not listener:
        raise typer.BadParameter("the options from --tag to --seed are about an answer for a listener: name one")
    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = ask(channel, listener=listener, similar=similar, search=search, limit=limit, wishes=wished)
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
    for fallback in answer.get("fallbacks", ()):
        output.say(fallback["text"])
    output.result(answer)
