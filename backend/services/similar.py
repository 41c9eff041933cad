"""Tracks like some tracks, by the approach that the caller chose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from backend.domain.alike import same_sound, shared_tags
from backend.domain.errors import NotMade
from backend.domain.recommendations import Approach, Candidate, Recommendation, SeedTrack
from backend.domain.tracks import Track
from backend.ports.models import ModelVersion
from backend.ports.vectors import Vectors
from backend.ranking.fuse import fuse, fused
from backend.ranking.sources import APPROACHES, LIKENESSES, OF_A_VERSION, WORDS
from backend.ranking.sources.source import Likeness
from backend.services.catalogue import Catalogue
from backend.services.retrieve import Retriever
from backend.services.sounds import Sounds

BY_SOUND = tuple(APPROACHES[one].name for one in (Approach.AUDIO, Approach.LATENT))

FOUND = 400
"""Candidates asked of each source: two of the largest pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What answers: sources and their weights, by the source's name."""

    sources: Sequence[Likeness]
    weights: Mapping[str, float]


def chosen(approach: Approach | None, model: ModelVersion) -> Chosen:
    """None takes the hybrid, and where the version has learned none all that can tell, weighing the same.

    Raises NotMade where the version cannot answer by the approach.
    """
    if approach is None and not model.alike:
        return Chosen(sources=OF_A_VERSION, weights={source.name: 1.0 for source in OF_A_VERSION})
    if approach is None or approach is Approach.HYBRID:
        if not model.alike:
            raise _not_made(Approach.HYBRID, model)
        sources = [LIKENESSES[name] for name, weight in model.alike.items() if weight > 0]
        return Chosen(sources=sources, weights=model.alike)
    source = APPROACHES[approach]
    if not set(source.spaces) <= set(model.spaces):
        raise _not_made(approach, model)
    return Chosen(sources=[source], weights={source.name: 1.0})


def _not_made(approach: Approach, model: ModelVersion) -> NotMade:
    return NotMade(
        f"model version {model.version} has no approach '{approach}': `segue train` makes it of tracks with audio"
        " features and of plays; until then ask without an approach"
    )


class Similar:
    """Finds candidates for seeds, and says of each in what it is like them.

    `words` makes the vector of a track's text, None where it cannot.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        retriever: Retriever,
        *,
        words: Callable[[ModelVersion, Track], Vectors | None],
        sounds: Sounds,
    ) -> None:
        self._catalogue = catalogue
        self._retriever = retriever
        self._words = words
        self._sounds = sounds

    def answer(
        self,
        model: ModelVersion,
        seeds: Sequence[SeedTrack],
        tracks: Mapping[str, Track],
        *,
        approach: Approach | None = None,
    ) -> list[Recommendation]:
        """Tracks like the seeds, best first, none of them among these; `tracks` holds the seeds.

        Without an approach by the hybrid where the version has it. Raises NotMade where the version lacks the approach,
        and what the vector index raises.
        """
        by = chosen(approach, model)
        found = [one for source in by.sources for one in self._candidates(model, source, seeds, tracks)]
        ranked = fuse(found, by.weights, exclude=frozenset(tracks))
        known = self._catalogue.tracks(one.track_id for one in ranked)
        return [one for one in ranked if one.track_id in known]

    def _candidates(
        self, model: ModelVersion, source: Likeness, seeds: Sequence[SeedTrack], tracks: Mapping[str, Track]
    ) -> list[Candidate]:
        """One source's list for all seeds, none of them in it: reciprocal ranks near each, weighed by the seed.

        `tracks` holds the seeds. Raises what the vector index raises.
        """
        by_seed = {seed.track_id: self._near(model, source, tracks[seed.track_id]) for seed in seeds}
        own = frozenset(by_seed)
        weights = {seed.track_id: seed.weight for seed in seeds}
        ordered = fused(
            {one: [each.track_id for each in found] for one, found in by_seed.items()}, weights, exclude=own
        )
        first = ordered.track_ids[:FOUND]
        parts = ordered.parts(range(len(first)))
        found = self._catalogue.tracks(first)
        because = {each.track_id: each.because for near in by_seed.values() for each in near}

        def text(track_id: str, seed: str) -> str:
            strongest = tracks[seed]
            told = _in_what(source.name, strongest, found[track_id]) if track_id in found else ""
            return f"{told or because[track_id]} as {strongest.title}" if len(seeds) > 1 else told or because[track_id]

        return [
            Candidate(
                track_id=track_id,
                source=source.name,
                rank=rank,
                score=sum(part.score for part in given),
                because=text(track_id, given[0].source),
            )
            for rank, (track_id, given) in enumerate(zip(first, parts, strict=True), 1)
        ]

    def _near(self, model: ModelVersion, source: Likeness, seed: Track) -> list[Candidate]:
        return self._retriever.similar(
            source,
            model,
            seed.track_id,
            limit=FOUND,
            words=lambda: self._words(model, seed),
            sound=partial(self._sounds.vector, model, seed.audio_features),
        )


def _in_what(source: str, seed: Track, track: Track) -> str:
    """Words name shared tags, sound the features that are the same; "" where the source's own sentence says it better.

    Features that were estimated from a signal, of either track, are named as such.
    """
    if source == WORDS.name:
        return shared_tags(seed, track)
    if source in BY_SOUND:
        estimated = {name for one in (seed, track) if one.audio_features for name in one.audio_features.estimated}
        return same_sound(seed.audio_features, track.audio_features, estimated=estimated)
    return ""
