"""What became of each file of an import: counts, and each repair and refusal with its line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from importers.catalogue.cells import Repair
from importers.catalogue.delivery import Chunk

REPAIRED: Final = "repaired"
REJECTED: Final = "rejected"

SHOWN: Final = 20
"""Findings that a report lists; its file has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was `repaired` of a record that was kept, or why one was `rejected`; `line` 0 is the file as a whole."""

    file: str
    line: int
    field: str
    outcome: str
    reason: str


@dataclass(slots=True, kw_only=True)
class FileReport:
    """One file: its records by what became of them, and what the log holds of them.

    `accepted` counts those that were kept, `repaired` how many of these lost or changed something; `repeated` are
    further records of a track that has them all. `tracks` and `artists` count what its accepted records described.
    """

    file: str
    layout: str
    accepted: int = 0
    repaired: int = 0
    rejected: int = 0
    repeated: int = 0
    tracks: int = 0
    artists: int = 0
    is_done: bool = False

    @property
    def records(self) -> int:
        """All its records so far."""
        return self.accepted + self.rejected + self.repeated

    def count(self, chunk: Chunk) -> Iterator[Finding]:
        """Count a settled chunk; its findings."""
        for at, entry in enumerate(chunk.entries):
            refused = entry.refused or chunk.refused.get(at)
            if refused is not None:
                self.rejected += 1
                yield self.finding(entry.line, REJECTED, refused)
                continue
            for repair in entry.repairs:
                yield self.finding(entry.line, REPAIRED, repair)
            self.repaired += bool(entry.repairs)
            if entry.is_repeated:
                self.repeated += 1
                continue
            self.accepted += 1
            self.tracks += entry.track is not None
            self.artists += entry.track is None and bool(entry.artists)

    def finding(self, line: int, outcome: str, found: Repair) -> Finding:
        """A finding of this file."""
        return Finding(file=self.file, line=line, field=found.field, outcome=outcome, reason=found.reason)


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """The files of an import, in the order they were read; the first `SHOWN` findings of all.

    `resumed_at` is how many records were sent before the import was killed, 0 where it was not.
    """

    files: list[FileReport] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    resumed_at: int = 0
    seconds: float = 0.0

    def total(self, name: str) -> int:
        """The sum of one count over the files."""
        return sum(getattr(one, name) for one in self.files)
