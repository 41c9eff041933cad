"""A listener's erasure as it is asked for, and what of it goes at once.

The erasure is written first, so that whatever ends this process, another takes it up (`resume`). Then, in this order:
every process hears that the pseudonym is nobody's; the mapping goes; tokens bound to the listener go; the profile goes,
and what was just played. Each step may be done again. What follows later (log, archive, tables, models, extracts) is
done by others, from the same document.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from backend.domain.erasures import ErasedPart, Erasure, PartReceipt, Subject
from backend.domain.errors import AlreadyExists, InvalidInput, NotFound, Unavailable, Violation
from backend.domain.page_tokens import decode_page_token, encode_page_token
from backend.ports.erasures import ErasureStore
from backend.ports.event_log import EventLog, Topic
from backend.ports.records import erasure_record
from backend.ports.store import ProfileStore
from backend.ports.tokens import BoundTokens
from backend.services.identities import KnownIdentities, digest_of
from backend.services.profiles import Profiles

_log = logging.getLogger(__name__)

ERASED_WITHIN = timedelta(hours=24)
"""What an erasure promises where no setting says otherwise."""

RESUME_SECONDS = 5.0
"""Between two looks for erasures that were left in the middle."""

LEFT_AFTER = timedelta(seconds=10)
"""An erasure that has not done at once what goes at once by then is taken up by whoever looks."""

APPEND_SECONDS = 10.0
"""What taking one up waits for the log."""

DEFAULT_PAGE = 100

AT_ONCE = (ErasedPart.IDENTITY, ErasedPart.PROFILE)

_WAITS = "waits for the next pass over erasures"
_QUESTION = "erasures"


class ErasureAndProfileStore(ErasureStore, ProfileStore, Protocol):
    """What an erasure needs of the store."""


class Erasures:
    """Asks for erasures, does what goes at once, and tells of them. Every method raises Unavailable. Thread-safe."""

    def __init__(
        self,
        store: ErasureAndProfileStore,
        log: EventLog,
        identities: KnownIdentities,
        profiles: Profiles,
        tokens: BoundTokens,
        *,
        due_within: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._log_of_events = log
        self._identities = identities
        self._profiles = profiles
        self._tokens = tokens
        self._due_within = due_within
        self._now = now
        self._asking = threading.Lock()

    def ask(self, listener_id: str, *, timeout_seconds: float) -> Erasure:
        """Erase the listener; what goes at once is gone when it returns.

        Raises NotFound for a listener of whom nothing is held, AlreadyExists while an erasure of theirs runs and they
        have not come back since. Where it raises Unavailable the erasure may be under way: asked again, it goes on.
        """
        key = self._identities.look_up_key(listener_id)
        with self._asking:
            pseudonym = self._identities.pseudonym(listener_id)
            running = self._running(key, pseudonym)
            if running is not None and all(running.is_done(part) for part in AT_ONCE):
                raise AlreadyExists(f"an erasure of this listener runs already: {running.erasure_id}")
            if running is None:
                if pseudonym is None:
                    raise NotFound("nothing is held of a listener of this id")
                running = self._begun(Subject(pseudonym=pseudonym, look_up_key=key))
            return self._at_once(running, timeout_seconds=timeout_seconds)

    def resume(self) -> None:
        """Take up what somebody left in the middle; and drop again what was still on its way to a profile."""
        left = [one for one in self._store.open_erasures() if one.asked_at < self._now() - LEFT_AFTER]
        for erasure in left:
            if not all(erasure.is_done(part) for part in AT_ONCE):
                self._at_once(erasure, timeout_seconds=APPEND_SECONDS)
        # Until the log has forgotten the listener, the sink may make their profile again.
        late = [one.subject.pseudonym for one in left if one.subject and not one.is_done(ErasedPart.LOG)]
        if late:
            self._store.drop_profiles(late)

    def get(self, erasure_id: str) -> Erasure:
        """One of them. Raises NotFound."""
        found = self._store.erasure(erasure_id)
        if found is None:
            raise NotFound("there is no erasure of this id, or its receipt is no longer kept")
        return found

    def page(self, *, page_size: int, page_token: str) -> tuple[Sequence[Erasure], str]:
        """Some of them, newest first, and the token of the next page ("" at the end). Raises InvalidInput.

        `page_size` 0 means DEFAULT_PAGE.
        """
        before = _place(page_token) if page_token else None
        size = page_size or DEFAULT_PAGE
        found = self._store.erasures(limit=size + 1, before=before)
        if len(found) <= size:
            return found, ""
        last = found[size - 1]
        place = (round(last.asked_at.timestamp() * 1000), last.erasure_id)
        return found[:size], encode_page_token(place, question=_QUESTION)

    def _running(self, key: str, pseudonym: str | None) -> Erasure | None:
        """The open erasure of this listener as they are now; None where they came back since, or there is none."""
        theirs = [one for one in self._store.open_erasures() if one.subject and one.subject.look_up_key == key]
        if pseudonym is not None:
            theirs = [one for one in theirs if one.subject and one.subject.pseudonym == pseudonym]
        return theirs[-1] if theirs else None

    def _moment(self) -> datetime:
        """Now, as the store keeps it: to the millisecond."""
        now = self._now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _begun(self, subject: Subject) -> Erasure:
        asked_at = self._moment()
        due_at = asked_at + self._due_within
        erasure = Erasure(
            erasure_id=str(uuid.uuid4()),
            asked_at=asked_at,
            due_at=due_at,
            parts={part: PartReceipt(until=due_at, told=_WAITS) for part in ErasedPart},
            subject=subject,
        )
        self._store.put_erasure(erasure)
        return erasure

    def _at_once(self, erasure: Erasure, *, timeout_seconds: float) -> Erasure:
        """The erasure with the receipts of what goes at once."""
        subject = erasure.subject
        if subject is None:
            return erasure
        digest = digest_of(subject.pseudonym)
        news = [erasure_record(digest)]
        if not all(self._log_of_events.append(Topic.ERASURES, news, timeout_seconds=timeout_seconds)):
            raise Unavailable(f"erasure {erasure.erasure_id} is kept, and goes on once the event log confirms its news")
        self._identities.forget(subject.pseudonym)
        identity = self._tokens_taken(subject, erasure)
        rows = self._store.drop_profiles([subject.pseudonym])
        self._profiles.forget([digest])
        told = "the profile, and what was just played; kept answers name nobody and expire within 10 minutes"
        profile = PartReceipt(rows=rows, done_at=self._moment(), told=told)
        parts = {ErasedPart.IDENTITY: identity, ErasedPart.PROFILE: profile}
        for part, receipt in parts.items():
            self._store.put_part(erasure.erasure_id, part, receipt)
        _log.info("erasure %s: identity and profile are gone", erasure.erasure_id)
        return replace(erasure, parts={**erasure.parts, **parts})

    def _tokens_taken(self, subject: Subject, erasure: Erasure) -> PartReceipt:
        """The receipt of the mapping, which is gone, and of the tokens, found by the key of the ids they name."""
        try:
            count = self._tokens.revoke(lambda bound: self._identities.look_up_key(bound) == subject.look_up_key)
        except (InvalidInput, Unavailable) as error:
            _log.error("erasure %s: tokens bound to the listener are there still: %s", erasure.erasure_id, error)
            told = "id and pseudonym are parted; bound tokens are there still: their file cannot be used (see the log)"
            return PartReceipt(rows=1, until=erasure.due_at, told=told)
        told = f"id and pseudonym are parted; tokens that were bound to the listener: {count}"
        return PartReceipt(rows=1 + count, done_at=self._moment(), told=told)


def _place(page_token: str) -> tuple[datetime, str]:
    """After which erasure the page begins. Raises InvalidInput."""
    milliseconds, erasure_id = decode_page_token(page_token, (int, str), question=_QUESTION)
    try:
        return datetime.fromtimestamp(0, tz=UTC) + timedelta(milliseconds=int(milliseconds)), str(erasure_id)
    except OverflowError as error:
        raise InvalidInput([Violation("page_token", "its time is in no calendar: send none")]) from error
