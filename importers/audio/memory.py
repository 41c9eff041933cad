"""What was listened to before, so that a run that was killed, or comes again, goes on from there.

One SQLite file in the cache: a row is there whole or not at all, whenever the process was killed. A row is good for the
file's path, size and time of change, the seconds that were listened to, and the method (`listening.METHOD`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from backend.domain.errors import Unavailable
from backend.files import private_folder
from importers.audio.folder import AudioFile
from importers.audio.listening import METHOD
from importers.audio.sound import Sound, from_text, to_text

FILE: Final = "heard.sqlite"
_TABLE: Final = "CREATE TABLE IF NOT EXISTS heard (path TEXT PRIMARY KEY, state TEXT NOT NULL, sound TEXT NOT NULL)"
_WAIT: Final = 30.0
"""Seconds for which another run may be writing."""


class Memory:
    """Sounds by file, of `seconds` each; a row that cannot be understood is one that is not there."""

    def __init__(self, database: sqlite3.Connection, *, seconds: float) -> None:
        self._database = database
        self._seconds = seconds

    def get(self, file: AudioFile) -> Sound | None:
        """What was heard of the file as it is now, None where nothing was."""
        found = self._database.execute(
            "SELECT sound FROM heard WHERE path = ? AND state = ?", (_path(file), self._state(file))
        ).fetchone()
        if found is None:
            return None
        try:
            return from_text(found[0])
        except (ValueError, KeyError, TypeError):
            return None

    def put(self, file: AudioFile, sound: Sound) -> None:
        """There when it returns, also if this process is killed then. In place of what was heard of it before."""
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO heard VALUES (?, ?, ?)", (_path(file), self._state(file), to_text(sound))
            )

    def _state(self, file: AudioFile) -> str:
        return f"{file.size} {file.modified_ns} {self._seconds:g} {METHOD}"


def _path(file: AudioFile) -> str:
    return str(file.path.resolve()).encode(errors="surrogateescape").decode(errors="replace")


@contextmanager
def remembered(folder: Path, *, seconds: float) -> Iterator[Memory]:
    """The memory in `folder`, made where there is none. Raises Unavailable where the file is none or cannot be used."""
    private_folder(folder)
    path = folder / FILE
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT)) as database:
            # A power cut may cost the newest rows, which are listened to again; a kill costs none.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_TABLE)
            yield Memory(database, seconds=seconds)
    except sqlite3.Error as error:
        raise Unavailable(
            f"{path} cannot be used: {error}; it only spares time: delete it, and all is listened to again"
        ) from error
