"""Which listeners let nobody learn from their plays: the last word of each in the compacted topic `rights`.

It is read from the log itself and not from a table beside it: what the log has confirmed counts for the next training,
however far the sink is, and there is one place fewer that holds a listener.
"""

import logging

from backend.ports.event_log import EventLog, Topic
from backend.ports.fields import MalformedRecord
from backend.ports.records import rights_from_value
from backend.scanning import records

_log = logging.getLogger(__name__)


def withheld_listeners(event_log: EventLog) -> frozenset[str]:
    """Their pseudonyms. A record that says nothing readable is passed over and told. Raises Unavailable."""
    withheld: set[str] = set()
    for record in records(event_log, Topic.RIGHTS):
        if record.value is None:
            withheld.discard((record.key or b"").decode(errors="replace"))
            continue
        try:
            said = rights_from_value(record.value)
        except MalformedRecord as error:
            _log.warning("passed over rights[%d]@%d: %s", record.partition, record.offset, error)
            continue
        if said.allow_training:
            withheld.discard(said.listener_id)
        else:
            withheld.add(said.listener_id)
    return frozenset(withheld)
