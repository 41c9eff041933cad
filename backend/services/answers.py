"""Answers kept with the store for a while, so that the pages of one answer agree, whichever server is asked."""

import hmac
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from backend.domain.errors import InvalidInput, Unavailable, Violation
from backend.domain.page_tokens import decode_page_token, encode_page_token
from backend.domain.recommendations import Answer, Recommendation
from backend.ports.store import AnswerStore, KeptAnswer
from backend.services.answer_codec import UnreadableAnswer, decoded, encoded
from backend.services.breaker import Breaker

_log = logging.getLogger(__name__)

KEPT = timedelta(minutes=10)
KEPT_BYTES = 128 * 1024 * 1024
"""What one server's answers may take in the store, some 5,000 of the usual size; the oldest go first."""

LARGEST_BYTES = 256 * 1024
"""No answer within the contract's bounds comes near it."""

TIDY_SECONDS = 5.0
WRITE_SECONDS = 0.05
"""Between two writings of the answers that wait."""

LOOKS = 5
"""How often a server looks for an answer that another one may not have written yet."""

WAITING = 1_000
"""Answers that wait while the store is down, some 50 MB at most."""

DEFAULT_PAGE = 20


@dataclass(slots=True)
class Shown:
    """What a door made of a page's recommendations under a revision of the catalogue; b"" where it did not yet."""

    content: bytes = b""
    revision: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPage:
    """A part of an answer: its recommendations, and the token of the next part ("" at the end).

    That is the part from `end` of the answer that is kept as `kept_id`. `shown` is for doors to keep their message in.
    """

    answer: Answer
    recommendations: Sequence[Recommendation]
    next_page_token: str
    kept_id: str = ""
    end: int = 0
    shown: Shown = field(default_factory=Shown, compare=False)


@dataclass(frozen=True, slots=True)
class _Waiting:
    answer: Answer
    question: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    answer_id: str
    size: int
    expires_at: datetime


class Answers:
    """Cuts answers into pages.

    A token carries the id that an answer is kept under, the place to go on from, and the recommendation's own id.
    Nobody reads another's answer: an answer is kept with the digest of the question it was given to, who asked
    included, and opens only to that question (ADR 11). While the store is down an answer has one page. `behind` leaves
    the writing to `write`, so that no caller waits for it: until then only this process continues the answer, and
    others look for it again (ADR 22). Thread-safe.
    """

    def __init__(
        self,
        store: AnswerStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        kept_bytes: int = KEPT_BYTES,
        behind: bool = False,
    ) -> None:
        self._store = store
        self._breaker = Breaker("the store of answers")
        self._now = now
        self._kept_bytes = kept_bytes
        self._kept: deque[_Kept] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._behind = behind
        self._waiting: dict[str, _Waiting] = {}
        self._is_down = False
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
        answer_id, start, recommendation_id = decode_page_token(token, (str, int, str), question=question)
        asked, answer = self._read(str(answer_id))
        # Also where the token's own digest fits: it is the client's word only, and the answer may be another's.
        if answer is None or not hmac.compare_digest(asked, question) or int(start) < 0:
            raise InvalidInput([Violation("page_token", "its answer is no longer kept: ask again without a token")])
        answer = replace(answer, recommendation_id=str(recommendation_id))
        return _page(answer, int(start), page_size, question, kept_id=str(answer_id))

    @staticmethod
    def as_of(page: AnswerPage, answer: Answer, *, question: str) -> AnswerPage:
        """A page that was given before, as one of `answer`, which differs in its id only: both go on with what is kept.

        So an answer that is given again need not be kept again.
        """
        more = _token(page.kept_id, page.end, answer, question) if page.next_page_token else ""
        return replace(page, answer=answer, next_page_token=more)

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

    def write(self) -> None:
        """Bring into the store what waits; a loop calls it, and whoever stops the server. Raises Unavailable.

        What could not be written still waits, the newest WAITING of it, and is continued here meanwhile.
        """
        with self._lock:
            waiting = dict(self._waiting)
        try:
            self._put([_written(each) for each in waiting.values()])
        except BaseException as error:
            self._is_down = isinstance(error, Unavailable)
            with self._lock:
                for one in list(self._waiting)[:-WAITING]:
                    del self._waiting[one]
            raise
        self._is_down = False
        with self._lock:
            for one in waiting:
                del self._waiting[one]

    def write_last(self) -> None:
        """The same at a server's end, where nobody tries again."""
        try:
            self.write()
        except Unavailable as error:
            _log.warning("%d answers have one page: %s", len(self._waiting), error)

    def _read(self, answer_id: str) -> tuple[str, Answer | None]:
        """The question and its answer. Another server may be just about to write it."""
        for looks in range(LOOKS):
            waiting = self._waiting.get(answer_id)
            if waiting is not None:
                return waiting.question, waiting.answer if waiting.expires_at > self._now() else None
            content = self._store.answer(answer_id, now=self._now())
            if content is not None or not self._behind or looks == LOOKS - 1:
                return _decoded(content)
            time.sleep(WRITE_SECONDS)
        raise AssertionError("the last look returns")

    def _keep(self, answer: Answer, question: str) -> bool:
        """Whether the answer can be continued."""
        one = _Waiting(answer, question, self._now() + KEPT)
        if self._behind:
            with self._lock:
                self._waiting[answer.recommendation_id] = one
            return not self._is_down
        written = _written(one)
        if len(written.content) > LARGEST_BYTES:
            return False
        try:
            self._put([written])
        except Unavailable as error:
            _log.warning("an answer has one page: %s", error)
            return False
        return True

    def _put(self, answers: Sequence[KeptAnswer]) -> None:
        small = [one for one in answers if len(one.content) <= LARGEST_BYTES]
        if len(small) < len(answers):
            _log.error("%d answers are too large to be kept: they have one page", len(answers) - len(small))
        if not small:
            return
        with self._breaker.guard():
            self._store.put_answers(small)
        with self._lock:
            self._kept.extend(_Kept(one.answer_id, len(one.content), one.expires_at) for one in small)
            self._bytes += sum(len(one.content) for one in small)


def _written(one: _Waiting) -> KeptAnswer:
    content = encoded(one.answer, question=one.question)
    return KeptAnswer(answer_id=one.answer.recommendation_id, content=content, expires_at=one.expires_at)


def _decoded(content: bytes | None) -> tuple[str, Answer | None]:
    if content is None:
        return "", None
    try:
        return decoded(content)
    except UnreadableAnswer as error:
        _log.warning("a kept answer cannot be read: %s", error)
        return "", None


def _token(kept_id: str, start: int, answer: Answer, question: str) -> str:
    return encode_page_token((kept_id, start, answer.recommendation_id), question=question)


def _page(answer: Answer, start: int, page_size: int, question: str, *, kept_id: str = "") -> AnswerPage:
    kept_id = kept_id or answer.recommendation_id
    end = start + (page_size or DEFAULT_PAGE)
    more = end < len(answer.recommendations)
    return AnswerPage(
        answer=answer,
        recommendations=answer.recommendations[start:end],
        next_page_token=_token(kept_id, end, answer, question) if more else "",
        kept_id=kept_id,
        end=end,
    )
