"""A whole answer's ranking, of which only what somebody reads is explained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import overload

from backend.domain.recommendations import Reason, Recommendation
from backend.ranking.fuse import Fused
from backend.ranking.lists import CandidateList

Titles = Callable[[Iterable[str]], Mapping[str, str]]
"""The titles of the known ones among tracks."""


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
        self._scores = scores or {}

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
            found.append(Recommendation(track_id=track_id, score=self._scores.get(track_id, score), reasons=reasons))
        return tuple(found)
