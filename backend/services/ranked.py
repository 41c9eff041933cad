"""A whole answer's ranking, of which only what somebody reads is explained."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import overload

import numpy as np

from backend.domain.recommendations import Reason, Recommendation
from backend.ranking.fuse import Fused, Part
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
        """The ranking again. Raises IndexError, KeyError and ValueError where the columns do not fit each other."""
        sources = list(self.weights)
        ranks = np.zeros((len(self.track_ids), len(sources)), dtype=np.int32)
        for column, source in enumerate(sources):
            at = np.array(self.lists[source], dtype=np.int64)
            ranks[at[at >= 0], column] = np.flatnonzero(at >= 0) + 1
        fused = Fused(
            track_ids=self.track_ids,
            sources=sources,
            weights=np.array([self.weights[one] for one in sources]),
            ranks=ranks,
        )
        lists = {source: CandidateList(explain=self._reading(self.texts[source])) for source in sources}
        scores = dict(zip(self.track_ids, self.scores, strict=True)) if self.scores else None
        return Ranked(range(len(self.track_ids)), fused, lists, lambda _: {}, scores=scores)

    def _reading(self, texts: Sequence[int]) -> Callable[[Sequence[int]], list[Because]]:
        return lambda places: [
            Because(self.sentences[texts[place]], anchor=self.anchors[texts[place]]) for place in places
        ]


class Ranked(Sequence[Recommendation]):
    """Recommendations best first, made when they are read: a page has twenty, the ranking some seven hundred.

    `shown` are the places in `fused` of those that are shown, in the order in which they are; `lists` holds what each
    source listed, which tells its reasons; `titles` fills the titles of other tracks into them. `scores` stand in
    for the fused ones, where given. Never changes.
    """

    def __init__(
        self,
        shown: Sequence[int],
        fused: Fused,
        lists: Mapping[str, CandidateList],
        titles: Titles,
        *,
        scores: Mapping[str, float] | None = None,
    ) -> None:
        self._shown = shown
        self._fused = fused
        self._lists = lists
        self._titles = titles
        self._scores = scores

    def __len__(self) -> int:
        return len(self._shown)

    @overload
    def __getitem__(self, place: int) -> Recommendation: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Recommendation, ...]: ...

    def __getitem__(self, place: int | slice) -> Recommendation | tuple[Recommendation, ...]:
        if isinstance(place, slice):
            return self._explained(self._shown[place])
        return self._explained([self._shown[place]])[0]

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self[:])

    def __eq__(self, other: object) -> bool:
        return self[:] == (other[:] if isinstance(other, Ranked) else other)

    __hash__ = None  # type: ignore[assignment] # as it is compared by what it holds

    def written_out(self) -> "WrittenOut":
        """All of it, every reason as it reads."""
        texts: dict[Because, int] = {}
        sources = self._fused.sources
        because = {source: self._lists[source].explain(range(len(self._lists[source].track_ids))) for source in sources}
        for told in chain.from_iterable(because.values()):
            texts.setdefault(told, len(texts))
        titles = self._titles({told.track_id for told in texts if told.track_id})
        track_ids = [self._fused.track_ids[place] for place in self._shown]
        place_of = dict(zip(track_ids, range(len(track_ids)), strict=True))
        return WrittenOut(
            track_ids=track_ids,
            weights=dict(zip(sources, self._fused.weights.tolist(), strict=True)),
            lists={source: [place_of.get(one, -1) for one in self._lists[source].track_ids] for source in sources},
            texts={source: [texts[told] for told in each] for source, each in because.items()},
            sentences=[told.text(titles) for told in texts],
            anchors=["".join(told.anchors) for told in texts],
            scores=[] if self._scores is None else [self._scores[one] for one in track_ids],
        )

    def _explained(self, shown: Sequence[int]) -> tuple[Recommendation, ...]:
        parts = self._fused.parts(shown)
        wanted: dict[str, list[int]] = {}
        for part in chain.from_iterable(parts):
            wanted.setdefault(part.source, []).append(part.rank)
        because = {
            (source, rank): told
            for source, ranks in wanted.items()
            for rank, told in zip(ranks, self._lists[source].explain([rank - 1 for rank in ranks]), strict=True)
        }
        titles = self._titles({told.track_id for told in because.values() if told.track_id})
        return tuple(
            self._recommendation(self._fused.track_ids[place], given, because, titles)
            for place, given in zip(shown, parts, strict=True)
        )

    def _recommendation(
        self,
        track_id: str,
        parts: Sequence[Part],
        because: Mapping[tuple[str, int], Because],
        titles: Mapping[str, str],
    ) -> Recommendation:
        score = sum(part.score for part in parts)
        told = [(part, because[part.source, part.rank]) for part in parts]
        reasons = tuple(
            Reason(
                source=part.source,
                rank=part.rank,
                share=part.score / score,
                text=reason.text(titles),
                anchors=reason.anchors,
            )
            for part, reason in told
        )
        shown = score if self._scores is None else self._scores[track_id]
        return Recommendation(track_id=track_id, score=shown, reasons=reasons)
