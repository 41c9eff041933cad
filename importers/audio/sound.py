"""One file as it was listened to: what is told of it, sent of it, and remembered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from backend.domain.tracks import AudioFeatures
from importers.audio.estimates import audio_features
from importers.audio.listening import Measures
from importers.audio.tags import Tags

Statistics = Mapping[str, Sequence[Sequence[float]]]
"""Feature → MOMENTS (7) of each of its n rows, (7, n), to six digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """`file_seconds` is the whole file's length; `notes` say what was odd about it."""

    measures: Measures
    statistics: Statistics
    tags: Tags
    file_seconds: float
    notes: tuple[str, ...]

    @property
    def audio_features(self) -> AudioFeatures:
        """The catalogue's features, measured and estimated."""
        return audio_features(self.measures)


def to_text(sound: Sound) -> str:
    """One line of JSON."""
    return json.dumps(asdict(sound), separators=(",", ":"))


def from_text(text: str) -> Sound:
    """The inverse. Raises ValueError, KeyError or TypeError for anything else."""
    fields = json.loads(text)
    tags = fields["tags"]
    return Sound(
        measures=Measures(**fields["measures"]),
        statistics=fields["statistics"],
        tags=Tags(**tags | {"artists": tuple(tags["artists"]), "genres": tuple(tags["genres"])}),
        file_seconds=fields["file_seconds"],
        notes=tuple(fields["notes"]),
    )
