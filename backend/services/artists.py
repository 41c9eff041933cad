"""Artists like one: by what the same listeners play of them, and by the words of their tracks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from backend.domain.errors import NotFound
from backend.domain.page_tokens import question_digest
from backend.domain.recommendations import Reason
from backend.domain.tracks import Track
from backend.ports.models import ModelVersion
from backend.ranking.fuse import Part, fused
from backend.ranking.lists import CONTENT_SPACE, FACTORS_SPACE, Vectors
from backend.services.bounded import BoundedMap
from backend.services.catalogue import Catalogue
from backend.services.facets import CatalogueFacets
from backend.services.model import CurrentModel
from backend.services.retrieve import Retriever
from backend.services.topics import continued, token_at

DEFAULT_ARTISTS: Final = 20
OWN: Final = 50
"""Tracks of the artist that are looked at, the most played ones."""

NEAR: Final = 400
"""Tracks near the middle of the artist's own that tell which other artists are compared."""

COMPARED: Final = 100
THEIRS: Final = 10
"""Artists that are compared by each kind of vectors, and tracks of each, the most played ones."""

KEPT: Final = 500
"""Artists whose answer is kept for its next pages."""

SPACES: Final[Mapping[str, str]] = {FACTORS_SPACE: "factors", CONTENT_SPACE: "content"}
"""What artists are compared by, with the name of the source that says so."""

_TOLD: Final = {FACTORS_SPACE: "the same listeners play {} and {}", CONTENT_SPACE: "{} and {} are near in words"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistLike:
    """An artist, and in what they are like the one asked for."""

    artist_id: str
    name: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistPage:
    """Some artists, and where to go on ("" at the end)."""

    artists: Sequence[ArtistLike]
    next_page_token: str
    model_version: str


@dataclass(frozen=True, slots=True)
class _Compared:
    """Artists by likeness in one space, best first, each with the pair of tracks that are nearest to each other."""

    pairs: Mapping[str, tuple[str, str]]


class ArtistFinder:
    """The use case.

    Raises NotFound (no such artist, no model, a model without their tracks), InvalidInput (token) and Unavailable.
    """

    def __init__(
        self, *, catalogue: Catalogue, facets: CatalogueFacets, retriever: Retriever, model: CurrentModel
    ) -> None:
        self._catalogue = catalogue
        self._facets = facets
        self._retriever = retriever
        self._model = model
        self._kept: BoundedMap[tuple[str, str], Sequence[ArtistLike]] = BoundedMap(KEPT)

    def page(self, artist_id: str, *, page_size: int = 0, page_token: str = "") -> ArtistPage:
        """Artists like one, the likest first."""
        model = self._model.version
        if model is None:
            raise NotFound("no model version is published yet: run `segue train`")
        question = question_digest("similar artists", artist_id)
        (start,) = continued(page_token, (int,), question=question, version=model.version) or (0,)
        found = self._kept.get((model.version, artist_id))
        if found is None:
            found = self._found(model, artist_id)
            self._kept.put((model.version, artist_id), found)
        end = int(start) + (page_size or DEFAULT_ARTISTS)
        return ArtistPage(
            artists=found[int(start) : end],
            next_page_token=token_at((end,), question=question, version=model.version) if end < len(found) else "",
            model_version=model.version,
        )

    def _found(self, model: ModelVersion, artist_id: str) -> Sequence[ArtistLike]:
        if artist_id not in self._catalogue.artists([artist_id]):
            raise NotFound(f"there is no artist '{artist_id}'")
        own = self._facets.tracks_by(artist_id, most=OWN)
        vectors = dict(zip(SPACES, self._retriever.vectors_of(model, own), strict=True))
        if not any(vectors.values()):
            raise NotFound(
                f"model version {model.version} knows no track of '{artist_id}': `segue train` makes one that does"
            )
        compared = {space: self._compared(model, space, artist_id, held) for space, held in vectors.items() if held}
        lists = {SPACES[space]: list(one.pairs) for space, one in compared.items() if one.pairs}
        ranked = fused(lists, dict.fromkeys(lists, 1.0))
        names = self._catalogue.artists(ranked.track_ids)
        titles = self._catalogue.titles(
            {one for each in compared.values() for pair in each.pairs.values() for one in pair}
        )
        parts = ranked.parts(range(len(ranked.track_ids)))
        return [
            ArtistLike(
                artist_id=one,
                name=names[one].name,
                score=sum(part.score for part in given),
                reasons=_reasons(one, given, compared, titles),
            )
            for one, given in zip(ranked.track_ids, parts, strict=True)
            if one in names
        ]

    def _compared(self, model: ModelVersion, space: str, artist_id: str, own: Mapping[str, Vectors]) -> _Compared:
        """Artists of the tracks near the middle of the artist's own, by the cosine of the middles of both."""
        mine = _unit(np.stack(list(own.values())))
        middle = _unit(mine.mean(axis=0, keepdims=True))[0]
        near = self._retriever.near_point(model, space, middle, limit=NEAR + len(own), exclude=frozenset(own))
        tracks = self._catalogue.tracks(near)
        others = list(dict.fromkeys(_first(tracks[one]) for one in near if one in tracks))
        others = [one for one in others if one != artist_id][:COMPARED]
        of_artist = {one: self._facets.tracks_by(one, most=THEIRS) for one in others}
        place = list(SPACES).index(space)
        held = self._retriever.vectors_of(model, [one for each in of_artist.values() for one in each])[place]
        likeness: dict[str, float] = {}
        pairs: dict[str, tuple[str, str]] = {}
        for other, track_ids in of_artist.items():
            known = [one for one in track_ids if one in held]
            if known:
                theirs = _unit(np.stack([held[one] for one in known]))
                likeness[other] = float(_unit(theirs.mean(axis=0, keepdims=True))[0] @ middle)
                row, column = np.unravel_index(np.argmax(mine @ theirs.T), (len(mine), len(theirs)))
                pairs[other] = (list(own)[int(row)], known[int(column)])
        best = sorted(likeness, key=lambda one: (-likeness[one], one))
        return _Compared({one: pairs[one] for one in best})


def _first(track: Track) -> str:
    return track.artist_ids[0]


def _unit(rows: Vectors) -> Vectors:
    """Each row at length 1; one of zeros stays."""
    unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _reasons(
    artist_id: str, parts: Sequence[Part], compared: Mapping[str, _Compared], titles: Mapping[str, str]
) -> tuple[Reason, ...]:
    spaces = {source: space for space, source in SPACES.items()}
    score = sum(part.score for part in parts)
    reasons = []
    for part in parts:
        space = spaces[part.source]
        pair = compared[space].pairs[artist_id]
        text = _TOLD[space].format(*(titles.get(one, one) for one in pair))
        reasons.append(Reason(source=part.source, rank=part.rank, share=part.score / score, text=text, anchors=pair))
    return tuple(reasons)
