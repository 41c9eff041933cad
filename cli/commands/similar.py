"""Tracks like a track: by sound, by words, by what listeners play together, or all of it."""

from typing import Annotated

import typer

from cli import options, wishes
from cli.output import Output


def command(
    *,
    track: Annotated[str, typer.Argument(help="The track that others shall be like (its id).")],
    approach: Annotated[
        str, typer.Option(help="audio, latent, text, listening or hybrid (default: hybrid where the model has it).")
    ] = "",
    also: Annotated[
        list[str] | None,
        typer.Option(help="A further track, TRACK or TRACK=WEIGHT; again for more. The first one weighs 1."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many tracks.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for tracks like one or several, and in what they are alike.

    audio: standardised audio features; latent: the autoencoder's space; text: title, artists, album and tags;
    listening: what the same listeners play; hybrid: all of them, with weights learned at training.
    """
    from cli import reach
    from cli.commands.recommend import show
    from client.recommendations import APPROACHES, similar

    if approach and approach not in APPROACHES:
        raise typer.BadParameter(f"--approach is one of {', '.join(APPROACHES)}, not {approach}")
    seeds = dict(wishes.track_with_weight("--also", one) for one in also or ())
    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = similar(channel, track, approach=approach, also=seeds, limit=limit)
    show(output, answer)
