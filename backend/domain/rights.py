"""Where data came from, and whether models may learn from it."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Where a play, a track or an artist came from."""

    FIRST_PARTY = "first_party"
    LISTENBRAINZ = "listenbrainz"
    LASTFM = "lastfm"
    SPOTIFY = "spotify"
    SIMULATOR = "simulator"


def default_training_right(source: Source) -> bool:
    """Whether rows of this source may be trained on where nobody said so.

    Spotify's developer policy forbids training on its content, so those rows stay out until the operator
    sets the flag on import; everything else is in.
    """
    return source is not Source.SPOTIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerRights:
    """What a listener allows, by pseudonym: whether models may learn from their plays, those of the past included."""

    listener_id: str
    allow_training: bool
