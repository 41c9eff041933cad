"""Last.fm 1K users: time-stamped plays, six columns between tabs, no header, newest first within each listener."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from importers.rows import BadField, BadRow, ReadOptions, Row, checked_id, derived_id, event_id, first_line, open_text

NAME = "lastfm-1k"
DESCRIPTION = "Last.fm 1K: userid-timestamp-artid-artname-traid-traname.tsv, or a folder with it"
FILE = "userid-timestamp-artid-artname-traid-traname.tsv"
COLUMNS = ("userid", "timestamp", "artist mbid", "artist name", "track mbid", "track name")

LONGEST_PLAY = timedelta(minutes=4)
"""How long a track sounds where the listener's next play does not say: the file holds starts only."""


def fits(path: Path) -> bool:
    """Whether this is such a file, or a folder with one."""
    if path.is_dir():
        return (path / FILE).is_file()
    cells = first_line(path).split("\t")
    return path.name == FILE or (len(cells) == len(COLUMNS) and _time(cells[1]) is not None)


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Each artist and track before its first play, then the play.

    Artists and tracks without an MBID get an id derived from their names. `milliseconds_played` is the time to
    the listener's next play, at most `LONGEST_PLAY`. The same play listed twice has the same event id.
    """
    file = path / FILE if path.is_dir() else path
    allowed = options.training_right(Source.LASTFM)
    seen: set[str] = set()
    later: Play | None = None
    with open_text(file) as text:
        for line, content in enumerate(text, start=1):
            try:
                # Titles hold lone quotes: they mean nothing here.
                artist, track, play = _values(content.rstrip("\r\n").split("\t"), later, allowed=allowed)
            except BadField as wrong:
                yield BadRow(file.name, line, wrong.field, wrong.reason)
                continue
            if artist.artist_id not in seen:
                seen.add(artist.artist_id)
                yield Row(line, artist)
            if track.track_id not in seen:
                seen.add(track.track_id)
                yield Row(line, track)
            later = play
            yield Row(line, play)


def _values(cells: list[str], later: Play | None, *, allowed: bool) -> tuple[Artist, Track, Play]:
    if len(cells) != len(COLUMNS):
        raise BadField("", f"has {len(cells)} columns; {len(COLUMNS)} are expected: {', '.join(COLUMNS)}")
    listener, timestamp, artist_mbid, artist_name, track_mbid, track_name = (cell.strip() for cell in cells)
    checked_id("userid", listener)
    played_at = _time(timestamp)
    if played_at is None:
        raise BadField("timestamp", f"{timestamp!r} is not a time such as 2009-05-04T23:08:57Z")
    for field, name in (("artist name", artist_name), ("track name", track_name)):
        if not 0 < len(name) <= 512:
            raise BadField(field, "is empty" if not name else f"has {len(name)} characters; at most 512 are kept")
    artist_id = _mbid("artist mbid", artist_mbid) or derived_id("lastfm-artist", artist_name)
    track_id = _mbid("track mbid", track_mbid) or derived_id("lastfm-track", artist_name, track_name)
    length = LONGEST_PLAY
    if later is not None and later.listener_id == listener and played_at < later.played_at:
        length = min(length, later.played_at - played_at)
    play = Play(
        event_id=event_id("lastfm", listener, timestamp, track_id),
        listener_id=listener,
        track_id=track_id,
        artist_id=artist_id,
        played_at=played_at,
        milliseconds_played=length // timedelta(milliseconds=1),
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


def _time(text: str) -> datetime | None:
    """An aware time in UTC, None for anything else."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else None
