"""Candidate lists, and the vectors they are found among: behind an index at the server, in arrays elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain.listeners import PROFILE_PLAYS
from backend.ranking.profile import Taste

Vectors = NDArray[np.float32]

FACTORS_SPACE, CONTENT_SPACE = "factors", "content"
"""The two kinds of vectors that every version has of its tracks: what listeners play, and what the texts say."""

SOUND_SPACES = AUDIO_SPACE, LATENT_SPACE = ("audio", "latent")
"""Those of tracks with audio features: the features, standardised, and what the autoencoder makes of them; length 1."""

PER_SOURCE = 200
"""Candidates asked of each source."""

KEPT = PER_SOURCE + PROFILE_PLAYS + 1
"""Tracks near a track that are kept in memory: enough for a listener whose whole profile is left out."""


@dataclass(frozen=True, slots=True)
class Because:
    """A sentence shown to people; `{}` in it stands for the title of `track_id`."""

    sentence: str
    track_id: str = ""

    def text(self, titles: Mapping[str, str]) -> str:
        """With the title filled in, the id where it has none."""
        title = titles.get(self.track_id, self.track_id)
        return self.sentence.replace("{}", title) if self.track_id else self.sentence


Near = Sequence[tuple[str, float]]
"""Tracks with their scores, best first."""


def _unexplained(track_id: str) -> Because:
    raise KeyError(f"{track_id} is in no list")


def _nothing(query: Vectors) -> Near:
    return ()


def _none_newer(space: str, vector: Vectors) -> Near:
    return ()


def _no_sound(space: str) -> Vectors | None:
    return None


@dataclass(frozen=True, slots=True)
class CandidateList:
    """Tracks of one source, best first, with its scores; `explain` tells why one of them stands there.

    Explaining is a function because most lists are ranked without anybody reading them.
    """

    track_ids: Sequence[str] = ()
    scores: Sequence[float] = ()
    explain: Callable[[str], Because] = _unexplained

    def ranks(self) -> dict[str, int]:
        """Each track's rank, from 1."""
        return {track_id: rank for rank, track_id in enumerate(self.track_ids, 1)}


class Space(Protocol):
    """Vectors of tracks, searched by inner product. May raise what its technology raises."""

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors of the known ones among these ids, in their order."""
        ...

    def nearest(self, query: Vectors, *, limit: int, exclude: frozenset[str], of: str = "") -> Near:
        """The `limit` nearest of `query` (dimension,) with their inner products, best first, none of `exclude`.

        `of` names the track whose own vector the query is, so that an answer may be kept for the next listener.
        """
        ...


class ArraySpace:
    """`Space` in memory: `vectors` (len(ids), dimension) float32; a track with a zero row is not in it."""

    def __init__(self, ids: Sequence[str], vectors: Vectors) -> None:
        filled = np.flatnonzero(vectors.any(axis=1))
        self._ids = [ids[place] for place in filled.tolist()]
        self._vectors = np.ascontiguousarray(vectors[filled], dtype=np.float32)
        self._places = {one: place for place, one in enumerate(self._ids)}
        self._kept: dict[str, tuple[NDArray[np.int32], Vectors]] = {}

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """See `Space.fetch`."""
        return {one: self._vectors[self._places[one]] for one in ids if one in self._places}

    def nearest(self, query: Vectors, *, limit: int, exclude: frozenset[str], of: str = "") -> Near:
        """See `Space.nearest`. What is near a track is kept: many listeners played it."""
        count = limit + len(exclude)
        kept = self._kept.get(of)
        if kept is None or len(kept[0]) < min(count, len(self._ids)):
            kept = self._best(query, max(count, KEPT) if of else count)
            if of:
                self._kept[of] = kept
        ids = [self._ids[place] for place in kept[0].tolist()]
        near = zip(ids, kept[1].tolist(), strict=True)
        return list(islice((one for one in near if one[0] not in exclude), limit))

    def _best(self, query: Vectors, count: int) -> tuple[NDArray[np.int32], Vectors]:
        scores: Vectors = self._vectors @ query
        places = best_places(scores, count)
        return places.astype(np.int32), scores[places]


def best_places(scores: Vectors, count: int) -> NDArray[np.int64]:
    """Places of the `count` largest of `scores` (n,), best first; of equals the smaller place, the last one too."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    above, equal = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
    found = np.concatenate([above, equal[: count - len(above)]])
    return np.asarray(found[np.lexsort((found, -scores[found]))], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a source is asked with: a listener's taste, its own part of the version, and where it may look.

    `part` is what the source's `load` or `learn` made, None where the version has none. `spaces` holds the vectors the
    source names; `newer` gives the tracks that came after the version, nearest first to a listener's factors, as many
    and without whom as asked. `live` is what the live tables list now, for sources that no version holds.
    """

    taste: Taste
    exclude: frozenset[str]
    limit: int = PER_SOURCE
    part: object = None
    spaces: Mapping[str, Space] = field(default_factory=dict)
    newer: Callable[[Vectors], Near] = _nothing
    live: CandidateList = field(default_factory=CandidateList)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTrack:
    """What a source is asked with for tracks like one.

    `words` makes the vector of its text, `sound` that of its audio features in a space; None where they cannot. `newer`
    gives the tracks that came after the version, nearest first to a vector in a space by audio features.
    """

    track_id: str
    limit: int
    spaces: Mapping[str, Space]
    words: Callable[[], Vectors | None]
    sound: Callable[[str], Vectors | None] = _no_sound
    newer: Callable[[str, Vectors], Near] = _none_newer
