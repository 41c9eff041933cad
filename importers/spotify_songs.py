"""The "30,000 Spotify songs" table (tidytuesday): tracks with audio features, once per playlist they stand in."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from importers.rows import (
    BadField,
    BadRow,
    ReadOptions,
    Row,
    checked_date,
    checked_id,
    csv_table,
    derived_id,
    header_of,
    number,
    parsed,
)
from importers.text import open_lines

NAME = "spotify-songs"
DESCRIPTION = "30,000 Spotify songs: spotify_songs.csv or .csv.gz, or a folder with it"
FILES = ("spotify_songs.csv.gz", "spotify_songs.csv")
SHARES = ("danceability", "energy", "valence", "acousticness", "instrumentalness", "liveness", "speechiness")
COLUMNS = (
    *("track_id", "track_name", "track_artist", "track_album_name", "track_album_release_date"),
    *("playlist_genre", "playlist_subgenre", "loudness", "tempo", "duration_ms"),
    *SHARES,
)
ARTIST_TAGS_KEPT = 5

_NULLS = ("", "NA")


def fits(path: Path) -> bool:
    """Whether this is such a file, or a folder with one."""
    if path.is_dir():
        return any((path / name).is_file() for name in FILES)
    return path.name in FILES or {"track_id", "track_artist", "playlist_genre"} <= header_of(path)


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Every artist, then every track, each once.

    A track's tags are the genres and subgenres of all playlists it stands in, so nothing is yielded before the table is
    read whole. The artists have no id in the table: theirs is derived from the name.
    """
    file = next((path / name for name in FILES if (path / name).is_file()), path) if path.is_dir() else path
    allowed = options.training_right(Source.SPOTIFY)
    tracks: dict[str, tuple[int, Track]] = {}
    artists: dict[str, tuple[int, str]] = {}
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    with open_lines(file) as text:
        table = csv_table(file, text, COLUMNS)
        for found in parsed(file.name, table, partial(_artist_and_track, allowed=allowed)):
            if isinstance(found, BadRow):
                yield found
                continue
            line, (name, track) = found
            artist_id = track.artist_ids[0]
            tracks.setdefault(track.track_id, (line, track))
            artists.setdefault(artist_id, (line, name))
            for key in (track.track_id, artist_id):
                tags[key].update(track.tags)
    for artist_id, (line, name) in artists.items():
        words = tuple(word for word, _ in tags[artist_id].most_common(ARTIST_TAGS_KEPT))
        artist = Artist(artist_id=artist_id, name=name, tags=words, source=Source.SPOTIFY, allow_training=allowed)
        yield Row(line, artist)
    for line, track in tracks.values():
        yield Row(line, replace(track, tags=tuple(word for word, _ in tags[track.track_id].most_common())))


def artist_id_of(name: str) -> str:
    """The id derived from a Spotify artist's name; the same in every table without artist ids."""
    return derived_id("spotify-artist", name.casefold())


def _artist_and_track(cells: Mapping[str, str], *, allowed: bool) -> tuple[str, Track]:
    """The artist's name, and the track."""
    title, artist = cells["track_name"].strip(), cells["track_artist"].strip()
    # R writes nulls as NA; a song or an artist may be called so, both at once are a null.
    if title == "" or artist == "" or (title == "NA" and artist == "NA"):
        raise BadField("track_name" if title in _NULLS else "track_artist", "the row has no name")
    track = Track(
        track_id="spotify:track:" + checked_id("track_id", cells["track_id"]),
        title=title,
        artist_ids=(artist_id_of(artist),),
        album=cells["track_album_name"].strip(),
        released_on=checked_date("track_album_release_date", cells["track_album_release_date"].strip()),
        duration_milliseconds=int(number(cells, "duration_ms", low=0, high=86_400_000)),
        tags=tuple(cells[column] for column in ("playlist_subgenre", "playlist_genre") if cells[column]),
        audio_features=AudioFeatures(
            estimated=(),
            tempo=number(cells, "tempo", low=0, high=1000),
            loudness=number(cells, "loudness", low=-120, high=20),
            **{name: number(cells, name, low=0, high=1) for name in SHARES},
        ),
        source=Source.SPOTIFY,
        allow_training=allowed,
    )
    return artist, track
