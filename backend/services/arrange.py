"""Puts a ranking into the order that an app wants: popularity damped, neighbours unlike, caps, known tracks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from backend.domain.errors import NotFound, Unavailable
from backend.domain.recommendations import StandIn
from backend.domain.wanted import Wanted
from backend.ports.models import ModelVersion
from backend.ranking.diverse import diverse_among
from backend.ranking.fuse import Fused
from backend.ranking.mmr import REORDERED, likeness, marginal
from backend.ranking.policies import capped, damped, with_share
from backend.services.facets import CatalogueFacets
from backend.services.findings import Findings
from backend.services.recall import Recall
from backend.services.retrieve import Retriever

DIVERSITY_SHARE: Final = 0.4
POPULAR_PLAYS: Final = 500.0
"""Plays that the first of the popular tracks counts where no version tells of plays; the n-th counts an n-th of it."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """Places among the fused tracks in the order in which they are shown; scores where they are not the fused ones."""

    shown: Sequence[int]
    scores: Mapping[str, float] | None = None


class Arranger:
    """`arranged` for every answer; what nobody asked for costs nothing."""

    def __init__(self, recall: Recall, retriever: Retriever, facets: CatalogueFacets) -> None:
        self._recall = recall
        self._retriever = retriever
        self._facets = facets

    def arranged(
        self,
        ranked: Fused,
        wanted: Wanted,
        *,
        model: ModelVersion | None,
        known: Collection[str],
        found: Findings,
    ) -> Arranged:
        """Of the ranked tracks those in the catalogue. `known` are those that the listener played."""
        artists = self._recall.first_artists(ranked.track_ids, found)
        if not wanted.reorders:
            return Arranged(diverse_among(artists))
        scores: Mapping[str, float] = dict(zip(ranked.track_ids, ranked.scores(), strict=True))
        if wanted.damping > 0:
            scores = damped(scores, self._plays(model, ranked.track_ids, found), power=wanted.damping)
        known_artists = zip(ranked.track_ids, artists, strict=True)
        artist_of = {one: artist for one, artist in known_artists if artist is not None}
        ids = [one for one in scores if one in artist_of]
        if wanted.diversity > 0 and model is not None:
            ids = self._unlike(ids, scores, wanted.diversity, model, found)
        if wanted.known_share is not None:
            ids = with_share(ids, known, wanted.known_share)
        shown = self._capped(ids, wanted, artist_of, found)
        place_of = {one: place for place, one in enumerate(ranked.track_ids)}
        return Arranged([place_of[one] for one in shown], scores if wanted.damping > 0 else None)

    def _capped(
        self, ids: Sequence[str], wanted: Wanted, artist_of: Mapping[str, str], found: Findings
    ) -> Sequence[str]:
        """By album and by artist; without a cap of artists not too many of one among the first."""
        if wanted.per_album:
            tracks = self._recall.tracks(ids, found)
            albums = {one: (track.album, track.artist_ids[0]) for one, track in tracks.items() if track.album}
            ids = capped(ids, wanted.per_album, albums.get)
        if wanted.per_artist:
            return capped(ids, wanted.per_artist, artist_of.get)
        return [ids[place] for place in diverse_among([artist_of[one] for one in ids])]

    def _unlike(
        self, ids: Sequence[str], scores: Mapping[str, float], diversity: float, model: ModelVersion, found: Findings
    ) -> list[str]:
        head = list(ids[:REORDERED])
        try:
            spaces = found.turn.ask("diversity", lambda: self._retriever.vectors_of(model, head), share=DIVERSITY_SHARE)
        except (Unavailable, NotFound) as error:
            found.without_index(error, StandIn.OTHER_PARTS, "the order of scores, which asks for no diversity")
            return list(ids)
        alike = likeness([[space.get(one) for one in head] for space in spaces], len(head))
        order = marginal(np.array([scores[one] for one in head]), alike, diversity=diversity)
        return [*(head[at] for at in order), *ids[REORDERED:]]

    def _plays(self, model: ModelVersion | None, ids: Sequence[str], found: Findings) -> Mapping[str, float]:
        """How often tracks were played: as the version learned it, else by their places among the popular ones.

        These fall as popularity does in most catalogues, with the rank (Zipf).
        """
        learned = None if model is None else self._facets.plays(model, ids)
        if learned is not None:
            return learned
        popular = self._recall.trends(found).candidates
        return {one.track_id: POPULAR_PLAYS / rank for rank, one in enumerate(popular, 1)}
