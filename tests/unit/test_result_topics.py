"""Rows leave a live table by deletions in its topic, and nothing that the job says meanwhile is lost."""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from backend.domain.errors import Unavailable
from backend.ports.event_log import Record, TopicPartition
from backend.ports.store import Scalar
from streaming.result_topics import await_carried, delete_rows
from tests.memory import MemoryEventLog, MemoryStore

TABLE = "listener_activity"
DAY, NEXT = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)


def row(listener: str, day: datetime, plays: int = 1, *, partition: int | None = None) -> Record:
    """A row as Flink writes it, its key with blanks that nobody would guess."""
    moment = day.isoformat().replace("+00:00", "Z")
    key = {"listener_id": listener, "window_start": moment}
    numbers = {"sessions": 1, "plays": plays, "skips": 0, "milliseconds_played": 1, "last_active": moment}
    value = json.dumps({**key, **numbers}).encode()
    return Record(key=json.dumps(key, separators=(" , ", " : ")).encode(), value=value, partition=partition)


def is_old(_: object, columns: Mapping[str, Scalar]) -> bool:
    """Whether it is of the day that goes."""
    return columns["window_start"] == DAY


def held(log: MemoryEventLog) -> dict[bytes, bytes]:
    """What compaction would leave of the table's topic."""
    last = {record.key or b"": record.value for part in log.partitions_of[TABLE] for record in part}
    return {key: value for key, value in last.items() if value is not None}


def test_rows_go_by_their_own_keys_in_their_own_partitions() -> None:
    """Rows of another day stay, as do those that are none; a row is judged by its last record."""
    log = MemoryEventLog()
    moved = [row("ann", DAY, partition=2), row("bob", DAY), row("ann", NEXT)]
    log.append(TABLE, [*moved, Record(key=b"{", value=b"?"), row("bob", DAY, plays=2)], timeout_seconds=1)
    assert 2 == delete_rows(log, TABLE, is_old)
    assert {moved[2].key, b"{"} == held(log).keys()
    assert (moved[0].key, None) == (log.partitions_of[TABLE][2][-1].key, log.partitions_of[TABLE][2][-1].value)
    assert 0 == delete_rows(log, TABLE, is_old)


class _Busy(MemoryEventLog):
    """A log to which the live job writes a row just before a deletion comes."""

    def __init__(self, meanwhile: Sequence[Record]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def append(self, topic: str, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        if any(record.value is None for record in records):
            super().append(TABLE, self._meanwhile, timeout_seconds=1)
            self._meanwhile = ()
        return super().append(TABLE, records, timeout_seconds=timeout_seconds)


def test_what_the_job_writes_before_the_deletion_is_put_behind_it() -> None:
    """The newer record of the row is the last one, so the row stays; what the job deleted itself does not come back."""
    ann, bob, cat = row("ann", DAY, plays=1), row("bob", DAY), row("cat", DAY)
    newer = row("ann", DAY, plays=2)
    log = _Busy([newer, row("bob", DAY, plays=2), Record(key=bob.key, value=None)])
    log.append(TABLE, [ann, bob, cat], timeout_seconds=1)
    written = log.ends([TABLE])
    assert 2 == delete_rows(
        log, TABLE, lambda record, _: record.offset < written[TopicPartition(TABLE, record.partition)]
    )
    assert {newer.key: newer.value} == held(log)


def test_a_log_that_does_not_confirm_is_told() -> None:
    """Nobody believes rows gone that are not."""
    log = MemoryEventLog()
    log.append(TABLE, [row("ann", DAY)], timeout_seconds=1)

    def unconfirmed(topic: str, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        return [False] * len(records)

    log.append = unconfirmed  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="try again"):
        delete_rows(log, TABLE, is_old)


def test_the_sink_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its offsets are where the topics ended; who waits in vain hears which table."""
    store, ends = MemoryStore(), {TopicPartition(TABLE, 0): 5}
    with pytest.raises(Unavailable, match=f"has not carried {TABLE}"):
        await_carried(store, ends, seconds=0.1)
    threading.Timer(0.2, lambda: store.write([], ends)).start()
    await_carried(store, ends, seconds=20)


def test_a_silent_log_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is there and does not come within the time."""
    log = MemoryEventLog()
    log.append(TABLE, [row("ann", DAY, partition=0)], timeout_seconds=1)
    monkeypatch.setattr("backend.scanning.SILENCE_SECONDS", 0.0)
    monkeypatch.setattr("tests.memory.MemoryEventReader.poll", lambda *_, **__: [])
    with pytest.raises(Unavailable, match="gave nothing"):
        delete_rows(log, TABLE, is_old)
