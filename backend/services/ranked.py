"""A whole answer's ranking, of which only what somebody reads is explained."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from backend.domain.recommendations import Reason, Recommendation
from backend.ranking.fuse import Fused
from backend.ranking.lists import Because, CandidateList

Titles = Callable[[Iterable[str]], Mapping[str, str]]
"""The titles of the known ones among tracks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOut:
    """A ranking by columns, as it is kept.

    `lists` has of each source what it listed, as places in `track_ids` (-1: not shown); `texts` of each of these the
    place of its reason in `sentences`, and `anchors` the track that each of these speaks of ("": none). `weights` are
    those of the sources that counted, `scores` those of the tracks where they are not the fused ones ([] where they
    are).
    """

    track_ids: list[str]
    weights: dict[str, float]
    lists: dict[str, list[int]]
    texts: dict[str, list[int]]
    sentences: list[str]
    anchors: list[str]
    scores: list[float]

    def ranked(self) -> "Ranked":
        """The ranking again. Raises IndexError and KeyError where the columns do not fit each other."""
        ranks = {
            source: {self.track_ids[place]: rank for rank, place in enumerate(places, 1) if place >= 0}
            for source, places in self.lists.items()
        }
        lists = {source: CandidateList(explain=self._reading(texts)) for source, texts in self.texts.items()}
        fused = Fused(track_ids=self.track_ids, scores=(), lists=ranks, weights=self.weights)
        scores = dict(zip(self.track_ids, self.scores, strict=True)) if self.scores else None
        return Ranked(self.track_ids, fused, lists, lambda _: {}, scores=scores)

    def _reading(self, texts: Sequence[int]) -> Callable[[Sequence[int]], list[Because]]:
        return lambda places: [
            Because(self.sentences[texts[place]], anchor=self.anchors[texts[place]]) for place in places
        ]


class Ranked(Sequence[Recommendation]):
    """Recommendations best first, made when they are read: a page has twenty, the ranking some seven hundred.

    `track_ids` are those of `fused` that are shown, in the order in which they are; `lists` holds what each source
    listed, which tells its reasons; `titles` fills the titles of other tracks into them. `scores` stand in for the
    fused ones, where given. Never changes.
    """

    def __init__(
        self,
        track_ids: Sequence[str],
        fused: Fused,
        lists: Mapping[str, CandidateList],
        titles: Titles,
        *,
        scores: Mapping[str, float] | None = None,
    ) -> None:
        self._track_ids = track_ids
        self._fused = fused
        self._lists = lists
        self._titles = titles
        self._scores = scores

    def __len__(self) -> int:
        return len(self._track_ids)

    @overload
    def __getitem__(self, place: int) -> Recommendation: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Recommendation, ...]: ...

    def __getitem__(self, place: int | slice) -> Recommendation | tuple[Recommendation, ...]:
        if isinstance(place, slice):
            return self._explained(self._track_ids[place])
        return self._explained([self._track_ids[place]])[0]

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self[:])

    def __eq__(self, other: object) -> bool:
        return self[:] == (other[:] if isinstance(other, Ranked) else other)

    __hash__ = None  # type: ignore[assignment] # as it is compared by what it holds

    def written_out(self) -> "WrittenOut":
        """All of it, every reason as it reads."""
        texts: dict[tuple[str, str], int] = {}
        because = {
            source: self._lists[source].explain(range(len(self._lists[source].track_ids)))
            for source in self._fused.weights
        }
        titles = self._titles({told.track_id for each in because.values() for told in each if told.track_id})
        places = {track_id: place for place, track_id in enumerate(self._track_ids)}
        read = {told: (told.text(titles), "".join(told.anchors)) for each in because.values() for told in each}
        return WrittenOut(
            track_ids=list(self._track_ids),
            weights=dict(self._fused.weights),
            lists={
                source: [places.get(one, -1) for one in self._lists[source].track_ids] for source in self._fused.weights
            },
            texts={
                source: [texts.setdefault(read[told], len(texts)) for told in each] for source, each in because.items()
            },
            sentences=[sentence for sentence, _ in texts],
            anchors=[anchor for _, anchor in texts],
            scores=[] if self._scores is None else [self._scores[one] for one in self._track_ids],
        )

    def _explained(self, track_ids: Sequence[str]) -> tuple[Recommendation, ...]:
        parts = {track_id: self._fused.parts(track_id) for track_id in track_ids}
        wanted: dict[str, list[tuple[str, int]]] = {}
        for track_id, given in parts.items():
            for part in given:
                wanted.setdefault(part.source, []).append((track_id, part.rank - 1))
        because = {
            (source, track_id): told
            for source, places in wanted.items()
            for (track_id, _), told in zip(
                places, self._lists[source].explain([place for _, place in places]), strict=True
            )
        }
        titles = self._titles({told.track_id for told in because.values() if told.track_id})
        found = []
        for track_id, given in parts.items():
            score = sum(part.score for part in given)
            reasons = tuple(
                Reason(
                    source=part.source,
                    rank=part.rank,
                    share=part.score / score,
                    text=because[part.source, track_id].text(titles),
                    anchors=because[part.source, track_id].anchors,
                )
                for part in given
            )
            shown = score if self._scores is None else self._scores[track_id]
            found.append(Recommendation(track_id=track_id, score=shown, reasons=reasons))
        return tuple(found)
