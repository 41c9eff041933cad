"""How Flink reads flat records: the patterns of backend/ports/flat.py as SQL over the bytes of a record.

A record is matched as a whole, then taken apart into an array of tokens in the order of the shape's fields, and each
column is made of its token: nothing that Python refuses is counted. ISO-8859-1 gives each byte as the character of its
number.

What it costs was measured (docs/adr/0004-streaming-sql.md). REGEXP and REGEXP_EXTRACT_ALL keep their compiled patterns;
REGEXP_EXTRACT, REGEXP_REPLACE and STR_TO_MAP compile theirs at each call (Flink 2.3's SqlFunctionUtils). Flink computes
an expression again wherever it is referred to, but for what has passed an exchange.
"""

from collections.abc import Callable, Mapping, Sequence

from backend.domain.plays import HISTORY_AGE, Timing
from backend.ports.event_log import Topic
from backend.ports.flat import FLAT, TOKENS, Field, Kind, token_pattern
from backend.ports.records import LATEST_MS, MOST_AHEAD_MS
from backend.ports.shapes import BY_TOPIC, EVENT_TIMES, FEEDBACK, HEARTBEAT, LISTENER, PLAY
from streaming.schema import Column, TableSchema

_TYPES = {Kind.MOMENT: "BIGINT", Kind.COUNT: "INT", Kind.FLAG: "BOOLEAN"}
_ABOUT = {
    Topic.PLAYS: "The records of topic `plays`, as the ingest service appends them (backend/ports/shapes.py): one flat "
    "JSON object each. An optional field is marked NULL.",
    Topic.FEEDBACK: "The records of topic `feedback`: what listeners said about tracks.",
}


def record_schema(topic: Topic) -> TableSchema:
    """The fields of the topic's records with the SQL type that each is read as."""
    columns = tuple(
        Column(one.name, _TYPES.get(one.kind, "STRING"), one.is_optional, one.meaning) for one in BY_TOPIC[topic].fields
    )
    return TableSchema(topic.value, _ABOUT[topic], columns, ())


_BYTES = "DECODE(record, 'ISO-8859-1')"


def _is(pattern: str) -> str:
    return f"COALESCE(REGEXP({_BYTES}, '^(?:{pattern})\\z'), FALSE)"


_Token = Callable[[str], str]
"""Where in SQL a field's token is."""


def _of_tokens(name: str) -> str:
    """In the array `tokens` of a play."""
    return f"tokens[{[field.name for field in PLAY.fields].index(name) + 1}]"


def _of_record(name: str) -> str:
    """In the record itself."""
    return f"REGEXP_EXTRACT_ALL(DECODE(record, 'UTF-8'), '{token_pattern(name)}', 1)[1]"


_COLUMNS: Mapping[Kind, str] = {
    Kind.IDENTIFIER: "TRIM(BOTH '\"' FROM {})",
    Kind.WORD: "TRIM(BOTH '\"' FROM NULLIF({}, 'null'))",  # a name of ours, never null itself
    Kind.FLAG: "{} = 'true'",
    Kind.MOMENT: "TRY_CAST({} AS BIGINT)",
    Kind.COUNT: "COALESCE(TRY_CAST({} AS INT), 0)",
    # Most text has no escapes: then its quotes are the only ones.
    Kind.TEXT: "COALESCE(CASE WHEN POSITION('\\' IN {0}) = 0 THEN TRIM(BOTH '\"' FROM NULLIF({0}, 'null'))\n"
    "                ELSE JSON_UNQUOTE(NULLIF({0}, 'null')) END, '')",
}


def _column(field: Field, token_of: _Token) -> str:
    return _COLUMNS[field.kind].format(token_of(field.name))


def _columns(fields: Sequence[Field], token_of: _Token) -> str:
    return ",\n       ".join(f"{_column(field, token_of)} AS {field.name}" for field in fields)


def _is_bad(field: Field) -> str:
    missing = "FALSE" if field.is_optional else "TRUE"
    return f"COALESCE(NOT REGEXP({_of_record(field.name)}, '^(?:{field.token})\\z'), {missing})"


# No DECODE here: the code of watermarks has no place for what it may throw.
_MOMENTS_MS = [
    f"TRY_CAST(REGEXP_EXTRACT_ALL(CAST(record AS STRING), '{pattern}', 1)[1] AS BIGINT)" for pattern in EVENT_TIMES
]
_TOLD_MS = f"LEAST({', '.join(_MOMENTS_MS)})"


def _ms_of(moment: str) -> str:
    return f"EXTRACT(EPOCH FROM {moment}) * 1000 + EXTRACT(MILLISECOND FROM {moment})"


_APPENDED_MS = f"({_ms_of('appended_at')})"
_LATEST_MS = f"LEAST({LATEST_MS}, {_APPENDED_MS} + {MOST_AHEAD_MS})"
_MOST_DIGITS = 13
_MOST = 10**_MOST_DIGITS - 1
"""What a moment's digits hold, at most."""

SQL = {
    # The moment that is told, or the append time where that is before it; NULL where it is told for later than
    # _LATEST_MS: beyond that it has more digits than the decimal. Each mention of a moment is a search of the record,
    # and a comparison would mention it twice.
    "event_ms": f"LEAST({_APPENDED_MS},\n"
    f"                   {_LATEST_MS} - {_MOST} + CAST(TRY_CAST({_TOLD_MS} - {_LATEST_MS} + {_MOST}\n"
    f"                   AS DECIMAL({_MOST_DIGITS}, 0)) AS BIGINT))",
    # What names `newest` is made behind its frame; the planner would make it before, of the record's bytes each time.
    "ms_of_event_time": f"CASE WHEN newest IS NOT NULL THEN {_ms_of('event_time')} END",
    "ms_of_newest": _ms_of("newest"),
    "told_ms": _TOLD_MS,
    "tokens": f"CASE WHEN {_is(PLAY.written)} THEN REGEXP_EXTRACT_ALL(DECODE(record, 'UTF-8'), '{TOKENS}', 2)\n"
    f"            WHEN {_is(PLAY.pattern)}\n"
    f"            THEN ARRAY[{', '.join(_of_record(field.name) for field in PLAY.fields)}] END",
    "play_columns": _columns(PLAY.fields, _of_tokens),
    "is_heartbeat": _is(HEARTBEAT.pattern),
    "is_flat": _is(FLAT),
    "bad_field": "CASE\n"
    + "\n".join(f"              WHEN {_is_bad(one)} THEN '{one.name}'" for one in PLAY.fields)
    + " END",
    "record_listener": f"CASE WHEN NOT {_is_bad(LISTENER)} THEN {_column(LISTENER, _of_record)} END",
    "latest_ms": str(LATEST_MS),
    "feedback_columns": _columns(FEEDBACK.fields, _of_record),
    "is_feedback": _is(FEEDBACK.pattern),
    "is_history": f"COALESCE(timing = '{Timing.HISTORY}', "
    f"ingested_at_ms - played_at_ms > {HISTORY_AGE.total_seconds() * 1000:.0f})",
}
"""What the SQL files say by `${name}`."""
