"""What describes a table: its columns with types, units and meanings, and its key."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds: text, int64, float64 (NaN where absent), or an aware UTC time in microseconds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `unit` is empty where there is none to name."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    optional: bool = False

    @property
    def nullable(self) -> bool:
        """Whether a row may lack it: REAL columns always (a NaN is an absence), others where `optional`."""
        return self.optional or self.kind is Kind.REAL

    @property
    def dtype(self) -> str:
        """The pandas type."""
        return {
            Kind.TEXT: "string",
            Kind.INTEGER: "int64",
            Kind.REAL: "float64",
            Kind.TIME: "datetime64[us, UTC]",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its primary key and its columns, in order."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
