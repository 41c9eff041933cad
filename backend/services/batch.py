"""Answers for many listeners, one after another: for mails and offline lists."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from backend.domain.errors import SegueError
from backend.domain.wanted import EVERY_TRACK, Wanted
from backend.services.answers import AnswerPage
from backend.services.facets import CatalogueFacets
from backend.services.model import CurrentModel
from backend.services.recommend import Recommender

_log = logging.getLogger(__name__)

EACH_SECONDS: Final = 5.0
"""What one listener's answer may take: the others wait for it."""

_LISTENER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
"""As the contract has it for a single listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """One listener's: a page, or why there is none."""

    listener_id: str
    page: AnswerPage | None
    refusal: str = ""


class BatchRecommender:
    """The use case. One answer is in memory at a time; none is kept."""

    def __init__(self, recommender: Recommender, facets: CatalogueFacets, model: CurrentModel) -> None:
        self._recommender = recommender
        self._facets = facets
        self._model = model

    def answers(self, listener_ids: Sequence[str], *, wanted: Wanted, count: int) -> Iterator[BatchAnswer]:
        """An answer of `count` tracks (0: a page) for each, in their order. Raises InvalidInput for what is wanted."""
        if wanted.filter != EVERY_TRACK:
            # What is wrong with the question is said once, before the first answer.
            self._facets.admission(wanted.filter, self._model.version, field="options.filter")
        for listener_id in listener_ids:
            yield self._one(listener_id, wanted, count)

    def _one(self, listener_id: str, wanted: Wanted, count: int) -> BatchAnswer:
        if not _LISTENER_ID.fullmatch(listener_id):
            text = "no listener's id: it must have 1 to 128 letters, digits and ._:@- and begin with a letter or digit"
            return BatchAnswer(listener_id=listener_id, page=None, refusal=text)
        try:
            page = self._recommender.whole(listener_id, wanted=wanted, count=count, within=EACH_SECONDS)
        except SegueError as error:
            _log.warning("a listener of a batch has no answer: %s", error)
            return BatchAnswer(listener_id=listener_id, page=None, refusal=f"no answer now, ask again: {error}")
        return BatchAnswer(listener_id=listener_id, page=page)
