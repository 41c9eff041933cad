"""Tracks by words: their name, how they sound, and what their text means."""

from collections.abc import Sequence

import numpy as np

from backend.domain import moods
from backend.domain.recommendations import Candidate, Reason, Recommendation
from backend.domain.tracks import AUDIO_FEATURES
from backend.ports.models import ModelVersion
from backend.ranking.sources import MOOD, NAME
from backend.services.catalogue import Catalogue
from backend.services.names import Names
from backend.services.retrieve import Retriever

LOOKED_AT = 1_000
"""Tracks in the direction of a mood whose features are read."""

ABOVE = 1.0
"""Added to the score of a track found by name: above everything that is found by meaning, which scores below 1 / 60."""


class Search:
    """What a search finds beside the tracks whose text is near. Raises what catalogue and vector index raise."""

    def __init__(self, names: Names, catalogue: Catalogue, retriever: Retriever) -> None:
        self._names = names
        self._catalogue = catalogue
        self._retriever = retriever

    def named(self, query: str) -> list[Recommendation]:
        """Tracks with exactly that title, then those by exactly that artist, as the head of an answer."""
        asked, found = moods.folded(query), self._names.find(query)
        titled = [track for track in found if asked.startswith(moods.folded(track.title))]
        texts = {track.track_id: f"titled {track.title}" for track in titled}
        for track in found:
            names = self._catalogue.artist_names(track)
            exact = next((name for name in names if moods.folded(name) == asked), None)
            if exact is not None and moods.folded(track.title) != asked:
                texts[track.track_id] = f"by {exact}"
        ordered = sorted(found, key=lambda track: texts.get(track.track_id, "").startswith("by "))
        return [
            Recommendation(
                track_id=track.track_id,
                score=ABOVE + 1 / rank,
                reasons=(
                    Reason(source=NAME, rank=rank, share=1.0, text=texts.get(track.track_id, f"titled {track.title}")),
                ),
            )
            for rank, track in enumerate(ordered, 1)
        ]

    def in_the_mood(
        self, model: ModelVersion, query: str, near_words: Sequence[Candidate], *, limit: int
    ) -> list[Candidate]:
        """Tracks whose features lie in the ranges that the query's words ask for: those near its words come first.

        Empty where no word stands for a mood, or the version knows no audio features.
        """
        words = moods.mood_words(query)
        if not words or model.sound is None:
            return []
        wanted = moods.ranges(words)
        signs = moods.direction(wanted)
        point = np.array([signs.get(name, 0.0) for name in AUDIO_FEATURES], dtype=np.float32)
        near = self._retriever.near_sound(model, point, limit=LOOKED_AT) if point.any() else []
        ids = dict.fromkeys([*(one.track_id for one in near_words), *near])
        known = self._catalogue.tracks(ids)
        because = f"{', '.join(words)}: {moods.told(wanted)}"
        fitting = [
            one
            for one in ids
            if one in known and (features := known[one].audio_features) is not None and moods.fits(features, wanted)
        ]
        return [
            Candidate(track_id=one, source=MOOD, rank=rank, score=1 / rank, because=because)
            for rank, one in enumerate(fitting[:limit], 1)
        ]
