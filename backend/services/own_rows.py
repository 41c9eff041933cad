"""A listener's own rows of the home page: for them, like what they played last, and of the topics they play most."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from backend.domain.errors import NotFound, Unavailable
from backend.domain.recommendations import Recommendation
from backend.domain.wanted import Wanted
from backend.ports.models import ModelVersion
from backend.ranking.profile import Taste
from backend.services.answers import AnswerPage
from backend.services.catalogue import Catalogue
from backend.services.explore import Explorer
from backend.services.parts import Turn
from backend.services.recommend import Recommender
from backend.services.topics import ListedTrack

_log = logging.getLogger(__name__)

BECAUSE, LIKED = 2, 3
"""Rows of the tracks played last, and of topics, at most."""

FOR_THEM: Final = 200
"""Tracks recommended to the listener that rows are filled from."""

ANSWER_SHARE, SIMILAR_SHARE = 0.5, 0.4
"""Of the time that is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRows:
    """What the rows are filled from: `recommended` (best first), the tracks played last with their titles, topics."""

    recommendation_id: str
    recommended: Sequence[ListedTrack]
    anchors: Sequence[tuple[str, str]]
    liked_topics: Sequence[str]
    degraded: bool


NO_ROWS: Final = OwnRows(recommendation_id="", recommended=(), anchors=(), liked_topics=(), degraded=False)


class OwnRowsMaker:
    """Makes them, each within its share of the time; one that cannot be made is left out."""

    def __init__(self, recommender: Recommender, explorer: Explorer, catalogue: Catalogue) -> None:
        self._recommender = recommender
        self._explorer = explorer
        self._catalogue = catalogue

    def rows(self, listener_id: str, taste: Taste, model: ModelVersion | None, turn: Turn) -> OwnRows:
        """For one of whom something is known; NO_ROWS for others, and without a model version."""
        if model is None or not taste.plays:
            return NO_ROWS
        page = self._recommended(listener_id, turn)
        anchors = self._catalogue.remembered_tracks(taste.last[:BECAUSE], old=True).found
        return OwnRows(
            recommendation_id=page.answer.recommendation_id if page else "",
            recommended=_listed(page.recommendations) if page else (),
            anchors=[(one, track.title) for one, track in anchors.items()],
            liked_topics=_liked_topics(model, taste),
            degraded=page is None,
        )

    def like(self, track_id: str, turn: Turn) -> tuple[Sequence[ListedTrack], bool]:
        """Tracks like one, and whether they could be told."""
        find: Callable[[], Sequence[Recommendation]] = partial(self._explorer.like, track_id)
        try:
            return _listed(turn.ask("similar", find, share=SIMILAR_SHARE)), True
        except (Unavailable, NotFound) as error:
            _log.warning("a home page without tracks like %s: %s", track_id, error)
            return (), False

    def _recommended(self, listener_id: str, turn: Turn) -> AnswerPage | None:
        try:
            return self._recommender.whole(listener_id, wanted=Wanted(), count=FOR_THEM, within=turn.left(ANSWER_SHARE))
        except Unavailable as error:
            _log.warning("a home page without what is recommended: %s", error)
            return None


def _listed(recommended: Sequence[Recommendation]) -> list[ListedTrack]:
    return [ListedTrack(track_id=one.track_id, because=one.reasons[0].text) for one in recommended]


def _liked_topics(model: ModelVersion, taste: Taste) -> list[str]:
    """Topics of the upper level by the plays of the listener's tracks in them, most first; of equals by id."""
    if model.topics is None:
        return []
    plays: Counter[str] = Counter()
    for track_id, count in taste.plays.items():
        for topic_id in model.topics.topics_of(track_id)[-1:]:
            plays[topic_id] += round(count)
    return sorted(plays, key=lambda one: (-plays[one], one))[:LIKED]
