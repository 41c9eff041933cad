"""What the records of one poll come to: result rows, catalogue, plays and feedback, and the offsets behind them."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from backend.domain.feedback import Feedback
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY
from backend.domain.naming import named_in_row
from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from backend.ports import records
from backend.ports.event_log import NUDGE, StoredRecord, Topic, TopicPartition
from backend.ports.fields import MalformedRecord
from backend.ports.store import TableRow
from streaming.letters import BY_FLINK, letter
from streaming.rows import ToRow, row_reader
from streaming.schema import result_tables, schema

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """The records in order; later rows of one key replace earlier ones. `records` is how many there were."""

    records: int = 0
    rows: dict[tuple[str, str], TableRow] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    artists: dict[str, Artist] = field(default_factory=dict)
    plays: dict[str, list[Play]] = field(default_factory=lambda: defaultdict(list))
    feedback: dict[str, list[Feedback]] = field(default_factory=lambda: defaultdict(list))
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    malformed: int = 0
    letters: Counter[TopicPartition] = field(default_factory=Counter)
    """How many of the rows are letters, by where their records stand."""

    def add(self, polled: Iterable[StoredRecord]) -> None:
        """Sort the records in, as outcomes 1 to 6 of the sink say."""
        ends: dict[tuple[str, int], int] = {}
        for record in polled:
            self.records += 1
            ends[record.topic, record.partition] = record.offset + 1
            if record.value is None and (record.key == NUDGE or record.topic in FORGETFUL):
                continue
            try:
                to_row = _TO_ROW.get(record.topic)
                if to_row is None:
                    self._sort_in(record)
                else:
                    row = to_row(record)
                    self.rows[row.table, row.key] = row
            except MalformedRecord as error:
                self._refuse(record, error)
        self.offsets |= {TopicPartition(*place): end for place, end in ends.items()}

    def without(self, pseudonyms: Collection[str]) -> None:
        """Leave out what is of these listeners: events, and rows and letters that name them; deletions stay."""
        for one in pseudonyms:
            self.plays.pop(one, None)
            self.feedback.pop(one, None)
        named = [
            place
            for place, row in self.rows.items()
            if row.table in NAMING and row.columns is not None and named_in_row(row.columns, pseudonyms)
        ]
        for place in named:
            del self.rows[place]

    def _refuse(self, record: StoredRecord, error: MalformedRecord) -> None:
        self.malformed += 1
        log.warning("malformed record %s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
        if record.topic != BY_FLINK:
            row = letter(record, error)
            self.rows[row.table, row.key] = row
            self.letters[TopicPartition(record.topic, record.partition)] += 1

    def _sort_in(self, record: StoredRecord) -> None:
        if record.value is None:
            raise MalformedRecord("a deletion, where nothing is ever deleted")
        if record.topic == Topic.TRACKS:
            track = records.track_from_value(record.value)
            self.tracks[track.track_id] = track
        elif record.topic == Topic.ARTISTS:
            artist = records.artist_from_value(record.value)
            self.artists[artist.artist_id] = artist
        elif record.topic == Topic.FEEDBACK:
            feedback = records.feedback_from_value(record.value)
            self.feedback[feedback.listener_id].append(feedback)
        elif record.topic == Topic.PLAYS and (play := records.play_from_record(record)):
            self.plays[play.listener_id].append(play)
        elif record.topic == Topic.CLUSTERS:
            records.clusters_from_value(record.value)  # read by the live job; here its letters are written


_TO_ROW: dict[str, ToRow] = {table: row_reader(schema(table)) for table in result_tables()}
NAMING = frozenset({LISTENER_ACTIVITY.name, DEAD_LETTERS.name})
"""Tables whose rows name listeners."""

FORGETFUL = frozenset({Topic.PLAYS, Topic.FEEDBACK})
"""Topics whose records are taken away when their listener is erased: a deletion there tells a sink nothing."""

TOPICS: Sequence[str] = (*sorted(_TO_ROW), *(topic for topic in Topic if topic not in (Topic.RIGHTS, Topic.ERASURES)))
"""What the sink reads."""
