"""Takes away what has been kept for as long as the settings say (`backend.domain.retention`), whole days at a time.

Outcomes of a round, each step for itself: done → logged where something went; a part is down → logged, the other steps
are done, and what was left is tried in the next round. Steps may be repeated and killed at any moment.
1. Rows of live tables by their moment: from the result topic by deletions (result_topics.py), from the store at once,
   which also holds rows that the topic does not: letters of the sink, and what Kafka has dropped by then.
2. Days of the play archive.
3. Extracts that this home made, and receipts of erasures.
Events, and records of result topics, age out in Kafka itself: `EventLog.create_topics` tells it how long they are kept.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from backend import extracts
from backend.domain.errors import SegueError, Unavailable
from backend.domain.live_tables import LIVE_TABLES
from backend.domain.retention import Retention, kept_since
from backend.ports.event_log import EventLog
from backend.ports.store import Scalar, Store
from streaming import archive_erasing, compact, result_topics

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept, and where: `archive` is the play archive's URL."""

    event_log: EventLog
    store: Store
    archive: str
    home: Path


class Rounds:
    """Rounds of a keeper. What a step did for a day it does not do again on that day, but at the process's start."""

    def __init__(
        self, kept: Kept, retention: Retention, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._kept = kept
        self._retention = retention
        self._now = now
        self._since: dict[str, datetime] = {}
        """From when on what each step looks after is kept, as of its last success."""

    def look(self) -> None:
        """One round. Raises Unavailable, naming what was left to the next."""
        failed: list[str] = []
        for table in LIVE_TABLES:
            self._daily(table, self._retention.of_table(table), partial(self._rows, table), failed)
        self._daily("the play archive", self._retention.archive, self._days, failed)
        self._daily("receipts of erasures", self._retention.receipts, self._receipts, failed)
        try:
            extracts.age_out(self._kept.home, days=self._retention.extracts, now=self._now())
        except (SegueError, OSError) as error:
            failed.append(f"extracts: {error}")
        if failed:
            raise Unavailable("; ".join(failed))

    def _daily(self, what: str, days: int, step: Callable[[datetime], None], failed: list[str]) -> None:
        """Where a bound is set, and has not been seen to since its last day ended."""
        since = kept_since(self._now(), days)
        if days == 0 or self._since.get(what) == since:
            return
        try:
            step(since)
        except (SegueError, OSError) as error:
            failed.append(f"{what}: {error}")
        else:
            self._since[what] = since

    def _rows(self, table: str, since: datetime) -> None:
        moment = LIVE_TABLES[table].moment

        def is_old(_: object, columns: Mapping[str, Scalar]) -> bool:
            at = columns[moment]
            return isinstance(at, datetime) and at < since

        gone = result_topics.delete_rows(self._kept.event_log, table, is_old)
        gone = max(gone, self._kept.store.drop_rows_before(LIVE_TABLES[table], since))
        _tell(gone, f"rows of {table}", since)

    def _days(self, since: datetime) -> None:
        with compact.compacting(self._kept.home):
            _tell(archive_erasing.drop_days(self._kept.archive, before=since.date()), "files of the archive", since)

    def _receipts(self, since: datetime) -> None:
        _tell(self._kept.store.drop_receipts(done_before=since), "receipts of erasures", since)


def _tell(gone: int, what: str, since: datetime) -> None:
    if gone:
        log.info("%d %s of before %s are gone: they were kept long enough", gone, what, since.date())
