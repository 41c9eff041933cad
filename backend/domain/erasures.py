"""A listener's erasure: what is asked, what was done of it, part by part, and what is left when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class ErasedPart(StrEnum):
    """Where a listener's data is, in the order in which it goes."""

    IDENTITY = "identity"  # the mapping, and the tokens bound to the listener
    PROFILE = "profile"  # profile, fresh plays, kept answers
    LOG = "log"  # topics plays, feedback and rights
    ARCHIVE = "archive"  # the play archive's files
    TABLES = "tables"  # rows of the live tables, in their topics and in the store, and the days that counted them
    MODELS = "models"  # published versions that learned from them
    EXTRACTS = "extracts"  # files that were made for analysts, and backups


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReceipt:
    """What became of one part: rows taken away or made again, when it was done, or by when it will be.

    `told` says in words what was done, or what it waits for.
    """

    rows: int = 0
    done_at: datetime | None = None
    until: datetime | None = None
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who is being erased, kept until the erasure is over: the pseudonym, and the look-up key of the listener's id."""

    pseudonym: str
    look_up_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erasure and its receipt. `subject` is None once it is over: what then stays tells nothing of anybody.

    `days` are those, UTC, that counted the listener's events and were not computed again yet.
    """

    erasure_id: str
    asked_at: datetime
    due_at: datetime
    done_at: datetime | None = None
    parts: Mapping[ErasedPart, PartReceipt] = field(default_factory=dict)
    subject: Subject | None = None
    days: frozenset[date] = frozenset()

    def is_done(self, part: ErasedPart) -> bool:
        """Whether nothing of the listener is left in this part."""
        return part in self.parts and self.parts[part].done_at is not None

    @property
    def is_complete(self) -> bool:
        """Whether every part is done."""
        return all(self.is_done(part) for part in ErasedPart)
