"""The catalogue: tracks and artists."""

from dataclasses import dataclass, fields

from backend.domain.rights import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFeatures:
    """How a track sounds: shares in 0..1, tempo in beats per minute, loudness in dBFS."""

    danceability: float
    energy: float
    valence: float
    acousticness: float
    instrumentalness: float
    liveness: float
    speechiness: float
    tempo: float
    loudness: float


AUDIO_FEATURES = tuple(field.name for field in fields(AudioFeatures))
"""Their names, in the order of the axes of clusters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track. Plays are counted for `artist_ids[0]`; `duration_milliseconds` is 0 where unknown."""

    track_id: str
    title: str
    artist_ids: tuple[str, ...]
    album: str = ""
    released_on: str = ""
    duration_milliseconds: int = 0
    tags: tuple[str, ...] = ()
    audio_features: AudioFeatures | None = None
    source: Source = Source.FIRST_PARTY
    allow_training: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Artist:
    """An artist."""

    artist_id: str
    name: str
    tags: tuple[str, ...] = ()
    source: Source = Source.FIRST_PARTY
    allow_training: bool = True


def catalogue_text(track: Track, artist_names: tuple[str, ...]) -> str:
    """The sentence that stands for a track in the text embedding: title, artists, album, tags."""
    parts = [f"{track.title} by {', '.join(artist_names)}"]
    if track.album:
        parts.append(f"album {track.album}")
    if track.tags:
        parts.append(", ".join(track.tags))
    return "; ".join(parts)
