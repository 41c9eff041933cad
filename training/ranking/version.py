"""A version's ranking parts and vectors: learned from plays, or read back from the files of a published one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from backend.ranking.learning import Learning
from backend.ranking.library import Library
from backend.ranking.lists import CONTENT_SPACE, FACTORS_SPACE, ArraySpace
from backend.ranking.newcomers import Newcomers
from backend.ranking.sources import ALL
from backend.ranking.stored import Files
from backend.ranking.weights import FusionWeights
from backend.versions import codec
from backend.versions.codec import VersionVectors
from training.data.dataset import Float32, Interactions
from training.engines.trainer import Factors
from training.ranking import newcomers


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The catalogue as ranking knows it: content vectors (n, words) of `track_ids`, and each track's first artist.

    Tracks that `artist_of` does not name are not in the catalogue, so no answer lists them.
    """

    track_ids: Sequence[str]
    vectors: Float32
    artist_of: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingVersion:
    """What ranks in a version: vectors, the sources' parts by name, places for tracks without plays, weights.

    What was just learned has the default weights: better ones are learned from its lists (`training.ranking.fusion`).
    """

    vectors: VersionVectors
    parts: Mapping[str, object]
    newcomers: Newcomers | None
    weights: FusionWeights = field(default_factory=FusionWeights)

    def library(self, at: Interactions) -> Library:
        """It, answering at the moment where the plays `at` end."""
        learning = _learning(at)
        return Library(
            parts=self.parts,
            spaces={
                FACTORS_SPACE: ArraySpace(self.vectors.track_ids, self.vectors.tracks),
                CONTENT_SPACE: ArraySpace(self.vectors.track_ids, self.vectors.content),
            },
            live={source.name: source.live(learning) for source in ALL},
        )


def learn(pairs: Interactions, factors: Factors, words: Words) -> RankingVersion:
    """`factors` were learned from `pairs`. Raises InvalidInput where there is no play."""
    place = {track_id: row for row, track_id in enumerate(words.track_ids)}
    learning = _learning(pairs, factors)
    parts = {source.name: source.learn(learning) for source in ALL}
    # Of the tracks of `pairs`, those with a content vector, and where that stands.
    described = [(row, place[track_id]) for row, track_id in enumerate(pairs.track_ids) if track_id in place]
    mapping, unplayed = None, dict[str, Float32]()
    if described:
        rows, texts = np.array(described).T
        known = newcomers.Known(
            factors=factors.tracks[rows],
            words=words.vectors[texts],
            artist_ids=[words.artist_of.get(pairs.track_ids[row], "") for row in rows.tolist()],
        )
        mapping = newcomers.learn(known)
        played = set(pairs.track_ids)
        others = {track_id: words.vectors[row] for track_id, row in place.items() if track_id not in played}
        unplayed = newcomers.placed(mapping, others, words.artist_of)
    return RankingVersion(
        vectors=_vectors(pairs, factors, words, unplayed),
        parts={name: part for name, part in parts.items() if part is not None},
        newcomers=mapping,
    )


def with_sound(vectors: VersionVectors, track_ids: Sequence[str], spaces: Mapping[str, Float32]) -> VersionVectors:
    """The same with vectors by audio features of `track_ids`, (n, dimension) by space.

    All of these tracks have a text, so they are among the version's.
    """
    place = {track_id: number for number, track_id in enumerate(vectors.track_ids)}
    places = [place[track_id] for track_id in track_ids]
    return replace(
        vectors, sound={space: _spread(rows, places, len(vectors.track_ids)) for space, rows in spaces.items()}
    )


def read_back(files: Files) -> RankingVersion:
    """A published version as its files hold it. Raises ModelRefused and NotFound."""
    loaded = codec.load(files)
    return RankingVersion(
        vectors=codec.read_vectors(files), parts=loaded.parts, newcomers=loaded.newcomers, weights=loaded.weights
    )


def _learning(pairs: Interactions, factors: Factors | None = None) -> Learning:
    return Learning(
        track_ids=pairs.track_ids,
        plays=pairs.matrix(),
        last_played_at=pairs.last_played_at,
        fold_in=None if factors is None else factors.fold_in,
    )


def _vectors(pairs: Interactions, factors: Factors, words: Words, unplayed: Mapping[str, Float32]) -> VersionVectors:
    """Over the union of played and described tracks; see VersionVectors for zero rows."""
    track_ids = sorted({*pairs.track_ids, *words.track_ids})
    place = {track_id: number for number, track_id in enumerate(track_ids)}
    tracks = _spread(factors.tracks, [place[track_id] for track_id in pairs.track_ids], len(track_ids))
    for track_id, placed in unplayed.items():
        tracks[place[track_id]] = placed
    return VersionVectors(
        track_ids=track_ids,
        listener_ids=pairs.listener_ids,
        tracks=tracks,
        listeners=factors.listeners,
        content=_spread(words.vectors, [place[track_id] for track_id in words.track_ids], len(track_ids)),
    )


def _spread(rows: Float32, places: Sequence[int], count: int) -> Float32:
    spread = np.zeros((count, rows.shape[1]), dtype=np.float32)
    spread[np.asarray(places, dtype=np.int64)] = rows
    return spread
