"""Asks the candidate sources for a model version, among the vectors of the index and with the catalogue's titles."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.domain.recommendations import Candidate
from backend.ports.models import NAMESPACE, ModelVersion
from backend.ports.vectors import EVERYTHING, Filter, VectorIndex, Vectors
from backend.ranking.lists import (
    AUDIO_SPACE,
    CONTENT_SPACE,
    FACTORS_SPACE,
    Asked,
    AskedTrack,
    CandidateList,
    Near,
    NearTracks,
    Space,
)
from backend.ranking.profile import Taste
from backend.ranking.sources import WORDS
from backend.ranking.sources.source import Likeness, Source
from backend.services.arrivals import MOST, Arrivals
from backend.services.breaker import Breaker
from backend.services.catalogue import Catalogue
from backend.services.facets import Admission
from backend.services.filtered import FilteredSpace, narrowed

MOST_LINKED = 20_000
"""Tracks that a source without vectors names at most: 100 neighbours each of a profile's 200."""


@dataclass(frozen=True, slots=True)
class _IndexSpace:
    """`backend.ranking.lists.Space` over one namespace of the vector index."""

    vectors: VectorIndex
    namespace: str
    where: Filter = EVERYTHING

    def fetch(self, ids: Iterable[str]) -> Mapping[str, Vectors]:
        """See `Space.fetch`."""
        return self.vectors.fetch(self.namespace, list(ids))

    def nearest(self, query: Vectors, *, limit: int, exclude: frozenset[str]) -> Near:
        """See `Space.nearest`."""
        return self.vectors.search(self.namespace, query, limit=limit, exclude=exclude, where=self.where)

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
        self,
        source: Source,
        model: ModelVersion,
        taste: Taste,
        *,
        limit: int,
        exclude: frozenset[str],
        admission: Admission | None = None,
        held: Mapping[str, Space] | None = None,
    ) -> CandidateList:
        """What one source proposes to a listener, none of `exclude`, and only what is admitted.

        `held` are vectors in memory to look among in place of the index's.
        """

        def newer(listener: Vectors) -> Near:
            if admission is None:
                return self._arrivals.near(model, listener, limit=limit, exclude=exclude)
            found = self._arrivals.near(model, listener, limit=MOST, exclude=exclude)
            return [one for one in found if admission.admits(one[0])][:limit]

        spaces: Mapping[str, Space] = self._spaces(source, model, admission) if held is None else held
        if admission is not None:
            whole = self._spaces(source, model) if held is None else held
            spaces = {name: FilteredSpace(space, admission, whole=whole[name]) for name, space in spaces.items()}
        # Without vectors a source ranks all that it knows, and those that pass are taken of that.
        asked = Asked(
            taste=taste,
            exclude=exclude,
            limit=limit if admission is None or source.spaces else MOST_LINKED,
            part=model.parts.get(source.name),
            spaces=spaces,
            newer=newer,
        )
        found = source.ask(asked) if held is not None else self._guarded(source, lambda: source.ask(asked))
        return found if admission is None else narrowed(found, admission.admits, limit=limit)

    def vectors_of(self, model: ModelVersion, track_ids: Sequence[str]) -> list[Mapping[str, Vectors]]:
        """The tracks' vectors by what the same listeners play, and by words."""
        with self._breaker.guard():
            return [
                self._vectors.fetch(NAMESPACE.format(version=model.version, space=space), list(track_ids))
                for space in (FACTORS_SPACE, CONTENT_SPACE)
            ]

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
        return self.near_point(model, AUDIO_SPACE, point, limit=limit, exclude=frozenset())

    def near_point(
        self, model: ModelVersion, space: str, point: Vectors, *, limit: int, exclude: frozenset[str]
    ) -> list[str]:
        """Tracks near a point of a version's space, nearest first."""
        among = _IndexSpace(self._vectors, NAMESPACE.format(version=model.version, space=space))
        with self._breaker.guard():
            return [track_id for track_id, _ in among.nearest(point, limit=limit, exclude=exclude)]

    def _spaces(
        self, source: Likeness, model: ModelVersion, admission: Admission | None = None
    ) -> dict[str, _IndexSpace]:
        where = EVERYTHING if admission is None else admission.where
        return {
            space: _IndexSpace(self._vectors, NAMESPACE.format(version=model.version, space=space), where)
            for space in source.spaces
        }

    def _guarded(self, source: Likeness, find: Callable[[], CandidateList]) -> CandidateList:
        if not source.spaces:
            return find()
        with self._breaker.guard():
            return find()

    def _explained(self, source: Likeness, found: CandidateList) -> list[Candidate]:
        reasons = found.explain(range(len(found.track_ids))) if found.track_ids else ()
        titled = self._catalogue.tracks({reason.track_id for reason in reasons if reason.track_id})
        titles = {track_id: track.title for track_id, track in titled.items()}
        return [
            Candidate(
                track_id=track_id,
                source=source.name,
                rank=rank,
                score=score,
                because=reason.text(titles),
                anchors=reason.anchors,
            )
            for rank, (track_id, score, reason) in enumerate(
                zip(found.track_ids, found.scores, reasons, strict=True), 1
            )
        ]
