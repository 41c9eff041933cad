"""The catalogue: tracks and artists."""

from dataclasses import dataclass, fields

from backend.domain.rights import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFeatures:
    """How a track sounds: shares in 0..1, tempo in beats per minute, loudness in dBFS; both 0 where unknown.

    `estimated` names those that no source told: made of the signal by a rule of thumb (importers/audio/estimates.py).
    """

    danceability: float
    energy: float
    valence: float
    acousticness: float
    instrumentalness: float
    liveness: float
    speechiness: float
    tempo: float
    loudness: float
    estimated: tuple[str, ...] = ()


AUDIO_FEATURES = tuple(field.name for field in fields(AudioFeatures) if field.name != "estimated")
"""Their names, in the order of the axes of clusters."""

_ABSENT_AT_ZERO = frozenset({"tempo", "loudness"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackAudioFeatures:
    """How one track of the catalogue sounds."""

    track_id: str
    audio_features: AudioFeatures


def completed(known: AudioFeatures | None, heard: AudioFeatures) -> AudioFeatures:
    """What is `known` of a track's sound; from `heard` what is not known or only estimated. A source's word stays."""
    if known is None:
        return heard
    taken = {
        name
        for name in AUDIO_FEATURES
        if name in known.estimated or (name in _ABSENT_AT_ZERO and getattr(known, name) == 0)
    }
    chosen = {name: heard if name in taken else known for name in AUDIO_FEATURES}
    return AudioFeatures(
        **{name: getattr(of, name) for name, of in chosen.items()},
        estimated=tuple(name for name, of in chosen.items() if name in of.estimated),
    )


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
