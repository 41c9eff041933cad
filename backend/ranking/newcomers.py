"""Where a track belongs that nobody has played yet, and how a version keeps that."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backend.ranking.lists import Vectors
from backend.ranking.stored import Files, Stored, arrays_bytes

FILE = "newcomers.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """Factors of a track that nobody has played yet, from its words and from what its artist's listeners play.

    `by_artist` (words + dimension + 1, dimension) maps the content vector, the mean factors of the artist's tracks and
    1; `by_words` (words + 1, dimension) serves where the version knows no track of the artist. `artists` says where an
    artist stands in `artist_factors` (artists, dimension). All float32, learned by ridge regression.
    """

    by_artist: Vectors
    by_words: Vectors
    artists: Mapping[str, int]
    artist_factors: Vectors

    def place(self, words: Vectors, artist_id: str) -> Vectors:
        """The factors (dimension,) of a track with content vector `words` (words,)."""
        row = self.artists.get(artist_id)
        one = np.ones(1, dtype=np.float32)
        if row is None:
            return np.concatenate([words, one]) @ self.by_words
        return np.concatenate([words, self.artist_factors[row], one]) @ self.by_artist


def store(newcomers: Newcomers) -> Stored:
    """As a version keeps it."""
    content = arrays_bytes(
        artist_ids=np.array(list(newcomers.artists), dtype=np.str_),
        artist_factors=newcomers.artist_factors,
        by_artist=newcomers.by_artist,
        by_words=newcomers.by_words,
    )
    return Stored(files={FILE: content})


def load(files: Files, *, dimension: int, words: int) -> Newcomers | None:
    """The inverse; None where the version has none.

    Raises ModelRefused, also where the matrices do not fit factors and content vectors of these lengths.
    """
    if not files.holds(FILE):
        return None
    held = files.arrays(FILE, ("artist_ids", "artist_factors", "by_artist", "by_words"))
    artists = {artist_id: row for row, artist_id in enumerate(held["artist_ids"].tolist())}
    found = (held["by_artist"], held["by_words"], held["artist_factors"])
    wanted = ((words + dimension + 1, dimension), (words + 1, dimension), (len(artists), dimension))
    if tuple(one.shape for one in found) != wanted or any(one.dtype != np.float32 for one in found):
        raise files.refused(FILE, f": its matrices must be float32 of the shapes {wanted}")
    return Newcomers(by_artist=found[0], by_words=found[1], artists=artists, artist_factors=found[2])
