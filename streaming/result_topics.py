"""Takes rows away from live tables: by deletions in their result topics, which the sink honours.

A deletion has the very key of the row's record and stands in its partition: it comes after the record for everybody
who reads, and Kafka's compaction drops both. What the live job writes of a row between the look and the deletion is
put behind the deletion again, so that nothing it says is lost.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from backend.domain.errors import Unavailable
from backend.ports.event_log import EventLog, Record, StoredRecord, TopicPartition
from backend.ports.fields import MalformedRecord
from backend.ports.store import Scalar, TableStore
from backend.scanning import records
from streaming.rows import row_reader
from streaming.schema import schema

log = logging.getLogger(__name__)
DELIVERY_SECONDS = 60.0
CARRY_SECONDS = 1800.0
_AT_ONCE = 20_000

IsGone = Callable[[StoredRecord, Mapping[str, Scalar]], bool]
"""Told the last record of a key, and its row's columns: whether the row goes."""


def delete_rows(event_log: EventLog, table: str, is_gone: IsGone) -> int:
    """Append a deletion for every row of the table, as its topic holds it, that `is_gone`; how many.

    Records that are no rows of the table are passed over: they are letters already. Raises Unavailable; what was
    deleted by then stays so, and the next call does the rest.
    """
    until = event_log.ends([table])
    doomed = _doomed(event_log, table, until, is_gone)
    append(event_log, table, [Record(key=key, value=None, partition=at) for at, key in doomed])
    overtaken = _overtaken(event_log, table, until, doomed, is_gone)
    append(
        event_log, table, [Record(key=one.key or b"", value=one.value, partition=one.partition) for one in overtaken]
    )
    return len(doomed) - len(overtaken)


def await_carried(store: TableStore, ends: Mapping[TopicPartition, int], *, seconds: float = CARRY_SECONDS) -> None:
    """Until the sink has carried everything before these offsets. Raises Unavailable after so many seconds."""
    deadline = time.monotonic() + seconds
    while behind := sorted({at.topic for at, end in ends.items() if store.offsets().get(at, 0) < end}):
        if time.monotonic() > deadline:
            tables = ", ".join(behind)
            raise Unavailable(
                f"the sink has not carried {tables} into the store within {seconds:.0f} s: see `segue status`"
            )
        time.sleep(0.5)


def _doomed(
    event_log: EventLog, table: str, until: Mapping[TopicPartition, int], is_gone: IsGone
) -> dict[tuple[int, bytes], None]:
    """Partition and key of the rows that go, in the order in which they were last written."""
    judged = _judge(table, is_gone)
    doomed: dict[tuple[int, bytes], None] = {}
    for record in records(event_log, table, until=until):
        key = (record.partition, record.key or b"")
        doomed.pop(key, None)
        if judged(record):
            doomed[key] = None
    return doomed


def columns_of(table: str) -> Callable[[StoredRecord], Mapping[str, Scalar] | None]:
    """What reads the row in a record of the table's topic; it gives None of a deletion, and of what is no row."""
    to_row = row_reader(schema(table))

    def columns(record: StoredRecord) -> Mapping[str, Scalar] | None:
        if record.value is None:
            return None
        try:
            return to_row(record).columns
        except MalformedRecord as error:
            log.debug("passed over %s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            return None

    return columns


def _judge(table: str, is_gone: IsGone) -> Callable[[StoredRecord], bool]:
    to_columns = columns_of(table)

    def judged(record: StoredRecord) -> bool:
        columns = to_columns(record)
        return columns is not None and is_gone(record, columns)

    return judged


def _overtaken(
    event_log: EventLog,
    table: str,
    since: Mapping[TopicPartition, int],
    doomed: Mapping[tuple[int, bytes], None],
    is_gone: IsGone,
) -> Sequence[StoredRecord]:
    """Records of deleted rows that came after the look, and stay, but stand before their deletions."""
    if not doomed:
        return ()
    judged = _judge(table, is_gone)
    last: dict[tuple[int, bytes], StoredRecord] = {}
    deletions: Counter[tuple[int, bytes]] = Counter()
    for record in records(event_log, table, since=since, until=event_log.ends([table])):
        key = (record.partition, record.key or b"")
        if key not in doomed:
            continue
        if record.value is None:
            deletions[key] += 1
        else:
            last[key] = record
            deletions[key] = 0
    # More deletions than ours after it: the job took the row away itself.
    return [record for key, record in last.items() if deletions[key] == 1 and not judged(record)]


def append(event_log: EventLog, table: str, wanted: Sequence[Record]) -> None:
    """All of them, confirmed. Raises Unavailable."""
    for start in range(0, len(wanted), _AT_ONCE):
        confirmed = event_log.append(table, wanted[start : start + _AT_ONCE], timeout_seconds=DELIVERY_SECONDS)
        if not all(confirmed):
            raise Unavailable(f"Kafka did not confirm all that was appended to topic {table}: try again")
