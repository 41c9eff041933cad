"""What listeners allow: said by them or for them, and kept in the event log."""

from backend.domain.errors import Unavailable
from backend.domain.rights import ListenerRights
from backend.ports.event_log import EventLog, Topic
from backend.ports.records import rights_record
from backend.services.identities import KnownIdentities


class Rights:
    """Writes topic `rights`; who learns from plays, or counts them, reads it there."""

    def __init__(self, log: EventLog, identities: KnownIdentities) -> None:
        self._log = log
        self._identities = identities

    def allow_training(self, listener_id: str, *, allowed: bool, timeout_seconds: float) -> None:
        """Whether models may learn from the listener's plays. Durable when it returns. Raises Unavailable.

        Of a listener whom nobody knows yet it holds from the first play on.
        """
        pseudonym = self._identities.ensured([listener_id]).found.get(listener_id)
        if pseudonym is None:
            raise Unavailable("the store of identities cannot be read, and the listener is not remembered")
        record = rights_record(ListenerRights(listener_id=pseudonym, allow_training=allowed))
        if self._log.append(Topic.RIGHTS, [record], timeout_seconds=timeout_seconds) != [True]:
            raise Unavailable("the event log did not confirm what the listener allows: send it again")
