"""How far an import came, kept in the home so that it is taken up there after a kill.

A folder an import, named for what is imported and how: `state.json`, replaced in one step, and `findings.jsonl`, to
which findings are appended. The state says how much of the findings belongs to it; what stands behind is cut off.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from backend import files
from importers.catalogue.report import SHOWN, FileReport, Finding

EVERY_SECONDS: Final = 1.0
"""How often the state is written: a kill costs at most what was sent meanwhile, and that is only sent again."""

_COUNTS: Final = frozenset(field.name for field in fields(FileReport))


class Progress:
    """The state of one import. Make it with `of`; `close` takes its folder away when all is done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state, self._findings = folder / "state.json", folder / "findings.jsonl"
        found = files.noted(self._state)
        self.reports: dict[str, FileReport] = {
            str(name): FileReport(**{key: value for key, value in one.items() if key in _COUNTS})
            for name, one in found.get("files", {}).items()
        }
        size = int(found.get("findings_bytes", 0))
        self._file = self._findings.open("ab")
        self._file.truncate(size)
        self._file.seek(0, os.SEEK_END)
        self._saved_at = time.monotonic()

    @classmethod
    @contextmanager
    def of(cls, imports: Path, what: Mapping[str, Any], *, afresh: bool = False) -> Iterator["Progress"]:
        """The progress of an import of `what`, under folder `imports`. Raises Unavailable where one is under way."""
        folder = imports / sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:24]
        files.private_folder(folder)
        with files.only_one(folder / "lock", held="the same import is under way; wait for it, or end it"):
            if afresh:
                (folder / "state.json").unlink(missing_ok=True)
            progress = cls(folder)
            try:
                yield progress
            finally:
                progress._file.close()
                if not progress._state.exists():  # over, or nothing was sent
                    files.remove_folder(folder)

    @property
    def sent(self) -> int:
        """Records whose fate is known."""
        return sum(report.records for report in self.reports.values())

    def report(self, file: str, layout: str) -> FileReport:
        """How far this file came."""
        return self.reports.setdefault(file, FileReport(file=file, layout=layout))

    def note(self, findings: Iterable[Finding]) -> None:
        """Keep findings, and the counts they belong to, which the caller has moved on; on disk within a second."""
        for finding in findings:
            self._file.write(json.dumps(asdict(finding), ensure_ascii=False).encode(errors="replace") + b"\n")
        if time.monotonic() - self._saved_at >= EVERY_SECONDS:
            self.save()

    def save(self) -> None:
        """Put it on disk now, findings first."""
        self._file.flush()
        os.fsync(self._file.fileno())
        state = {
            "findings_bytes": self._file.tell(),
            "files": {name: asdict(report) for name, report in self.reports.items()},
        }
        files.write_whole(self._state, json.dumps(state))
        self._saved_at = time.monotonic()

    def first(self) -> list[Finding]:
        """The first SHOWN findings."""
        self._file.flush()
        with self._findings.open(encoding="utf-8") as lines:
            return [Finding(**json.loads(line)) for line, _ in zip(lines, range(SHOWN), strict=False)]

    def finish(self, report: Path | None) -> None:
        """Copy the findings to `report`, where one is asked for, and forget the import."""
        self.save()
        if report is not None:

            def copy(file: Any) -> None:
                with self._findings.open("rb") as found:
                    for part in iter(lambda: found.read(1 << 20), b""):
                        file.write(part)

            files.write_whole(report.absolute(), copy, mode=0o644)
        self._state.unlink()
