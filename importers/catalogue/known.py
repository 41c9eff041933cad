"""The layouts of catalogue files that are known, each by its columns, whatever the file is called."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.domain.rights import Source
from backend.domain.tracks import AUDIO_FEATURES
from importers import spotify_2023, spotify_songs
from importers.catalogue.cells import LIST
from importers.catalogue.mapping import SHARES, FileMapping, Kind
from importers.rows import BadRow, ReadOptions, Row

_SOUND: Final = {name: name for name in AUDIO_FEATURES}
_TRACK, _ARTIST = "spotify:track:", "spotify:artist:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A layout: the columns by which it is known, and a mapping of them, or a reader of its own, or neither.

    One with neither is a file of which nothing is kept.
    """

    name: str
    told_by: frozenset[str]
    mapping: FileMapping | None = None
    read: Callable[[Path, ReadOptions], Iterator[Row | BadRow]] | None = None
    source: Source = Source.SPOTIFY


def _mapped(told_by: str, mapping: FileMapping) -> Layout:
    return Layout(name=mapping.name, told_by=frozenset(told_by.split()), mapping=mapping, source=mapping.source)


KAGGLE_TRACKS: Final = FileMapping(
    name="spotify-600k",
    source=Source.SPOTIFY,
    id="id",
    title="name",
    artists=("artists",),
    artist_ids=("id_artists",),
    released_on="release_date",
    duration="duration_ms",
    features=_SOUND,
    written={"artists": LIST, "artist_ids": LIST},
    id_prefix=_TRACK,
    artist_id_prefix=_ARTIST,
)
"""Spotify Dataset 1921-2020, 600k tracks: tracks.csv."""

KAGGLE_ARTISTS: Final = FileMapping(
    name="spotify-600k-artists",
    kind=Kind.ARTISTS,
    source=Source.SPOTIFY,
    id="id",
    title="name",
    tags=("genres",),
    written={"tags": LIST},
    id_prefix=_ARTIST,
)
"""Its artists.csv."""

MILLION_TRACKS: Final = FileMapping(
    name="spotify-1.2m",
    source=Source.SPOTIFY,
    id="id",
    title="name",
    artists=("artists",),
    artist_ids=("artist_ids",),
    album="album",
    released_on="release_date",
    duration="duration_ms",
    features=_SOUND,
    written={"artists": LIST, "artist_ids": LIST},
    id_prefix=_TRACK,
    artist_id_prefix=_ARTIST,
)
"""Spotify 1.2M+ Songs: tracks_features.csv."""

GENRE_TRACKS: Final = FileMapping(
    name="spotify-114k",
    source=Source.SPOTIFY,
    id="track_id",
    title="track_name",
    artists=("artists",),
    album="album_name",
    duration="duration_ms",
    tags=("track_genre",),
    features=_SOUND,
    written={"artists": ";"},
    id_prefix=_TRACK,
    merged=True,
)
"""Spotify Tracks Dataset, 114k rows: a track stands once per genre."""

ALBUMS_2023: Final = FileMapping(
    name="spotify-dataset-2023",
    source=Source.SPOTIFY,
    id="track_id",
    title="track_name",
    artists=tuple(f"artist_{nth}" for nth in range(12)),
    album="album_name",
    released_on="release_date",
    duration="duration_ms",
    tags=tuple(f"genre_{nth}" for nth in range(7)),
    features=_SOUND,
    id_prefix=_TRACK,
)
"""Spotify Dataset 2023: spotify-albums_data_2023.csv, and spotify_data_12_20_2023.csv, which holds sound as well."""

ARTISTS_2023: Final = FileMapping(
    name="spotify-dataset-2023-artists",
    kind=Kind.ARTISTS,
    source=Source.SPOTIFY,
    title="name",
    tags=tuple(f"genre_{nth}" for nth in range(7)),
)
"""Its spotify_artist_data_2023.csv; the albums file names artists without their ids, so theirs are made of names."""

FEATURES_2023: Final = FileMapping(
    name="spotify-dataset-2023-features",
    kind=Kind.FEATURES,
    source=Source.SPOTIFY,
    id="id",
    features=_SOUND,
    id_prefix=_TRACK,
)
"""Its spotify_features_data_2023.csv."""

FMA_TRACKS: Final = FileMapping(
    name="fma-tracks",
    id="track_id",
    title="track.title",
    artists=("artist.name",),
    artist_ids=("artist.id",),
    album="album.title",
    released_on="album.date_released",
    duration="track.duration",
    tags=("track.genres_all", "track.genre_top", "track.tags"),
    written={"tags": LIST},
    id_prefix="fma:track:",
    artist_id_prefix="fma:artist:",
    unit=1000.0,
)
"""Free Music Archive: tracks.csv, a header of three rows; `fma.py` puts genres' names in the place of their numbers."""

FMA_ECHONEST: Final = FileMapping(
    name="fma-echonest",
    kind=Kind.FEATURES,
    id="track_id",
    features={name: f"echonest.audio_features.{name}" for name in (*SHARES, "tempo")},
    id_prefix="fma:track:",
)
"""Its echonest.csv, a header of three or four rows, which knows no loudness."""

FMA_GENRES, FMA_FEATURES = "fma-genres", "fma-features"

LAYOUTS: Final = (
    Layout(
        name="spotify-songs", told_by=frozenset({"track_id", "track_artist", "playlist_genre"}), read=spotify_songs.read
    ),
    Layout(
        name="spotify-2023", told_by=frozenset({"track_name", "artist(s)_name", "artist_count"}), read=spotify_2023.read
    ),
    _mapped("id name artists id_artists release_date duration_ms", KAGGLE_TRACKS),
    _mapped("id name artists artist_ids release_date duration_ms", MILLION_TRACKS),
    _mapped("track_id artists album_name track_name track_genre", GENRE_TRACKS),
    _mapped("track_id track_name album_name artist_0 release_date", ALBUMS_2023),
    _mapped("id name artist_genres genre_0", ARTISTS_2023),
    _mapped("id followers genres name popularity", KAGGLE_ARTISTS),
    _mapped("id danceability energy tempo track_href analysis_url", FEATURES_2023),
    Layout(name="spotify-dataset-2023-tracks", told_by=frozenset({"id", "track_popularity", "explicit"})),
    _mapped("track_id track.title artist.name artist.id", FMA_TRACKS),
    _mapped("track_id echonest.audio_features.energy", FMA_ECHONEST),
    Layout(name=FMA_GENRES, told_by=frozenset({"genre_id", "parent", "title"}), source=Source.FIRST_PARTY),
    Layout(name=FMA_FEATURES, told_by=frozenset({"track_id", "rmse.mean.01"}), source=Source.FIRST_PARTY),
)
"""In the order in which they are tried."""


def layout_of(columns: Set[str]) -> Layout | None:
    """The layout of a file with these columns (as `rows.column_name` writes them); None where it is not known."""
    return next((layout for layout in LAYOUTS if layout.told_by <= columns), None)
