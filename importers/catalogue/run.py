"""Imports a catalogue: reads each file, sends what it holds, counts what became of it, and goes on after a kill.

Outcomes of a record:
1. read whole, and the log holds it → accepted
2. something of it was dropped or put right, and the log holds the rest → accepted and repaired, with line and reason
3. what it needs is missing or broken, or the server refused it → rejected, with line and reason; the others go on
4. the server stays away → Unavailable; what was confirmed is kept in the home, and the next run begins behind it
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import grpc

from backend.domain.rights import default_training_right
from importers.catalogue import fma, tables
from importers.catalogue.delivery import Delivery
from importers.catalogue.entry import Entry, of_rows, to_its_end
from importers.catalogue.features import FeatureTable
from importers.catalogue.known import FMA_FEATURES, FMA_GENRES, FMA_TRACKS
from importers.catalogue.mapping import FileMapping, Kind
from importers.catalogue.plan import Part, Plan, Turn, plan
from importers.catalogue.progress import Progress
from importers.catalogue.reading import entries_of, features_in
from importers.catalogue.report import REJECTED, REPAIRED, ImportReport
from importers.rows import ReadOptions

Advance = Callable[[str, int, int], None]
"""Called with a file's name, how many of its records were settled just now, and about how many it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What to import: a file or folder, by a mapping where one is given; None leaves each source its training right."""

    path: Path
    mapping: FileMapping | None = None
    allow_training: bool | None = None

    def key(self, found: Plan) -> dict[str, object]:
        """What tells this import from others: a file that has changed begins another one."""
        return {
            "path": str(self.path.resolve()),
            "files": [(part.path.name, part.path.stat().st_size, part.path.stat().st_mtime_ns) for part in found.parts],
            "mapping": repr(self.mapping),
            "allow_training": self.allow_training,
        }


@dataclass(slots=True)
class _Run:
    """An import under way: what was joined so far, and whom it tells."""

    delivery: Delivery
    progress: Progress
    allow_training: bool | None
    advance: Advance
    features: FeatureTable = field(default_factory=FeatureTable)
    genres: dict[str, str] = field(default_factory=dict)

    def part(self, part: Part) -> None:
        """Read and send one file, from where it was left."""
        is_new = part.path.name not in self.progress.reports
        report = self.progress.report(part.path.name, part.layout.name)
        if part.problem is not None or part.turn is Turn.UNUSED:
            self._unread(part)
            return
        if is_new:
            self.progress.note(report.finding(0, REPAIRED, one) for one in part.missing)
        entries = to_its_end(self._entries(part))
        for entry in islice(entries, report.records):
            self.delivery.know(entry)
        if not report.is_done:
            self._send(part, entries)
            report.is_done = True
            self.progress.save()

    def _unread(self, part: Part) -> None:
        report = self.progress.report(part.path.name, part.layout.name)
        if part.problem is not None and not report.is_done:
            report.rejected += 1
            report.is_done = True
            self.progress.note([report.finding(0, REJECTED, part.problem)])

    def _entries(self, part: Part) -> Iterator[Entry]:
        """Of an exhausted file too: what is joined, and which artists are known, is in memory only."""
        allowed = default_training_right(part.source) if self.allow_training is None else self.allow_training
        if part.layout.name == FMA_GENRES:
            return fma.genres_of(part.path, self.genres)
        if part.layout.name == FMA_FEATURES:
            return fma.loudness_of(part.path, self.features)
        if part.mapping is None:
            assert part.layout.read is not None
            return of_rows(part.layout.read(part.path, ReadOptions(now=datetime.now(UTC), allow_training=allowed)))
        if part.mapping.kind is Kind.FEATURES:
            return features_in(part.path, part.mapping, self.features)
        adapt = fma.naming_genres(self.genres) if part.mapping.name == FMA_TRACKS.name else lambda record: record
        return entries_of(part.path, part.mapping, allow_training=allowed, joined=self.features or None, adapt=adapt)

    def _send(self, part: Part, entries: Iterator[Entry]) -> None:
        report = self.progress.report(part.path.name, part.layout.name)
        total = tables.rows_in(part.path)
        self.advance(report.file, report.records, total)
        try:
            with closing(self.delivery.send(entries)) as chunks:
                for chunk in chunks:
                    self.progress.note(list(report.count(chunk)))
                    self.advance(report.file, len(chunk.entries), total)
        finally:
            self.progress.save()


def run(
    channel: grpc.Channel,
    asked: Import,
    *,
    imports: Path,
    report: Path | None = None,
    afresh: bool = False,
    advance: Advance = lambda file, count, total: None,
) -> ImportReport:
    """Import it; see the module's docstring. State is kept in folder `imports`, and all findings go to file `report`.

    Raises InvalidInput where there is nothing to import, Unavailable where the server stays away or the same import is
    under way, grpc.RpcError for a failure that no retry helps.
    """
    found = plan(asked.path, asked.mapping)
    began = time.monotonic()
    with Progress.of(imports, asked.key(found), afresh=afresh) as progress:
        result = ImportReport(passed_over=list(found.passed_over), resumed_at=progress.sent)
        under_way = _Run(Delivery(channel), progress, asked.allow_training, advance)
        for part in found.parts:
            under_way.part(part)
        result.files = list(progress.reports.values())
        result.findings = progress.first()
        progress.finish(report)
    result.seconds = time.monotonic() - began
    return result
