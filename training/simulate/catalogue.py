"""The simulated catalogue: artists and tracks, with the popularity that listening follows."""

from dataclasses import dataclass

import numpy as np

from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from training.simulate.chance import Floats, Ints, stream, zipf
from training.simulate.genres import GENRES, SCENES, STYLES_PER_GENRE, Genre
from training.simulate.names import Namer

POPULARITY_EXPONENT = 0.9
"""Of the Zipf law of artists' popularity: the first of 150 artists then gets about 15 % of the popular choice."""

_CONCENTRATION = 18.0
"""Of the Beta distributions that audio features are drawn from: a deviation of about 0.1 around the genre's mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Artists and tracks by number, most popular artist first.

    `scenes` (artists,) is each artist's scene (genre and style, see `genres.SCENES`); `popularity` (artists,) sums to
    1.
    `track_artists` (tracks,) is each track's artist, `track_weights` (tracks,) its share of the artist's plays,
    `lengths` (tracks,) its milliseconds.
    """

    artists: tuple[Artist, ...]
    tracks: tuple[Track, ...]
    scenes: Ints
    popularity: Floats
    track_artists: Ints
    track_weights: Floats
    lengths: Ints

    def tracks_of(self, artist: int) -> list[Track]:
        """The artist's tracks, most played first."""
        return [self.tracks[number] for number in np.flatnonzero(self.track_artists == artist)]


def make_catalogue(seed: int, *, artists: int, tracks: int, last_year: int) -> Catalogue:
    """A catalogue of so many artists and tracks, released up to the end of `last_year`."""
    rng = stream(seed, "catalogue")
    namer = Namer(stream(seed, "names"))
    popularity = zipf(artists, POPULARITY_EXPONENT)
    scenes = _scenes(rng, artists)
    sizes = _track_counts(popularity, tracks)
    made_artists: list[Artist] = []
    made_tracks: list[Track] = []
    for number, (scene, size) in enumerate(zip(scenes.tolist(), sizes.tolist(), strict=True)):
        artist = _artist(rng, namer, f"sim{seed}-artist-{number:04}", scene)
        first = len(made_tracks)
        ids = [f"sim{seed}-track-{first + position:05}" for position in range(size)]
        made_artists.append(artist)
        made_tracks.extend(_tracks(rng, namer, artist, SCENES[scene][0], ids=ids, last_year=last_year))
    return Catalogue(
        artists=tuple(made_artists),
        tracks=tuple(made_tracks),
        scenes=scenes,
        popularity=popularity,
        track_artists=np.repeat(np.arange(artists), sizes),
        track_weights=np.concatenate([zipf(size, 0.7) for size in sizes.tolist()]),
        lengths=np.array([track.duration_milliseconds for track in made_tracks], dtype=np.int64),
    )


def new_track(seed: int, catalogue: Catalogue, artist: int, *, track_id: str, released_on: str) -> Track:
    """One more track of that artist, released on that day, as a single."""
    rng = stream(seed, "release", artist)
    genre = SCENES[int(catalogue.scenes[artist])][0]
    title = Namer(rng).titles(genre, 1)[0]
    return _track(rng, catalogue.artists[artist], genre, track_id, title=title, album=title, released_on=released_on)


def _scenes(rng: np.random.Generator, artists: int) -> Ints:
    """A scene for each artist: every scene once where there are enough artists, then by the genres' weights."""
    weights = np.repeat([genre.weight for genre in GENRES], STYLES_PER_GENRE)
    once = rng.permutation(len(SCENES))[:artists]
    others = rng.choice(len(SCENES), size=artists - len(once), p=weights / weights.sum())
    scenes: Ints = rng.permutation(np.concatenate([once, others])).astype(np.int64)
    return scenes


def _track_counts(popularity: Floats, tracks: int) -> Ints:
    """Tracks of each artist: at least two, more for the popular, `tracks` in all."""
    shares = popularity**0.4
    ends = np.round(np.cumsum(shares / shares.sum()) * (tracks - 2 * len(popularity))).astype(np.int64)
    return 2 + np.diff(ends, prepend=0)


def _artist(rng: np.random.Generator, namer: Namer, artist_id: str, scene: int) -> Artist:
    genre, style = SCENES[scene]
    moods = rng.permutation(len(genre.moods))[:2]
    tags = (style, genre.name, *(genre.moods[mood] for mood in moods))
    return Artist(artist_id=artist_id, name=namer.artist(genre), tags=tags, source=Source.SIMULATOR)


def _tracks(
    rng: np.random.Generator, namer: Namer, artist: Artist, genre: Genre, *, ids: list[str], last_year: int
) -> list[Track]:
    debut = last_year - int(rng.gamma(2.0, 7.0)) - 1
    albums: list[tuple[str, str]] = []
    tracks = []
    for position, (track_id, title) in enumerate(zip(ids, namer.titles(genre, len(ids)), strict=True)):
        if position % 8 == 0:
            year = int(rng.integers(debut, last_year + 1))
            albums.append((namer.album(genre), f"{year}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"))
        album, released_on = albums[-1]
        tracks.append(_track(rng, artist, genre, track_id, title=title, album=album, released_on=released_on))
    return tracks


def _track(
    rng: np.random.Generator, artist: Artist, genre: Genre, track_id: str, *, title: str, album: str, released_on: str
) -> Track:
    means = np.clip(genre.sound, 0.02, 0.98)
    shares = rng.beta(means * _CONCENTRATION, (1 - means) * _CONCENTRATION).round(3).tolist()
    danceability, energy, valence, acousticness, instrumentalness, liveness, speechiness = shares
    mood = genre.moods[int(rng.integers(len(genre.moods)))]
    return Track(
        track_id=track_id,
        title=title,
        artist_ids=(artist.artist_id,),
        album=album,
        released_on=released_on,
        duration_milliseconds=int(np.clip(genre.minutes * rng.lognormal(0.0, 0.25), 1.5, 15.0) * 60_000),
        tags=(*artist.tags[:2], mood),
        audio_features=AudioFeatures(
            danceability=danceability,
            energy=energy,
            valence=valence,
            acousticness=acousticness,
            instrumentalness=instrumentalness,
            liveness=liveness,
            speechiness=speechiness,
            tempo=round(float(np.clip(rng.normal(genre.tempo, genre.tempo * 0.12), 50, 210)), 1),
            loudness=round(float(np.clip(rng.normal(genre.loudness, 1.8), -45, -1)), 1),
        ),
        source=Source.SIMULATOR,
    )
