"""The play archive as an export reads it: one listener's plays, and nothing of anybody else's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedPlay:
    """A row as it stands in the archive; the data dictionary says what each column means. None where it holds none."""

    event_id: str
    listener_id: str
    track_id: str
    artist_id: str
    played_at: datetime
    milliseconds_played: int
    track_milliseconds: int | None
    source: str
    allow_training: bool
    recommendation_id: str | None
    surface: str | None
    device: str | None
    ingested_at: datetime


class PlayArchive(Protocol):
    """What the job `play_archive` wrote, as far as it is finished."""

    def of(self, listener_id: str) -> Iterator[ArchivedPlay]:
        """Every row of the listener (by pseudonym), file by file, never a whole file in memory.

        Raises NotFound where no archive is to be seen from here, MissingExtra where nothing is installed that reads it,
        Unavailable where it cannot be read now.
        """
        ...
