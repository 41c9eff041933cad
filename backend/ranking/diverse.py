"""Not too many tracks of one artist among the first of an answer."""

from collections import Counter
from collections.abc import Mapping, Sequence

DIVERSE_FIRST = 20
PER_ARTIST = 2
"""Among the first `DIVERSE_FIRST` tracks at most this many of one artist, as far as there are others."""


def diverse(artists: Sequence[str], *, first: int = DIVERSE_FIRST) -> list[int]:
    """The places of tracks (best first, `artists` theirs) with those beyond PER_ARTIST behind the first `first`.

    Tracks keep their order otherwise. Where there are too few other tracks, the moved ones follow directly.
    """
    shown: list[int] = []
    moved: list[int] = []
    of_artist: Counter[str] = Counter()
    for place, artist in enumerate(artists):
        if len(shown) == first:
            return [*shown, *sorted([*moved, *range(place, len(artists))])]
        of_artist[artist] += 1
        (shown if of_artist[artist] <= PER_ARTIST else moved).append(place)
    return [*shown, *moved]


def diverse_among(track_ids: Sequence[str], artist_of: Mapping[str, str]) -> list[str]:
    """The same tracks in the order of `diverse`, without those that `artist_of` does not know."""
    known = [track_id for track_id in track_ids if track_id in artist_of]
    return [known[place] for place in diverse([artist_of[track_id] for track_id in known])]
