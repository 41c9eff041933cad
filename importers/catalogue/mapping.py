"""Which column of a file holds what: of a layout that is known, or as somebody's mapping file says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from backend.domain.rights import Source
from backend.domain.tracks import AUDIO_FEATURES

SHARES: Final = tuple(name for name in AUDIO_FEATURES if name not in ("tempo", "loudness"))
"""The audio features that are 0..1; a track has all of them or no audio features at all."""

ANY_ID: Final = ""
"""The id that is made of names: for files that hold none."""


class Kind(StrEnum):
    """What a file's records are."""

    TRACKS = "tracks"
    ARTISTS = "artists"
    FEATURES = "features"
    """Audio features by track id, for the tracks of another file in the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """A file's columns, each by the field of the catalogue that it fills; "" or () where no column does.

    Of tracks `title` and `artists` must be there, of artists `title` (the name), of features `id`. `written` says how
    the cells of artists, artist_ids and tags hold several: "one", "list" (as Python or JSON writes it), or what stands
    between them. Ids get the prefixes before them; without an id column they are made of the names. `most` is what a
    share of 1 is written as, `unit` the milliseconds of a length of 1. In a `merged` file rows of one id are one track
    with the tags of all, which takes memory for all its tracks.
    """

    name: str
    kind: Kind = Kind.TRACKS
    source: Source = Source.FIRST_PARTY
    id: str = ANY_ID
    title: str = ""
    artists: tuple[str, ...] = ()
    artist_ids: tuple[str, ...] = ()
    album: str = ""
    released_on: str = ""
    duration: str = ""
    tags: tuple[str, ...] = ()
    features: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    id_prefix: str = ""
    artist_id_prefix: str = ""
    most: float = 1.0
    unit: float = 1.0
    merged: bool = False

    def how(self, name: str) -> str:
        """How the cells of artists, artist_ids or tags are written."""
        return self.written.get(name, "one")

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which no record means anything."""
        match self.kind:
            case Kind.TRACKS:
                return tuple(filter(None, (self.id, self.title, *self.artists[:1], *self.artist_ids[:1])))
            case Kind.ARTISTS:
                return tuple(filter(None, (self.id, self.title)))
            case Kind.FEATURES:
                return (self.id,)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is looked at, each once."""
        named = (
            *(self.id, self.title, *self.artists, *self.artist_ids),
            *(self.album, self.released_on, self.duration, *self.tags, *self.features.values()),
        )
        return tuple(dict.fromkeys(filter(None, named)))
