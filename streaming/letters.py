"""What the sink keeps of a record that is not what its topic holds: a row of dead_letters, as Flink's are for plays."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from backend.domain.live_tables import DEAD_LETTER_COUNTS, DEAD_LETTERS
from backend.domain.tables import DeadLetterReason
from backend.ports.event_log import StoredRecord, Topic
from backend.ports.fields import LONGEST_IDENTIFIER, MalformedRecord
from backend.ports.flat import named_in
from backend.ports.records import LATEST_MS
from backend.ports.shapes import BY_TOPIC, LISTENER
from backend.ports.store import Scalar, TableRow
from streaming.rows import row_key
from streaming.schema import schema

LETTER_BYTES = 4096
"""What a dead letter keeps of a record that could not be read, from its beginning."""

BY_FLINK = Topic.PLAYS
"""Letters of its records are the live job's, which reads the topic as the tables do."""


def letter(record: StoredRecord, error: MalformedRecord) -> TableRow:
    """The letter of a record. The same record has the same letter whenever it is read."""
    value = record.value
    detail = str(error)
    if value is not None and len(value) > LETTER_BYTES:
        size = f"{len(value)} bytes, of which the first {LETTER_BYTES} are kept"
        detail = f"{detail}: {size}, SHA-256 {sha256(value).hexdigest()}"
    return _row(
        DEAD_LETTERS.name,
        {
            "reason": DeadLetterReason.MALFORMED.value,
            "source_topic": str(record.topic),
            "source_partition": record.partition,
            "source_offset": record.offset,
            "record_key": _named(record),
            "record": None if value is None else b64encode(value[:LETTER_BYTES]).decode(),
            "detail": detail,
            "records": 1,
            "noted_at": datetime.fromtimestamp(min(max(record.appended_ms, 0), LATEST_MS) / 1000, tz=UTC),
        },
    )


def count(topic: str, records: int) -> TableRow:
    """How many records of a topic have letters of the sink."""
    return _row(
        DEAD_LETTER_COUNTS.name,
        {"reason": DeadLetterReason.MALFORMED.value, "source_topic": topic, "records": records},
    )


def _row(table: str, columns: Mapping[str, Scalar]) -> TableRow:
    return TableRow(table=table, key=row_key(schema(table), columns), columns=columns)


def _named(record: StoredRecord) -> str | None:
    """Whose record it is: the listener of an event, whose key is chance, else the key."""
    return named_in(record.value or b"", LISTENER) if record.topic in BY_TOPIC else _text(record.key)


def _text(key: bytes | None) -> str | None:
    """A record's key where it is text that an identifier may be."""
    try:
        text = (key or b"").decode()
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= LONGEST_IDENTIFIER else None
