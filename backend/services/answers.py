"""Answers kept for a while, so that the pages of one answer agree."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from backend.domain.errors import InvalidInput, Violation
from backend.domain.page_tokens import decode_page_token, encode_page_token
from backend.domain.recommendations import Answer, Recommendation
from backend.services.bounded import BoundedMap

KEPT_ANSWERS = 5_000
KEPT_SECONDS = 600.0

DEFAULT_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPage:
    """A part of an answer: its recommendations, and the token of the next part ("" at the end)."""

    answer: Answer
    recommendations: tuple[Recommendation, ...]
    next_page_token: str


class Answers:
    """Cuts answers into pages. A token carries the answer's id and the place to go on from."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: BoundedMap[str, Answer] = BoundedMap(KEPT_ANSWERS, seconds=KEPT_SECONDS, clock=clock)

    def first_page(self, answer: Answer, *, page_size: int, question: str) -> AnswerPage:
        """The beginning of a new answer; `page_size` 0 means DEFAULT_PAGE."""
        page = self._page(answer, 0, page_size, question)
        if page.next_page_token:
            self._kept.put(answer.recommendation_id, answer)
        return page

    def next_page(self, token: str, *, page_size: int, question: str) -> AnswerPage:
        """The page a token asks for. Raises InvalidInput: not a token of this question, or its answer is forgotten."""
        recommendation_id, start = decode_page_token(token, (str, int), question=question)
        answer = self._kept.get(str(recommendation_id))
        if answer is None or int(start) < 0:
            raise InvalidInput([Violation("page_token", "its answer is no longer kept: ask again without a token")])
        return self._page(answer, int(start), page_size, question)

    def _page(self, answer: Answer, start: int, page_size: int, question: str) -> AnswerPage:
        end = start + (page_size or DEFAULT_PAGE)
        more = end < len(answer.recommendations)
        return AnswerPage(
            answer=answer,
            recommendations=answer.recommendations[start:end],
            next_page_token=encode_page_token((answer.recommendation_id, end), question=question) if more else "",
        )
