"""HetRec 2011 Last.fm: artists with listeners' tags, and play counts per listener and artist, without any time."""

import random
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from importers.rows import BadField, BadRow, ReadOptions, Row, event_id, is_count, parsed, tab_table
from importers.text import open_lines
from training.simulate.listeners import hour_weights

NAME = "hetrec"
DESCRIPTION = "HetRec 2011 Last.fm: a folder with artists.dat and user_artists.dat (and its tag files, where present)"

COUNTS = "user_artists.dat"

TAGS_KEPT = 10
"""Tags of an artist, those of most listeners first."""

PLAYS_PER_PAIR = 5
DAYS = 30
NOMINAL_MILLISECONDS = 180_000
"""How long each made play sounds: the files say nothing of it."""

_SEED = 2011
_EVENING = np.cumsum(hour_weights(1, weekend=False))[:-1].tolist()
_Cells = Mapping[str, str]


def fits(path: Path) -> bool:
    """Whether this is a folder with these files, or one of the two files that must be there."""
    folder = _folder(path)
    return all((folder / name).is_file() for name in ("artists.dat", COUNTS)) and (
        path.is_dir() or path.suffix == ".dat"
    )


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Every artist with one track that stands for the artist's work, then plays listener by listener.

    The files know no tracks and no times. So the counts become plays by `spread_over_time`: made times in the
    `DAYS` days before `options.now`, at most `PLAYS_PER_PAIR` for a pair. They keep who likes whom and how much more,
    not how often or when.
    """
    folder, allowed = _folder(path), options.training_right(Source.LASTFM)
    artists: dict[str, tuple[int, str]] = {}
    yield from _read_artists(folder, artists)
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    yield from _read_tags(folder, artists.keys(), tags)
    for artist, (line, name) in artists.items():
        words = tuple(word for word, _ in tags[artist].most_common(TAGS_KEPT))
        for value in _values(artist, name, words, allowed=allowed):
            yield Row(line, value)
    chance = random.Random(_SEED)
    plays = partial(_plays, known=artists.keys(), chance=chance, until=options.now, allowed=allowed)
    with open_lines(folder / COUNTS) as text:
        for found in parsed(COUNTS, tab_table(folder / COUNTS, text, ("userID", "artistID", "weight")), plays):
            yield from [found] if isinstance(found, BadRow) else (Row(found[0], play) for play in found[1])


def spread_over_time(count: int, chance: random.Random, *, until: datetime) -> list[datetime]:
    """Made times for a play count, in order: 1 for up to 9 plays, 2 for up to 99 and so on, at most `PLAYS_PER_PAIR`.

    Days are drawn evenly from the `DAYS` before the midnight before `until`, hours as people listen in the evening.
    """
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    return sorted(
        midnight
        - timedelta(days=chance.randrange(1, DAYS))
        + timedelta(hours=bisect(_EVENING, chance.random()), seconds=chance.randrange(3600))
        for _ in range(min(PLAYS_PER_PAIR, len(str(count))))
    )


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _records(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, _Cells | BadRow]]:
    with open_lines(path) as text:
        for record in tab_table(path, text, columns):
            yield (record.line, record) if isinstance(record, BadRow) else record


def _read_artists(folder: Path, artists: dict[str, tuple[int, str]]) -> Iterator[BadRow]:
    """Fill `artists` with line and name by number."""
    for line, cells in _records(folder / "artists.dat", ("id", "name")):
        if isinstance(cells, BadRow):
            yield cells
        elif not is_count(cells["id"]):
            yield BadRow("artists.dat", line, "id", f"{cells['id']!r} is not a number")
        elif not 0 < len(cells["name"].strip()) <= 500:
            yield BadRow("artists.dat", line, "name", "is empty or has more than 500 characters")
        else:
            artists[cells["id"]] = line, cells["name"].strip()


def _read_tags(folder: Path, artists: Set[str], tags: dict[str, Counter[str]]) -> Iterator[BadRow]:
    """Fill `tags` with each artist's words, where the folder has the two tag files."""
    if not ((folder / "tags.dat").is_file() and (folder / "user_taggedartists.dat").is_file()):
        return
    words: dict[str, str] = {}
    for line, cells in _records(folder / "tags.dat", ("tagID", "tagValue")):
        if isinstance(cells, BadRow):
            yield cells
        elif 0 < len(cells["tagValue"].strip()) <= 128:
            words[cells["tagID"]] = cells["tagValue"].strip()
        else:
            yield BadRow("tags.dat", line, "tagValue", "is empty or has more than 128 characters")
    for line, cells in _records(folder / "user_taggedartists.dat", ("userID", "artistID", "tagID")):
        if isinstance(cells, BadRow):
            yield cells
        elif cells["artistID"] not in artists:
            yield BadRow("user_taggedartists.dat", line, "artistID", f"artists.dat has no artist {cells['artistID']!r}")
        elif cells["tagID"] not in words:
            yield BadRow("user_taggedartists.dat", line, "tagID", f"tags.dat has no tag {cells['tagID']!r}")
        else:
            tags[cells["artistID"]][words[cells["tagID"]]] += 1


def _values(number: str, name: str, tags: tuple[str, ...], *, allowed: bool) -> tuple[Artist, Track]:
    artist_id = f"hetrec-artist-{number}"
    artist = Artist(artist_id=artist_id, name=name, tags=tags, source=Source.LASTFM, allow_training=allowed)
    track = Track(
        track_id=f"hetrec-work-{number}",
        title=f"Music of {name}",
        artist_ids=(artist_id,),
        tags=tags,
        source=Source.LASTFM,
        allow_training=allowed,
    )
    return artist, track


def _plays(cells: _Cells, *, known: Set[str], chance: random.Random, until: datetime, allowed: bool) -> list[Play]:
    listener, artist = cells["userID"], cells["artistID"]
    if not is_count(listener):
        raise BadField("userID", f"{listener!r} is not a number")
    if artist not in known:
        raise BadField("artistID", f"artists.dat has no artist {artist!r}")
    weight = cells["weight"]
    if not is_count(weight) or int(weight) == 0:
        raise BadField("weight", f"{weight!r} is not a play count")
    return [
        Play(
            event_id=event_id("hetrec", listener, artist, str(nth)),
            listener_id=f"hetrec-listener-{listener}",
            track_id=f"hetrec-work-{artist}",
            artist_id=f"hetrec-artist-{artist}",
            played_at=played_at,
            milliseconds_played=NOMINAL_MILLISECONDS,
            track_milliseconds=0,
            source=Source.LASTFM,
            allow_training=allowed,
        )
        for nth, played_at in enumerate(spread_over_time(int(weight), chance, until=until))
    ]
