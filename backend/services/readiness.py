"""Which use cases could be answered now: what every door tells of its health."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from backend.domain.errors import Unavailable
from backend.ports.event_log import EventLog
from backend.ports.identity import Identities
from backend.ports.store import Store
from backend.room import Room
from backend.services.model import CurrentModel

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Whether calls of each kind would be answered."""

    ingest: bool
    recommend: bool
    analytics: bool
    privacy: bool


class Readiness:
    """Looks at the parts.

    Ingest needs room, the log and the store (for what it does not know of the catalogue); analytics the store; privacy
    the log and the store; recommendations (and topics of tracks) the store or, without it, a model in memory, and,
    where the log answers, what other servers took in of late (`is_current`): else they would show what was played or
    hidden a moment ago. The log's topics and the indexes are made at the first look at which the parts answer; a store
    whose listeners were named by another secret is as good as down.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        store: Store,
        identities: Identities,
        model: CurrentModel,
        room: Room,
        is_current: Callable[[], bool],
    ) -> None:
        self._log_of_events = log
        self._store = store
        self._identities = identities
        self._model = model
        self._room = room
        self._is_current = is_current
        self._prepared: set[str] = set()

    def look(self) -> Ready:
        """What is ready now; raises nothing for a part that is down."""
        log_is_up = self._is_up("log", self._log_of_events.create_topics, self._log_of_events.ping)
        store_is_up = self._is_up("store", self._prepare_store, self._store.ping)
        return Ready(
            ingest=log_is_up and store_is_up and not self._room.shortage,
            recommend=(store_is_up or self._model.version is not None) and (self._is_current() or not log_is_up),
            analytics=store_is_up,
            privacy=log_is_up and store_is_up,
        )

    def _prepare_store(self) -> None:
        self._store.migrate()
        self._identities.check()

    def _is_up(self, part: str, prepare: Callable[[], None], ping: Callable[[], None]) -> bool:
        try:
            if part not in self._prepared:
                prepare()
                self._prepared.add(part)
            ping()
        except Unavailable as error:
            _log.warning("the %s cannot be used: %s", part, error)
            return False
        return True
