"""Answers that were given, so that the same question is not ranked again while nothing has changed."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.services.answers import AnswerPage, Answers
from backend.services.bounded import WeighedMap
from backend.services.identities import digest_of

RECOMMENDATIONS = 60_000
"""Those of all answers that are remembered: 3,000 pages of twenty, some 60 MB."""

SECONDS = 300.0
"""Half as long as an answer is kept for its further pages."""

Question = tuple[str, int]
"""The digest of what was asked and by whom, and how much of it a page holds."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What an answer depends on; each part is another object as soon as it is another."""

    parts: tuple[object, ...]

    def same(self, other: "State") -> bool:
        """Whether nothing has changed."""
        return all(one is another for one, another in zip(self.parts, other.parts, strict=True))


@dataclass(frozen=True, slots=True)
class _Given:
    pseudonym: str
    state: State
    page: AnswerPage


class Given:
    """First pages by their questions. Thread-safe.

    Whoever is erased is forgotten at once, and nothing that was being answered then comes to stay.
    """

    def __init__(self) -> None:
        self._pages: WeighedMap[Question, _Given] = WeighedMap(RECOMMENDATIONS, seconds=SECONDS)
        self._forgotten: set[str] = set()
        self._lock = threading.Lock()

    def page(self, question: Question, state: State, *, recommendation_id: str) -> AnswerPage | None:
        """The page that was given to the question, as one of its own; None where it must be answered anew."""
        given = self._pages.get(question)
        if given is None or not given.state.same(state):
            return None
        answer = replace(given.page.answer, recommendation_id=recommendation_id)
        return Answers.as_of(given.page, answer, question=question[0])

    def remember(self, question: Question, pseudonym: str, state: State, page: AnswerPage) -> None:
        """Keep a page for the next time. `pseudonym` is "" for one of whom nothing is known."""
        with self._lock:
            if not (pseudonym and self._forgotten and digest_of(pseudonym) in self._forgotten):
                self._pages.put(question, _Given(pseudonym, state, page), weight=len(page.recommendations) + 1)

    def forget(self, digests: Sequence[str]) -> None:
        """The news of erasures; `digests` are those of pseudonyms (`identities.digest_of`)."""
        with self._lock:
            self._forgotten.update(digests)
            gone = [key for key, one in self._pages.items() if one.pseudonym and digest_of(one.pseudonym) in digests]
            self._pages.forget(gone)
