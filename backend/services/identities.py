"""Identities as the services use them: the mapping, and a memory before it that answers while the store is down.

What is remembered holds until somebody is erased: every process hears of that by the event log (topic `erasures`), the
same log that it would write to. Of a pseudonym the news tells only the SHA-256.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.domain.errors import Unavailable
from backend.ports.identity import Identities
from backend.services.breaker import Breaker

_log = logging.getLogger(__name__)

REMEMBERED = 100_000
"""Listeners; some 30 MB."""


def digest_of(pseudonym: str) -> str:
    """What the news of an erasure calls a pseudonym: nobody can tell it from that, as it is 128 bits of chance."""
    return hashlib.sha256(pseudonym.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Pseudonyms by the listener's own id; of those in `unread` nobody can tell while the store is down."""

    found: Mapping[str, str]
    unread: frozenset[str]


class KnownIdentities:
    """Pseudonyms for the listeners that calls name. Thread-safe."""

    def __init__(self, identities: Identities, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._identities = identities
        self._breaker = Breaker("the store of identities", clock=clock)
        self._remembered: OrderedDict[str, str] = OrderedDict()
        self._forgotten: set[str] = set()
        self._lock = threading.Lock()

    def ensured(self, listener_ids: Iterable[str]) -> Pseudonyms:
        """That of each, made where there was none."""
        return self._looked_up(listener_ids, self._identities.ensure)

    def known(self, listener_ids: Iterable[str]) -> Pseudonyms:
        """Those of listeners who have one: about others nothing is known anywhere."""
        return self._looked_up(listener_ids, self._identities.pseudonyms)

    def pseudonym(self, listener_id: str) -> str | None:
        """That of a known listener, None for another. Raises Unavailable where nobody can tell."""
        looked_up = self.known([listener_id])
        if looked_up.unread:
            raise Unavailable("the store of identities cannot be read, and the listener is not remembered")
        return looked_up.found.get(listener_id)

    def remembered(self, listener_id: str) -> str | None:
        """That of a listener whom this process has heard of lately; it waits for nobody."""
        with self._lock:
            return self._remembered.get(listener_id)

    def listener_ids(self, pseudonyms: Sequence[str]) -> dict[str, str]:
        """The own ids of the known listeners among them. Raises Unavailable."""
        with self._breaker.guard():
            return self._identities.listener_ids(pseudonyms)

    def look_up_key(self, listener_id: str) -> str:
        """See `Identities.look_up_key`."""
        return self._identities.look_up_key(listener_id)

    def forget(self, pseudonym: str) -> bool:
        """Forget the mapping, here and in the store; whether there was one. Raises Unavailable."""
        with self._breaker.guard():
            was_known = self._identities.forget(pseudonym)
        self.erased([digest_of(pseudonym)])
        return was_known

    def erased(self, digests: Sequence[str]) -> None:
        """The news of erasures: whoever of them is remembered is so no more."""
        gone = frozenset(digests)
        with self._lock:
            self._forgotten |= gone
            remembered = list(self._remembered.items())
        # Asked without the lock, as there may be many; what is remembered from now on is none of them.
        theirs = [(listener_id, pseudonym) for listener_id, pseudonym in remembered if digest_of(pseudonym) in gone]
        with self._lock:
            for listener_id, pseudonym in theirs:
                # Who came back meanwhile has another.
                if self._remembered.get(listener_id) == pseudonym:
                    del self._remembered[listener_id]

    def _looked_up(self, listener_ids: Iterable[str], read: Callable[[Sequence[str]], Mapping[str, str]]) -> Pseudonyms:
        found: dict[str, str] = {}
        asked: list[str] = []
        with self._lock:
            for one in dict.fromkeys(listener_ids):
                pseudonym = self._remembered.get(one)
                if pseudonym is None:
                    asked.append(one)
                else:
                    self._remembered.move_to_end(one)
                    found[one] = pseudonym
        if not asked:
            return Pseudonyms(found, frozenset())
        try:
            with self._breaker.guard():
                told = read(asked)
        except Unavailable as error:
            _log.warning("answering from what is remembered of identities: %s", error)
            return Pseudonyms(found, frozenset(asked))
        self._remember(told)
        return Pseudonyms({**found, **told}, frozenset())

    def _remember(self, told: Mapping[str, str]) -> None:
        with self._lock:
            for listener_id, pseudonym in told.items():
                # One that was read just before it was erased must not come to stay.
                if self._forgotten and digest_of(pseudonym) in self._forgotten:
                    continue
                self._remembered[listener_id] = pseudonym
                if len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
