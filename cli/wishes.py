"""Options by which commands say what they want of an answer."""

from typing import Annotated, NoReturn

import typer

Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only tracks with this tag; again for more.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Only of this topic (its id, see `segue topics`).")]
Artists = Annotated[list[str] | None, typer.Option("--artist", help="Only by this artist (its id); again for more.")]
NotArtists = Annotated[list[str] | None, typer.Option("--not-artist", help="Not by this artist; again for more.")]
FromYear = Annotated[int, typer.Option("--from-year", min=0, max=9999, help="Released in this year or later.")]
ToYear = Annotated[int, typer.Option("--to-year", min=0, max=9999, help="Released in this year or before.")]
MinSeconds = Annotated[float, typer.Option("--min-seconds", min=0, max=86_400, help="At least so long.")]
MaxSeconds = Annotated[float, typer.Option("--max-seconds", min=0, max=86_400, help="At most so long.")]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only from this source, for example first_party; again for more.")
]
PerArtist = Annotated[int, typer.Option("--per-artist", min=0, max=200, help="At most so many of one artist.")]
PerAlbum = Annotated[int, typer.Option("--per-album", min=0, max=200, help="At most so many of one album.")]
Diversity = Annotated[
    float, typer.Option("--diversity", min=0, max=1, help="How much tracks shall be unlike those before them: 0 to 1.")
]
Damping = Annotated[
    float, typer.Option("--damping", min=0, max=1, help="How much what is played much stands back: 0 to 1.")
]


def track_with_weight(option: str, text: str) -> tuple[str, float]:
    """TRACK or TRACK=WEIGHT; 1 where no weight is given. Raises BadParameter."""
    track, parted, weight = text.partition("=")
    try:
        number = float(weight) if parted else 1.0
    except ValueError:
        _refuse(option, text)
    if not track or not 0 < number <= 100:
        _refuse(option, text)
    return track, number


def known_sources(named: list[str] | None) -> tuple[str, ...]:
    """Those of `--source`. Raises BadParameter."""
    from client.wishes import SOURCES

    wrong = [one for one in named or () if one not in SOURCES]
    if wrong:
        raise typer.BadParameter(f"--source {wrong[0]}: there are {', '.join(SOURCES)}")
    return tuple(named or ())


def _refuse(option: str, text: str) -> NoReturn:
    raise typer.BadParameter(f"{option} {text}: give TRACK or TRACK=WEIGHT, with a weight above 0 and up to 100")
