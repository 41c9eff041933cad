"""Published model versions: write, verify, then point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from backend.ports.vectors import Vectors
from backend.ranking.lists import AUDIO_SPACE, CONTENT_SPACE, FACTORS_SPACE, LATENT_SPACE
from backend.ranking.newcomers import Newcomers
from backend.ranking.sound import Sound
from backend.ranking.topics import TopicTracks
from backend.ranking.weights import FusionWeights

NAMESPACE = "{version}.{space}"
FACTORS_NAMESPACE = f"{{version}}.{FACTORS_SPACE}"
CONTENT_NAMESPACE = f"{{version}}.{CONTENT_SPACE}"
TRACK_IDS_FILE, TRACK_FACTORS_FILE = "track_ids.txt", "track_factors.npy"
"""Files of a version: ids of its tracks, sorted, one a line, and their factors by row, float32 as NumPy writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One published version as the server holds it.

    `parts` is what the candidate sources (`backend.ranking.sources`) hold of it, by name; `weights` fuse their lists.
    Track factors, of that `dimension`, and content vectors are in the vector index under FACTORS_NAMESPACE and
    CONTENT_NAMESPACE, and those by audio features under the names of their spaces (`spaces`). `newcomers`, `sound` and
    `topics` are None where the version has none; `alike` weighs the approaches to tracks like one, {} where nothing was
    learned.
    """

    version: str
    dimension: int
    encoder_name: str
    encoder_dimension: int
    manifest: Mapping[str, object]
    parts: Mapping[str, object] = field(default_factory=dict)
    weights: FusionWeights = field(default_factory=FusionWeights)
    newcomers: Newcomers | None = None
    sound: Sound | None = None
    alike: Mapping[str, float] = field(default_factory=dict)
    topics: TopicTracks | None = None

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces that it has vectors of tracks in."""
        of_sound = () if self.sound is None else (AUDIO_SPACE, *((LATENT_SPACE,) if self.sound.latent else ()))
        return (FACTORS_SPACE, CONTENT_SPACE, *of_sound)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A line of `segue models list`; `created_at` is ISO 8601 UTC, metrics are by name, for example "ndcg@20"."""

    version: str
    created_at: str
    engine: str
    is_current: bool
    metrics: Mapping[str, float]


class ModelRepository(Protocol):
    """Folders of published versions and one pointer.

    `publish` copies a finished folder in under its version name, hashes checked, visible whole or not at all.
    The pointer moves in one atomic write; a reader sees the old or the new version, never a mix. A version whose
    files do not match its manifest raises ModelRefused and is never pointed to.
    """

    def publish(self, folder: Path) -> str:
        """Take in a version folder (with manifest.json); the version's name."""
        ...

    def point(self, version: str) -> None:
        """Make it current. Raises NotFound or ModelRefused."""
        ...

    def current(self) -> str | None:
        """The version pointed to, None before the first."""
        ...

    def previous(self) -> str | None:
        """The version pointed to before the current one: where `rollback` goes."""
        ...

    def load(self, version: str) -> ModelVersion:
        """Verified against its manifest. Raises NotFound or ModelRefused."""
        ...

    def read(self, version: str, name: str) -> bytes:
        """One file of a version, checked against its hash. Raises NotFound (also: no such file) or ModelRefused."""
        ...

    def listener_factors(self, version: str, listener_id: str) -> Vectors | None:
        """What the version learned of the listener, (dimension,) float32; None where it does not know them.

        Never all listeners in memory. Raises NotFound or ModelRefused.
        """
        ...

    def summaries(self) -> Sequence[ModelSummary]:
        """Every version, newest first."""
        ...

    def delete(self, version: str) -> None:
        """Remove a version that is not current (ValueError where it is)."""
        ...
