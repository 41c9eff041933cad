"""Asks the candidate sources for a model version, among the vectors of the index and with the catalogue's titles."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.domain.recommendations import Candidate
from backend.ports.models import NAMESPACE, ModelVersion
from backend.ports.vectors import VectorIndex, Vectors
from backend.ranking.lists import AUDIO_SPACE, Asked, AskedTrack, CandidateList, Near, NearTracks
from backend.ranking.profile import Taste
from backend.ranking.sources import WORDS
from backend.ranking.sources.source import Likeness, Source
from backend.services.arrivals import Arrivals
from backend.services.breaker import Breaker
from backend.services.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class _IndexSpace:
    """`backend.ranking.lists.Space` over one namespace of the vector index."""

    vectors: VectorIndex
    namespace: str

    def fetch(self, ids: Iterable[str]) -> Mapping[str, Vectors]:
        """See `Space.fetch`."""
        return self.vectors.fetch(self.namespace, list(ids))

    def nearest(self, query: Vectors, *, limit: int, exclude: frozenset[str]) -> Near:
        """See `Space.nearest`."""
        return self.vectors.search(self.namespace, query, limit=limit, exclude=exclude)

    def near_tracks(self, track_ids: Sequence[str], *, limit: int, exclude: frozenset[str]) -> NearTracks:
        """See `Space.near_tracks`."""
        return self.vectors.near_tracks(self.namespace, track_ids, limit=limit, exclude=exclude)


class Retriever:
    """Finds candidates by a version's sources.

    Raises Unavailable where the vector index is down (at once while its circuit is open) and NotFound where the
    version's namespaces are gone; a source that needs no vectors raises neither.
    """

    def __init__(
        self, vectors: VectorIndex, catalogue: Catalogue, arrivals: Arrivals, *, breaker: Breaker | None = None
    ) -> None:
        self._vectors = vectors
        self._catalogue = catalogue
        self._arrivals = arrivals
        self._breaker = breaker or Breaker("the vector index")

    @property
    def newest(self) -> object:
        """Another object whenever tracks were placed that came after the model version."""
        return self._arrivals.placed

    def candidates(
        self, source: Source, model: ModelVersion, taste: Taste, *, limit: int, exclude: frozenset[str]
    ) -> CandidateList:
        """What one source proposes to a listener, none of `exclude`."""

        def newer(listener: Vectors) -> Near:
            return self._arrivals.near(model, listener, limit=limit, exclude=exclude)

        asked = Asked(
            taste=taste,
            exclude=exclude,
            limit=limit,
            part=model.parts.get(source.name),
            spaces=self._spaces(source, model),
            newer=newer,
        )
        return self._guarded(source, lambda: source.ask(asked))

    def similar(
        self,
        source: Likeness,
        model: ModelVersion,
        track_id: str,
        *,
        limit: int,
        words: Callable[[], Vectors | None],
        sound: Callable[[str], Vectors | None],
    ) -> list[Candidate]:
        """What one source finds like a track; `words` and `sound` make its vectors where the version has none."""

        def newer(space: str, vector: Vectors) -> Near:
            return self._arrivals.sounding(model, space, vector, limit=limit)

        spaces = self._spaces(source, model)
        asked = AskedTrack(track_id=track_id, limit=limit, spaces=spaces, words=words, sound=sound, newer=newer)
        return self._explained(source, self._guarded(source, lambda: source.similar(asked)))

    def near_words(self, model: ModelVersion, vector: Vectors, *, limit: int, because: str) -> list[Candidate]:
        """Tracks whose text is near a point of the model's text encoder."""
        (space,) = self._spaces(WORDS, model).values()
        found = self._guarded(
            WORDS, lambda: WORDS.near(space, vector, limit=limit, exclude=frozenset(), because=because)
        )
        return self._explained(WORDS, found)

    def near_sound(self, model: ModelVersion, point: Vectors, *, limit: int) -> list[str]:
        """Tracks whose audio features lie in the direction of `point` (9,), standardised; nearest first."""
        space = _IndexSpace(self._vectors, NAMESPACE.format(version=model.version, space=AUDIO_SPACE))
        with self._breaker.guard():
            return [track_id for track_id, _ in space.nearest(point, limit=limit, exclude=frozenset())]

    def _spaces(self, source: Likeness, model: ModelVersion) -> dict[str, _IndexSpace]:
        return {
            space: _IndexSpace(self._vectors, NAMESPACE.format(version=model.version, space=space))
            for space in source.spaces
        }

    def _guarded(self, source: Likeness, find: Callable[[], CandidateList]) -> CandidateList:
        if not source.spaces:
            return find()
        with self._breaker.guard():
            return find()

    def _explained(self, source: Likeness, found: CandidateList) -> list[Candidate]:
        reasons = found.explain(range(len(found.track_ids)))
        titled = self._catalogue.tracks({reason.track_id for reason in reasons if reason.track_id})
        titles = {track_id: track.title for track_id, track in titled.items()}
        return [
            Candidate(track_id=track_id, source=source.name, rank=rank, score=score, because=reason.text(titles))
            for rank, (track_id, score, reason) in enumerate(
                zip(found.track_ids, found.scores, reasons, strict=True), 1
            )
        ]
