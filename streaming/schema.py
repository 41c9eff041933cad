"""The tables as their DDL declares them, read from tables/ and sources/: sink and data dictionary cannot differ."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLES = Path(__file__).parent / "tables"
_SOURCES = Path(__file__).parent / "sources"
_COLUMN = re.compile(r"^\s+`?(\w+)`?\s+([A-Z_]+(?:\(\d+\)|<[A-Z<>]+>)?)( NULL)?\s*,?\s*(?:--\s*(.*))?$")
_KEY = re.compile(r"PRIMARY KEY \(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its SQL type, whether a row may lack it, and what it means ("" where the name says it).

    A result table says NULL after the type of such a column. To Flink that changes nothing, as every column may be
    null that is not said to be NOT NULL; said so, a null would end the job.
    """

    name: str
    type: str
    nullable: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table: its columns in order and its primary key (empty for append-only tables)."""

    name: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def moments(self) -> tuple[str, ...]:
        """Names of the columns that hold a moment."""
        return tuple(column.name for column in self.columns if column.type.startswith("TIMESTAMP"))


def parse(name: str, sql: str) -> TableSchema:
    """The schema declared by the first CREATE TABLE of a file, its leading comment as `about`."""
    header, declared = sql.split("CREATE TABLE", maxsplit=1)
    about = " ".join(line[2:].strip() for line in header.splitlines() if line.startswith("--"))
    body = declared.split("\n)", maxsplit=1)[0]
    found = (_COLUMN.match(line) for line in body.splitlines())
    columns = [Column(m[1], m[2], m[3] is not None, m[4] or "") for m in found if m]
    key = _KEY.search(body)
    return TableSchema(name, about, tuple(columns), tuple(k.strip() for k in key[1].split(",")) if key else ())


@cache
def schema(table: str) -> TableSchema:
    """The schema of tables/TABLE.sql or sources/TABLE.sql."""
    file = _TABLES / f"{table}.sql"
    return parse(table, (file if file.exists() else _SOURCES / file.name).read_text())


def result_tables() -> Sequence[str]:
    """Tables that stand in a topic under a primary key: those the sink carries into the store."""
    return [file.stem for file in sorted(_TABLES.glob("*.sql")) if schema(file.stem).key]
