"""Carries result topics, the catalogue and profiles from the event log into the store.

Outcomes of a record:
1. a result row → upserted by its primary key
2. a result row's deletion → the row is deleted
3. a track or artist → put into the catalogue
4. a play or feedback → merged into the listener's profile, once per event id
5. a heartbeat → passed over
6. malformed → logged with topic, partition and offset, counted, passed over
7. the store is down → Unavailable; nothing of the batch counts as done and the offsets stay
Offsets are written after the rows, into the same database: a sink killed in between writes the same rows again, which
changes nothing.
"""

import json
import logging
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backend import wiring
from backend.domain.errors import Unavailable
from backend.domain.feedback import Feedback
from backend.domain.listeners import Profile, merge
from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from backend.ports import records
from backend.ports.event_log import EventLog, StoredRecord, Topic, TopicPartition
from backend.ports.store import Scalar, Store, TableRow
from backend.settings import Settings
from streaming.schema import result_tables, schema

log = logging.getLogger(__name__)
BATCH = 20_000
"""Records a batch: large enough that the many refreshes of one open hour collapse into one write."""


@dataclass(slots=True)
class Batch:
    """What the records of one poll come to; later rows of one key replace earlier ones."""

    rows: dict[tuple[str, str], TableRow] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    artists: dict[str, Artist] = field(default_factory=dict)
    plays: dict[str, list[Play]] = field(default_factory=lambda: defaultdict(list))
    feedback: dict[str, list[Feedback]] = field(default_factory=lambda: defaultdict(list))
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    malformed: int = 0

    def add(self, record: StoredRecord) -> None:
        """Sort one record in, as outcomes 1 to 6 of this module say."""
        self.offsets[TopicPartition(record.topic, record.partition)] = record.offset + 1
        try:
            self._sort_in(record)
        except (ValueError, KeyError, TypeError) as error:
            self.malformed += 1
            log.warning("malformed record %s[%d]@%d: %s", record.topic, record.partition, record.offset, error)

    def _sort_in(self, record: StoredRecord) -> None:
        if record.topic in _RESULT_TABLES:
            row = table_row(record)
            self.rows[row.table, row.key] = row
        elif record.value is None:
            raise ValueError("a deletion, where nothing is ever deleted")
        elif record.topic == Topic.TRACKS:
            track = records.track_from_value(record.value)
            self.tracks[track.track_id] = track
        elif record.topic == Topic.ARTISTS:
            artist = records.artist_from_value(record.value)
            self.artists[artist.artist_id] = artist
        elif record.topic == Topic.FEEDBACK:
            feedback = records.feedback_from_value(record.value)
            self.feedback[feedback.listener_id].append(feedback)
        elif play := records.play_from_value(record.value):
            self.plays[play.listener_id].append(play)


_RESULT_TABLES = frozenset(result_tables())
TOPICS: Sequence[str] = (*sorted(_RESULT_TABLES), *(topic for topic in Topic if topic is not Topic.CLUSTERS))


def table_row(record: StoredRecord) -> TableRow:
    """A result record as a row; its key joins the primary key's values. Raises ValueError or KeyError."""
    declared = schema(record.topic)
    key_columns: dict[str, str] = json.loads(record.key or b"null")
    key = "|".join(key_columns[name] for name in declared.key)
    if record.value is None:
        return TableRow(table=record.topic, key=key, columns=None)
    columns: dict[str, Scalar] = json.loads(record.value)
    for name in declared.moments:
        columns[name] = datetime.fromisoformat(str(columns[name]))
    return TableRow(table=record.topic, key=key, columns=columns)


class Sink:
    """Reads batches and writes them, one after another: a slow store slows the reading, which is the back-pressure."""

    def __init__(self, event_log: EventLog, store: Store) -> None:
        self._store = store
        self._reader = event_log.reader(TOPICS, store.offsets())
        self.written = 0
        self.malformed = 0

    def step(self, timeout_seconds: float = 0.5) -> int:
        """Carry one batch over; how many records it had. Raises Unavailable (outcome 7)."""
        polled = self._reader.poll(max_records=BATCH, timeout_seconds=timeout_seconds)
        if not polled:
            return 0
        batch = Batch()
        for record in polled:
            batch.add(record)
        self._write(batch)
        self.written += len(batch.rows)
        self.malformed += batch.malformed
        return len(polled)

    def _write(self, batch: Batch) -> None:
        if batch.artists:
            self._store.put_artists(list(batch.artists.values()))
        if batch.tracks:
            self._store.put_tracks(list(batch.tracks.values()))
        listeners = list(batch.plays.keys() | batch.feedback.keys())
        if listeners:
            known = self._store.profiles(listeners)
            self._store.put_profiles(
                [
                    merge(
                        known.get(one, Profile(listener_id=one)), batch.plays.get(one, []), batch.feedback.get(one, [])
                    )
                    for one in listeners
                ]
            )
        self._store.write(list(batch.rows.values()), batch.offsets)

    def lag(self) -> int:
        """Records not carried over yet."""
        return self._reader.lag()

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()


def run(settings: Settings, stopped: threading.Event) -> None:
    """Carry until `stopped`; when a part is down, begin again from the stored offsets."""
    event_log, store = wiring.event_log(settings), wiring.store(settings)
    while not stopped.is_set():
        sink: Sink | None = None
        try:
            sink = Sink(event_log, store)
            _carry(sink, stopped)
        except Unavailable as error:
            log.warning("%s; going on from the stored offsets in 1 s", error)
            stopped.wait(1)
        finally:
            if sink:
                sink.close()
    store.close()
    event_log.close(timeout_seconds=5)


def _carry(sink: Sink, stopped: threading.Event) -> None:
    told = time.monotonic()
    while not stopped.is_set():
        sink.step()
        if time.monotonic() - told > 10:
            log.info("rows written %d, malformed %d, lag %d", sink.written, sink.malformed, sink.lag())
            told = time.monotonic()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    run(Settings(), stopped)


if __name__ == "__main__":
    main()
