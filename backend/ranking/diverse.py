"""Not too many tracks of one artist among the first of an answer."""

from collections import Counter
from collections.abc import Sequence

DIVERSE_FIRST = 20
PER_ARTIST = 2
"""Among the first `DIVERSE_FIRST` tracks at most this many of one artist, as far as there are others."""


def diverse(artists: Sequence[str | None], *, first: int = DIVERSE_FIRST) -> list[int]:
    """The places of tracks (best first, `artists` theirs) with those beyond PER_ARTIST behind the first `first`.

    Tracks keep their order otherwise. Where there are too few other tracks, the moved ones follow directly.
    """
    shown: list[int] = []
    moved: list[int] = []
    of_artist: Counter[str | None] = Counter()
    for place, artist in enumerate(artists):
        if len(shown) == first:
            return [*shown, *sorted([*moved, *range(place, len(artists))])]
        of_artist[artist] += 1
        (shown if of_artist[artist] <= PER_ARTIST else moved).append(place)
    return [*shown, *moved]


def diverse_among(artists: Sequence[str | None]) -> list[int]:
    """The places of tracks (best first) in the order of `diverse`, without those whose artist is None."""
    if None not in artists:
        return diverse(artists)
    known = [(place, artist) for place, artist in enumerate(artists) if artist is not None]
    return [known[at][0] for at in diverse([artist for _, artist in known])]
