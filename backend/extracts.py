"""Extracts that were written from this home, and their end: copies of the tables that nobody else takes care of.

An extract stands where whoever made it wanted it. The home keeps a private list of them: what was written when, with
size and time of each file, so that only what is still the extract is ever deleted, never what has taken its place.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from backend.files import noted, only_one, private_folder, write_whole

_log = logging.getLogger(__name__)
_LIST, _LOCK = "extracts.json", "extracts.lock"
_LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of an extract, as it was when it was written: its bytes, and when, in nanoseconds since 1970."""

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> "File":
        """As it is now. Raises OSError."""
        found = path.stat()
        return cls(path=str(path), size=found.st_size, mtime_ns=found.st_mtime_ns)

    def now(self) -> "File | None":
        """What stands there now; None where nothing does. Raises OSError where nobody can tell."""
        try:
            return File.at(Path(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """One extract: where it was written, when (UTC), and its files."""

    path: str
    made_at: datetime
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """What became of the extracts: paths of those deleted, and of those that stay what is left of them.

    `until` is when the last of `left` is due; None where none is left, or they are kept for ever.
    """

    deleted: tuple[str, ...]
    left: tuple[Extract, ...]
    until: datetime | None


def record(home: Path, path: Path, *, files: Sequence[Path], made_at: datetime) -> None:
    """Put the extract at `path`, a file or a folder of these files, on the home's list. Raises OSError, Unavailable."""
    told = tuple(File.at(file.absolute()) for file in files)
    new = Extract(path=str(path.absolute()), made_at=made_at, files=told)
    with _listed(home) as held:
        _write(home, [*(one for one in held if one.path != new.path), new])


def age_out(home: Path, *, days: int, now: datetime, before: datetime | None = None) -> Aged:
    """Delete extracts that are older than so many days (0: none is), and tell of those left that were made `before`.

    All that are left where no moment is given. For an erasure: `before` is when the tables were rid of the listener;
    extracts made since hold nothing of theirs. One that somebody has taken away is on the list no more; one that cannot
    be looked at or deleted stays, which is logged. Raises OSError, Unavailable.
    """
    deleted, kept = [], []
    with _listed(home) as held:
        for one in held:
            is_due = days > 0 and one.made_at <= now - timedelta(days=days)
            try:
                if all(file.now() is None for file in one.files):
                    continue
                if not is_due:
                    kept.append(one)
                elif _delete(one):
                    deleted.append(one.path)
            except OSError as error:
                _log.warning("an extract may be older than retention_extracts_days, and cannot be deleted: %s", error)
                kept.append(one)
        if len(kept) < len(held):
            _write(home, kept)
    left = tuple(one for one in kept if before is None or one.made_at < before)
    until = max(one.made_at for one in left) + timedelta(days=days) if left and days else None
    return Aged(deleted=tuple(deleted), left=left, until=until)


def drop(home: Path, *, made_before: datetime) -> tuple[str, ...]:
    """Delete extracts that were made before the moment; their paths. Raises OSError, Unavailable.

    One that was changed since is told in the log, left, and on the list no more.
    """
    with _listed(home) as held:
        old = [one for one in held if one.made_at < made_before]
        deleted = tuple(one.path for one in old if _delete(one))
        if old:
            _write(home, [one for one in held if one not in old])
    return deleted


@contextmanager
def _listed(home: Path) -> Iterator[Sequence[Extract]]:
    """What the list holds and is still there, while nobody else changes it."""
    private_folder(home)
    held = "another command writes the list of extracts: wait for it to end, then try again"
    with only_one(home / _LOCK, held=held, seconds=_LOCK_SECONDS):
        yield list(_read(home))


def _read(home: Path) -> Iterator[Extract]:
    for one in noted(home / _LIST).get("extracts", []):
        yield Extract(
            path=one["path"],
            made_at=datetime.fromisoformat(one["made_at"]),
            files=tuple(File(**file) for file in one["files"]),
        )


def _write(home: Path, extracts: Iterable[Extract]) -> None:
    told = [{**asdict(one), "made_at": one.made_at.isoformat()} for one in extracts]
    write_whole(home / _LIST, json.dumps({"extracts": told}, indent=1))


def _delete(extract: Extract) -> bool:
    """Delete what is still the extract; whether that is all of it. What was changed since is told, and left."""
    changed = False
    for file in extract.files:
        found = file.now()
        if found == file:
            Path(file.path).unlink()
        elif found is not None:
            changed = True
            _log.warning("%s was changed since it was written as an extract: it is yours to delete", file.path)
    folder = Path(extract.path)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if not changed:
        _log.info("deleted the extract %s of %s", extract.path, extract.made_at.date())
    return not changed
