"""Candidate lists, and the vectors they are found among: behind an index at the server, in arrays elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain.listeners import PROFILE_PLAYS
from backend.ranking.profile import Taste

Vectors = NDArray[np.float32]
Places = NDArray[np.int64] | NDArray[np.int32]

FACTORS_SPACE, CONTENT_SPACE = "factors", "content"
"""The two kinds of vectors that every version has of its tracks: what listeners play, and what the texts say."""

SOUND_SPACES = AUDIO_SPACE, LATENT_SPACE = ("audio", "latent")
"""Those of tracks with audio features: the features, standardised, and what the autoencoder makes of them; length 1."""

PER_SOURCE = 200
"""Candidates asked of each source."""

KEPT = PER_SOURCE + PROFILE_PLAYS + 1
"""Tracks near a track that are kept in memory: enough for a listener whose whole profile is left out."""


class Because(NamedTuple):
    """A sentence shown to people; `{}` in it stands for the title of `track_id`.

    One that was read back has its title in it already, and the track as its `anchor`.
    """

    sentence: str
    track_id: str = ""
    anchor: str = ""

    @property
    def anchors(self) -> tuple[str, ...]:
        """The track that the sentence speaks of, where it speaks of one."""
        return (self.track_id or self.anchor,) if self.track_id or self.anchor else ()

    def text(self, titles: Mapping[str, str]) -> str:
        """With the title filled in, the id where it has none."""
        title = titles.get(self.track_id, self.track_id)
        return self.sentence.replace("{}", title) if self.track_id else self.sentence


Near = Sequence[tuple[str, float]]
"""Tracks with their scores, best first."""


def _unexplained(places: Sequence[int]) -> Sequence[Because]:
    if places:
        raise IndexError(f"a list without tracks has no places {list(places)}")
    return ()


def all_because(sentence: Because) -> Callable[[Sequence[int]], Sequence[Because]]:
    """`CandidateList.explain` of a list whose tracks all stand there for the same reason."""
    return lambda places: [sentence] * len(places)


def _nothing(query: Vectors) -> Near:
    return ()


def _none_newer(space: str, vector: Vectors) -> Near:
    return ()


def _no_sound(space: str) -> Vectors | None:
    return None


@dataclass(frozen=True, slots=True)
class CandidateList:
    """Tracks of one source, best first, with its scores; `explain` tells why those at some places (from 0) stand there.

    Explaining is a function because most tracks of a list are ranked without anybody reading them.
    """

    track_ids: Sequence[str] = ()
    scores: Sequence[float] = ()
    explain: Callable[[Sequence[int]], Sequence[Because]] = _unexplained

    def ranks(self) -> dict[str, int]:
        """Each track's rank, from 1."""
        return dict(zip(self.track_ids, range(1, len(self.track_ids) + 1), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class NearTracks:
    """What is near each of some tracks (`seeds`): places among `names`, and inner products, best first.

    `places` are int32 or int64, `scores` float32, an array of each for each seed. `names` may be all that there are:
    whoever reads them takes single ones.
    """

    seeds: Sequence[str]
    places: Sequence[Places]
    scores: Sequence[Vectors]
    names: Sequence[str]


class Space(Protocol):
    """Vectors of tracks, searched by inner product. May raise what its technology raises."""

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors of the known ones among these ids, in their order."""
        ...

    def nearest(self, query: Vectors, *, limit: int, exclude: frozenset[str]) -> Near:
        """The `limit` nearest of `query` (dimension,) with their inner products, best first, none of `exclude`."""
        ...

    def near_tracks(self, track_ids: Sequence[str], *, limit: int, exclude: frozenset[str]) -> NearTracks:
        """The `limit` nearest of each of the known ones among these tracks, in their order: neither it nor `exclude`.

        Many listeners played the same track, so what is near it may be kept for the next one.
        """
        ...


class ArraySpace:
    """`Space` in memory: `vectors` (len(ids), dimension) float32; a track with a zero row is not in it."""

    def __init__(self, ids: Sequence[str], vectors: Vectors) -> None:
        filled = np.flatnonzero(vectors.any(axis=1))
        self._ids = [ids[place] for place in filled.tolist()]
        self._vectors = np.ascontiguousarray(vectors[filled], dtype=np.float32)
        self._places = {one: place for place, one in enumerate(self._ids)}
        self._kept: dict[int, tuple[Places, Vectors]] = {}

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """See `Space.fetch`."""
        return {one: self._vectors[self._places[one]] for one in ids if one in self._places}

    def nearest(self, query: Vectors, *, limit: int, exclude: frozenset[str]) -> Near:
        """See `Space.nearest`."""
        places, scores = self._best(query, limit + len(exclude))
        near = zip([self._ids[place] for place in places.tolist()], scores.tolist(), strict=True)
        return list(islice((one for one in near if one[0] not in exclude), limit))

    def near_tracks(self, track_ids: Sequence[str], *, limit: int, exclude: frozenset[str]) -> NearTracks:
        """See `Space.near_tracks`."""
        seeds = [one for one in track_ids if one in self._places]
        left_out, count = marked(self._places, exclude, len(self._ids))
        own = [self._places[one] for one in seeds]
        found = [without(self._near(place, limit + count + 1), left_out, limit=limit, also=place) for place in own]
        return NearTracks(
            seeds=seeds, places=[one for one, _ in found], scores=[one for _, one in found], names=self._ids
        )

    def _near(self, place: int, count: int) -> tuple[Places, Vectors]:
        kept = self._kept.get(place)
        if kept is None or len(kept[0]) < min(count, len(self._ids)):
            kept = self._kept[place] = self._best(self._vectors[place], max(count, KEPT))
        return kept

    def _best(self, query: Vectors, count: int) -> tuple[Places, Vectors]:
        scores: Vectors = self._vectors @ query
        places = best_places(scores, count)
        return places, scores[places]


def without(
    near: tuple[Places, Vectors], left_out: NDArray[np.bool_], *, limit: int, also: int = -1
) -> tuple[Places, Vectors]:
    """The first `limit` of places with scores that are not left out, which is said of every place; nor `also`."""
    places, scores = near
    kept = np.flatnonzero(~left_out[places] & (places != also))[:limit]
    return places[kept], scores[kept]


def marked(places: Mapping[str, int], exclude: frozenset[str], count: int) -> tuple[NDArray[np.bool_], int]:
    """Which of `count` places belong to `exclude`, and how many."""
    found = [places[one] for one in exclude if one in places]
    left_out = np.zeros(count, dtype=np.bool_)
    left_out[found] = True
    return left_out, len(found)


def best_places(scores: NDArray[np.floating], count: int) -> NDArray[np.int64]:
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
