"""Which format a file or folder is in, and the whole of it in one value, plays in time order."""

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from backend.domain.errors import InvalidInput, Violation
from backend.domain.plays import Play, Timing
from backend.domain.tracks import Artist, Track
from importers import hetrec, lastfm_1k, spotify_2023, spotify_songs
from importers.rows import BadRow, ReadOptions, Row


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, what it looks like, whether a path is in it, and its reader.

    The reader takes what `fits` said yes to; it raises InvalidInput where a column is missing.
    """

    name: str
    description: str
    fits: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Iterator[Row | BadRow]]
    settle: Callable[[Sequence[Play]], Sequence[Play]] = tuple
    """What only all plays together tell of each, in time order; as many come out, in the same order."""


FORMATS = (
    Format(lastfm_1k.NAME, lastfm_1k.DESCRIPTION, lastfm_1k.fits, lastfm_1k.read, lastfm_1k.until_next),
    *(
        Format(module.NAME, module.DESCRIPTION, module.fits, module.read)
        for module in (hetrec, spotify_songs, spotify_2023)
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a file or folder holds, plays in time order; `…_lines` are the lines they were read from, one for each.

    All its plays are history, wherever they are moved in time: a file tells of them long after, and all at once.
    """

    format: str
    artists: tuple[Artist, ...]
    tracks: tuple[Track, ...]
    plays: tuple[Play, ...]
    bad_rows: tuple[BadRow, ...]
    artist_lines: tuple[int, ...]
    track_lines: tuple[int, ...]
    play_lines: tuple[int, ...]

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day, UTC, of its plays; None where it has none."""
        return (self.plays[0].played_at.date(), self.plays[-1].played_at.date()) if self.plays else None


def detect(path: Path) -> Format:
    """The format of this file or folder. Raises InvalidInput, which lists the formats there are."""
    if not path.exists():
        raise InvalidInput([Violation("path", f"{path} does not exist")])
    for candidate in FORMATS:
        if candidate.fits(path):
            return candidate
    known = "; ".join(f"{each.name} ({each.description})" for each in FORMATS)
    raise InvalidInput([Violation("path", f"{path} is in no format that is known here. Known: {known}")])


def named(name: str) -> Format:
    """The format of this name. Raises InvalidInput, which lists the names there are."""
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate
    known = ", ".join(each.name for each in FORMATS)
    raise InvalidInput([Violation("format", f"{name!r} is not known; known are {known}")])


def load(path: Path, options: ReadOptions, *, format_name: str = "", limit: int | None = None) -> Dataset:
    """Read it whole, in the format named or detected.

    `limit` stops after so many plays, in the file's own order (after so many tracks where the format has no plays).
    Raises InvalidInput for an unknown format and for a missing column.
    """
    chosen = named(format_name) if format_name else detect(path)
    artists, tracks, plays = list[tuple[int, Artist]](), list[tuple[int, Track]](), list[tuple[int, Play]]()
    bad_rows: list[BadRow] = []
    counted: Sized = tracks if chosen.name in _WITHOUT_PLAYS else plays
    for row in chosen.read(path, options):
        match row:
            case BadRow():
                bad_rows.append(row)
            case Row(line, Artist() as artist):
                artists.append((line, artist))
            case Row(line, Track() as track):
                tracks.append((line, track))
            case Row(line, Play() as play):
                plays.append((line, replace(play, timing=Timing.HISTORY)))
        if limit is not None and len(counted) >= limit:
            break
    # Stable: plays of one moment keep the file's order.
    plays.sort(key=lambda each: each[1].played_at)
    return Dataset(
        format=chosen.name,
        artists=tuple(artist for _, artist in artists),
        tracks=tuple(track for _, track in tracks),
        plays=tuple(chosen.settle([play for _, play in plays])),
        bad_rows=tuple(bad_rows),
        artist_lines=tuple(line for line, _ in artists),
        track_lines=tuple(line for line, _ in tracks),
        play_lines=tuple(line for line, _ in plays),
    )


_WITHOUT_PLAYS = (spotify_songs.NAME, spotify_2023.NAME)


GAP = timedelta(days=180)
FEW, FEW_SHARE = 5, 0.01
"""Plays, and share of all plays, that are too few to be believed where they lie further than GAP after all others."""


def moved_to(data: Dataset, now: datetime, *, file: str) -> Dataset:
    """The data set with its plays as `shift_to` moves them; those that it leaves out are bad rows of `file`."""
    plays = shift_to(data.plays, now)
    last = data.plays[len(plays) - 1].played_at if plays else now
    left_out = zip(data.play_lines[len(plays) :], data.plays[len(plays) :], strict=True)
    bad = [
        BadRow(
            file,
            line,
            "played_at",
            f"{play.played_at:%Y-%m-%d} lies {(play.played_at - last).days} days after the rest",
        )
        for line, play in left_out
    ]
    return replace(data, plays=plays, play_lines=data.play_lines[: len(plays)], bad_rows=(*data.bad_rows, *bad))


def shift_to(plays: Sequence[Play], now: datetime) -> tuple[Play, ...]:
    """These plays, in time order, all moved by the same span so that the last one starts at `now`; ids stay.

    So old data can be shown as if it happened today, and a second run of it is duplicates only. A few plays that lie
    far after all others are wrongly dated: they neither count as the last nor come out.
    """
    believed = plays[: _believed(plays)]
    if not believed:
        return ()
    span = now - believed[-1].played_at
    return tuple(replace(play, played_at=play.played_at + span) for play in believed)


def _believed(plays: Sequence[Play]) -> int:
    """How many of these plays, from the first, have a date that is borne out by others.

    Plays with no gap between them bear one another out: a last group is not believed where it has few plays, and
    another before it has twice as many. Of plays that are all far apart each is as good as the other.
    """
    groups = [1] if plays else []
    for before, play in pairwise(plays):
        if play.played_at - before.played_at > GAP:
            groups.append(0)
        groups[-1] += 1
    while len(groups) > 1 and groups[-1] <= max(FEW, FEW_SHARE * sum(groups)) and 2 * groups[-1] <= max(groups[:-1]):
        groups.pop()
    return sum(groups)
