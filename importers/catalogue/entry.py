"""What became of one record of a file, before anything is sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from backend.domain.errors import InvalidInput
from backend.domain.tracks import Artist, Track
from importers.catalogue.cells import Repair, tags_of
from importers.rows import BadRow, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of one record: a track with its artists, or artists alone; or nothing, and `refused` says why.

    `repairs` is what had to be dropped or put right of it. One that `is_repeated` is in another entry already.
    """

    line: int
    artists: tuple[Artist, ...] = ()
    track: Track | None = None
    repairs: tuple[Repair, ...] = ()
    refused: Repair | None = None
    is_repeated: bool = False


def to_its_end(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries; where the file itself breaks off (packed and cut short, no text), one more that says so."""
    try:
        yield from entries
    except InvalidInput as error:
        reason = "; ".join(violation.description for violation in error.violations)
        yield Entry(line=0, refused=Repair("path", f"{reason}; what came before is kept"))


def merged(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of one track as one, with the tags of all; the others are marked as repeated."""
    first: dict[str, Entry] = {}
    tags: dict[str, dict[str, None]] = {}
    for entry in entries:
        track = entry.track
        if track is None:
            yield entry
        elif track.track_id in first:
            tags[track.track_id].update(dict.fromkeys(track.tags))
            yield Entry(line=entry.line, repairs=entry.repairs, is_repeated=True)
        else:
            first[track.track_id] = entry
            tags[track.track_id] = dict.fromkeys(track.tags)
    for entry in first.values():
        assert entry.track is not None
        note = list(entry.repairs)
        found = tags_of("tags", tags[entry.track.track_id], note.append)
        yield replace(entry, track=replace(entry.track, tags=found), repairs=tuple(note))


def of_rows(rows: Iterable[Row | BadRow]) -> Iterator[Entry]:
    """The rows of a reader that makes artists and tracks itself, as entries: each artist goes with the first track."""
    waiting: dict[str, Artist] = {}
    for row in rows:
        if isinstance(row, BadRow):
            yield Entry(line=row.line, refused=Repair(row.field, row.reason))
        elif isinstance(row.value, Artist):
            waiting[row.value.artist_id] = row.value
        elif isinstance(row.value, Track):
            found = tuple(waiting.pop(one) for one in row.value.artist_ids if one in waiting)
            yield Entry(line=row.line, artists=found, track=row.value)
