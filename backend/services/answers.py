"""Answers kept with the store for a while, so that the pages of one answer agree, whichever server is asked."""

import hmac
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.domain.errors import InvalidInput, Unavailable, Violation
from backend.domain.page_tokens import decode_page_token, encode_page_token
from backend.domain.recommendations import Answer, Recommendation
from backend.ports.store import AnswerStore
from backend.services.answer_codec import UnreadableAnswer, decoded, encoded
from backend.services.breaker import Breaker

_log = logging.getLogger(__name__)

KEPT = timedelta(minutes=10)
KEPT_BYTES = 128 * 1024 * 1024
"""What one server's answers may take in the store, some 5,000 of the usual size; the oldest go first."""

LARGEST_BYTES = 256 * 1024
"""No answer within the contract's bounds comes near it."""

TIDY_SECONDS = 5.0
DEFAULT_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPage:
    """A part of an answer: its recommendations, and the token of the next part ("" at the end)."""

    answer: Answer
    recommendations: Sequence[Recommendation]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class _Kept:
    answer_id: str
    size: int
    expires_at: datetime


class Answers:
    """Cuts answers into pages. A token carries the answer's id and the place to go on from.

    Nobody reads another's answer: an answer is kept with the digest of the question it was given to, who asked
    included, and opens only to that question (ADR 11). While the store is down an answer has one page. Thread-safe.
    """

    def __init__(
        self,
        store: AnswerStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._store = store
        self._breaker = Breaker("the store of answers")
        self._now = now
        self._kept_bytes = kept_bytes
        self._kept: deque[_Kept] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._has_tidied = False

    def first_page(self, answer: Answer, *, page_size: int, question: str) -> AnswerPage:
        """The beginning of a new answer; `page_size` 0 means DEFAULT_PAGE. The answer is kept where it has more."""
        page = _page(answer, 0, page_size, question)
        if page.next_page_token and not self._keep(answer, question):
            return AnswerPage(answer=answer, recommendations=page.recommendations, next_page_token="")
        return page

    def next_page(self, token: str, *, page_size: int, question: str) -> AnswerPage:
        """The page a token asks for.

        Raises InvalidInput: not a token of this question, or its answer is no longer kept; Unavailable: the store is
        down.
        """
        answer_id, start = decode_page_token(token, (str, int), question=question)
        asked, answer = _decoded(self._store.answer(str(answer_id), now=self._now()))
        # Also where the token's own digest fits: it is the client's word only, and the answer may be another's.
        if answer is None or not hmac.compare_digest(asked, question) or int(start) < 0:
            raise InvalidInput([Violation("page_token", "its answer is no longer kept: ask again without a token")])
        return _page(answer, int(start), page_size, question)

    def tidy(self) -> None:
        """Drop what has expired, and the oldest of this server's answers where they take too much. Raises Unavailable.

        The first time also what servers that are no more have left behind.
        """
        now = self._now()
        if not self._has_tidied:
            self._store.drop_expired_answers(now=now)
            self._has_tidied = True
        with self._lock:
            gone, excess = [], self._bytes - self._kept_bytes
            for kept in self._kept:
                if excess <= 0 and kept.expires_at > now:
                    break
                gone.append(kept)
                excess -= kept.size
        if not gone:
            return
        self._store.drop_answers([kept.answer_id for kept in gone])
        # Only now: what could not be dropped is tried again.
        with self._lock:
            for kept in gone:
                self._kept.popleft()
                self._bytes -= kept.size

    def _keep(self, answer: Answer, question: str) -> bool:
        """Whether the answer can be continued."""
        content = encoded(answer, question=question)
        if len(content) > LARGEST_BYTES:
            _log.error("an answer of %d bytes is too large to be kept: it has one page", len(content))
            return False
        kept = _Kept(answer.recommendation_id, len(content), self._now() + KEPT)
        try:
            with self._breaker.guard():
                self._store.put_answer(kept.answer_id, content, expires_at=kept.expires_at)
        except Unavailable as error:
            _log.warning("an answer has one page: %s", error)
            return False
        with self._lock:
            self._kept.append(kept)
            self._bytes += kept.size
        return True


def _decoded(content: bytes | None) -> tuple[str, Answer | None]:
    if content is None:
        return "", None
    try:
        return decoded(content)
    except UnreadableAnswer as error:
        _log.warning("a kept answer cannot be read: %s", error)
        return "", None


def _page(answer: Answer, start: int, page_size: int, question: str) -> AnswerPage:
    end = start + (page_size or DEFAULT_PAGE)
    more = end < len(answer.recommendations)
    return AnswerPage(
        answer=answer,
        recommendations=answer.recommendations[start:end],
        next_page_token=encode_page_token((answer.recommendation_id, end), question=question) if more else "",
    )
