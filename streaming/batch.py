"""What the records of one poll come to: result rows, catalogue, plays and feedback, and the offsets behind them."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from backend.domain.feedback import Feedback
from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from backend.ports import records
from backend.ports.event_log import StoredRecord, Topic, TopicPartition
from backend.ports.fields import MalformedRecord
from backend.ports.store import TableRow
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

    def add(self, polled: Iterable[StoredRecord]) -> None:
        """Sort the records in, as outcomes 1 to 6 of the sink say."""
        ends: dict[tuple[str, int], int] = {}
        for record in polled:
            self.records += 1
            ends[record.topic, record.partition] = record.offset + 1
            try:
                to_row = _TO_ROW.get(record.topic)
                if to_row is None:
                    self._sort_in(record)
                else:
                    row = to_row(record)
                    self.rows[row.table, row.key] = row
            except MalformedRecord as error:
                self.malformed += 1
                log.warning("malformed record %s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
        self.offsets |= {TopicPartition(*place): end for place, end in ends.items()}

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
        elif record.topic == Topic.PLAYS and (play := records.play_from_value(record.value)):
            self.plays[play.listener_id].append(play)


_TO_ROW: dict[str, ToRow] = {table: row_reader(schema(table)) for table in result_tables()}
TOPICS: Sequence[str] = (*sorted(_TO_ROW), *(topic for topic in Topic if topic is not Topic.CLUSTERS))
"""What the sink reads."""
