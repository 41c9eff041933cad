"""Last.fm 1K users: time-stamped plays, six columns between tabs, no header, newest first within each listener."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from importers.rows import BadField, BadRow, ReadOptions, Row, checked_id, checked_time, derived_id, event_id
from importers.text import first_line, open_lines, unreadable

NAME = "lastfm-1k"
DESCRIPTION = "Last.fm 1K: userid-timestamp-artid-artname-traid-traname.tsv, or a folder with it"
FILE = "userid-timestamp-artid-artname-traid-traname.tsv"
COLUMNS = ("userid", "timestamp", "artist mbid", "artist name", "track mbid", "track name")

LONGEST_PLAY = timedelta(minutes=4)
"""How long a track sounds where the listener's next play does not say: the file holds starts only."""

_SECOND = "%Y-%m-%dT%H:%M:%SZ"
"""How the data set writes times; one that is written otherwise is the same play."""

_MILLISECOND = timedelta(milliseconds=1)


def fits(path: Path) -> bool:
    """Whether this is such a file, or a folder with one."""
    if path.is_dir():
        return (path / FILE).is_file()
    cells = first_line(path).split("\t")
    return path.name == FILE or (len(cells) == len(COLUMNS) and _is_time(cells[1]))


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Each artist and track before its first play, then the play.

    Artists and tracks without an MBID get an id derived from their names. `milliseconds_played` is `LONGEST_PLAY`: see
    `until_next`. The same play listed twice has the same event id.
    """
    file = path / FILE if path.is_dir() else path
    allowed = options.training_right(Source.LASTFM)
    seen: set[str] = set()
    with open_lines(file) as text:
        for line, content in enumerate(text, start=1):
            try:
                # Titles hold lone quotes: they mean nothing here.
                artist, track, play = _values(content.rstrip("\r\n").split("\t"), options.now, allowed=allowed)
            except BadField as wrong:
                yield BadRow(file.name, line, wrong.field, wrong.reason)
                continue
            if artist.artist_id not in seen:
                seen.add(artist.artist_id)
                yield Row(line, artist)
            if track.track_id not in seen:
                seen.add(track.track_id)
                yield Row(line, track)
            yield Row(line, play)


def until_next(plays: Sequence[Play]) -> list[Play]:
    """The same plays, in their order, each heard no longer than until the listener's next one.

    In whatever order the file holds them. Of plays that begin in one second the last given was heard, the others were
    not. A play that is listed twice is one.
    """
    once = {play.event_id: play for play in plays}
    begins: dict[str, datetime] = {}
    heard: dict[str, int] = {}
    in_time = sorted(once.values(), key=lambda one: one.played_at)
    for play in reversed(in_time):
        until = begins.get(play.listener_id)
        most = play.milliseconds_played
        heard[play.event_id] = most if until is None else min(most, (until - play.played_at) // _MILLISECOND)
        begins[play.listener_id] = play.played_at
    return [replace(play, milliseconds_played=heard[play.event_id]) for play in plays]


def _values(cells: list[str], now: datetime, *, allowed: bool) -> tuple[Artist, Track, Play]:
    if len(cells) != len(COLUMNS):
        raise BadField("", f"has {len(cells)} columns; {len(COLUMNS)} are expected: {', '.join(COLUMNS)}")
    listener, timestamp, artist_mbid, artist_name, track_mbid, track_name = (cell.strip() for cell in cells)
    for field, cell in zip(COLUMNS, cells, strict=True):
        if reason := unreadable(cell):
            raise BadField(field, reason)
    checked_id("userid", listener)
    played_at = checked_time("timestamp", timestamp, now=now)
    for field, name in (("artist name", artist_name), ("track name", track_name)):
        if not 0 < len(name) <= 512:
            raise BadField(field, "is empty" if not name else f"has {len(name)} characters; at most 512 are kept")
    artist_id = _mbid("artist mbid", artist_mbid) or derived_id("lastfm-artist", artist_name)
    track_id = _mbid("track mbid", track_mbid) or derived_id("lastfm-track", artist_name, track_name)
    play = Play(
        event_id=event_id("lastfm", listener, f"{played_at:{_SECOND}}", track_id),
        listener_id=listener,
        track_id=track_id,
        artist_id=artist_id,
        played_at=played_at,
        milliseconds_played=LONGEST_PLAY // _MILLISECOND,
        track_milliseconds=0,
        source=Source.LASTFM,
        allow_training=allowed,
    )
    track = Track(
        track_id=track_id,
        title=track_name,
        artist_ids=(artist_id,),
        source=Source.LASTFM,
        allow_training=allowed,
    )
    return Artist(artist_id=artist_id, name=artist_name, source=Source.LASTFM, allow_training=allowed), track, play


def _mbid(field: str, text: str) -> str:
    """The MBID in its canonical form, "" where the cell is empty."""
    if not text:
        return ""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise BadField(field, f"{text!r} is no MBID (a UUID)") from None


def _is_time(text: str) -> bool:
    """Whether this is a time with its zone, of whatever year."""
    try:
        return datetime.fromisoformat(text.strip()).tzinfo is not None
    except ValueError:
        return False
