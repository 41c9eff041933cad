"""Makes Kafka forget for good what deletions have taken away from its topics.

Kafka's log cleaner (kafka.apache.org/documentation, "Log Compaction") copies a partition's closed segments without the
records that a later one of the same key replaced, and drops a deletion at the pass after the one that first met it.
Left to itself it takes its time; here the topics are told to close segments soon and to be cleaned at once, and are
told otherwise again at the end. A process that dies in between leaves them so: they cost more work than they need until
the next `run`, or the next `create_topics`, says otherwise. docs/adr/0015-erasure.md says what was learnt of it.
"""

import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from backend.adapters.event_log.configs import alter
from backend.adapters.event_log.topics import RATIO
from backend.domain.errors import Unavailable

NUDGE_SECONDS = 2.0

EAGER: Mapping[str, str] = {
    RATIO: "0.0",
    "segment.ms": "1000",
    "delete.retention.ms": "0",
    "file.delete.delay.ms": "1000",
}
"""How a topic is cleaned at once."""

_USUAL: Mapping[str, None] = dict.fromkeys(EAGER.keys() - {RATIO})
"""What goes back to the broker's default afterwards; the ratio goes back to what it was."""


class Cleaning:
    """One pass over topics: `ratios` by full name is what each one's RATIO usually is."""

    def __init__(self, admin: AdminClient, ratios: Mapping[str, str]) -> None:
        self._admin = admin
        self._ratios = ratios

    def run(self, is_done: Callable[[], bool], nudge: Callable[[], None], *, timeout_seconds: float) -> bool:
        """Clean until it is done or the time is over; whether it is done. Raises Unavailable."""
        deadline = time.monotonic() + timeout_seconds
        try:
            while not (done := is_done()) and time.monotonic() < deadline:
                # Each time: a server that starts meanwhile makes them usual again (`create_topics`).
                self.begin()
                nudge()
                time.sleep(NUDGE_SECONDS)
        finally:
            make_usual(self._admin, self._ratios)
        return done

    def begin(self) -> None:
        """Have the topics cleaned at once, from now on. Raises Unavailable."""
        _tell(self._admin, dict.fromkeys(self._ratios, EAGER))


def make_usual(admin: AdminClient, ratios: Mapping[str, str]) -> None:
    """Clean topics as usual again: each, by full name, at this ratio. Raises Unavailable."""
    _tell(admin, {name: {**_USUAL, RATIO: ratio} for name, ratio in ratios.items()})


def _tell(admin: AdminClient, wanted: Mapping[str, Mapping[str, str | None]]) -> None:
    try:
        alter(admin, wanted)
    except KafkaException as error:
        raise Unavailable(f"Kafka did not change how it cleans {', '.join(wanted)}: {error}") from error
