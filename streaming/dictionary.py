"""Writes the data dictionary from the DDL: `python -m streaming.dictionary > docs/data-dictionary.md`."""

import sys
from pathlib import Path

from backend.ports.shapes import BY_TOPIC
from streaming.reading import record_schema
from streaming.schema import TableSchema, schema

_HERE = Path(__file__).parent

_HEADER = """\
# Data dictionary

Made from the DDL in `streaming/tables/` (what Flink fills, first) and `streaming/sources/` (what it reads; of plays and
feedback from `backend/ports/shapes.py`) by `python -m streaming.dictionary`; `make check` compares. Topic, collection
and table share one name (topics and folders start with the tenant). Every moment is UTC. A result table is an
upsert-kafka topic keyed by its primary key, so that replays are harmless; the sink carries it into the store. Of its
columns those marked NULL may be absent.
"""


def _section(table: TableSchema) -> str:
    key = f"Key: {', '.join(f'`{name}`' for name in table.key)}." if table.key else "Append-only."
    rows = "\n".join(
        f"| `{column.name}` | {column.type}{' NULL' * column.nullable} | {column.meaning} |" for column in table.columns
    )
    return f"\n## {table.name}\n\n{table.about}\n{key}\n\n| column | type | meaning |\n| --- | --- | --- |\n{rows}\n"


def dictionary() -> str:
    """The whole document."""
    files = {folder: sorted(file.stem for file in (_HERE / folder).glob("*.sql")) for folder in ("tables", "sources")}
    names = [name for folder in files.values() for name in folder]
    flat = {str(topic): record_schema(topic) for topic in BY_TOPIC}
    return _HEADER + "".join(_section(flat[name] if name in flat else schema(name)) for name in names)


if __name__ == "__main__":
    sys.stdout.write(dictionary())
