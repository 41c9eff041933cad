"""The version that serves, as training compares a new one with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.domain.clusters import TrackClusters
from backend.domain.errors import NotFound
from backend.ports.models import ModelRepository
from backend.ranking.stored import Files
from backend.ranking.topics import TopicTracks
from backend.versions import codec
from backend.versions.codec import VersionVectors
from backend.versions.topics import read_topics
from training.content import clusters
from training.engines.trainer import AlsSettings, Earlier
from training.ranking.version import RankingVersion, read_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published version: its manifest, and what of its files a training needs, read when asked for."""

    version: str
    manifest: Mapping[str, Any]
    models: ModelRepository

    @property
    def until(self) -> int | None:
        """The last play that it learned from, in milliseconds since 1970 UTC; None where it does not say."""
        data = self.manifest.get("data")
        last = data.get("to") if isinstance(data, Mapping) else None
        return round(datetime.fromisoformat(last).timestamp() * 1000) if isinstance(last, str) and last else None

    def ranking(self) -> RankingVersion:
        """What ranks in it. Raises ModelRefused."""
        return read_back(self._files())

    def vectors(self) -> VersionVectors:
        """Its factors and content vectors. Raises ModelRefused."""
        return codec.read_vectors(self._files())

    def clusters(self) -> TrackClusters | None:
        """Its clusters of tracks, None where it has none. Raises ModelRefused."""
        content = self.file(clusters.FILE)
        return None if content is None else clusters.from_file(content, self.version)

    def topics(self) -> TopicTracks | None:
        """Its topics, None where it has none. Raises ModelRefused."""
        return read_topics(self._files())

    def lines(self, name: str) -> list[str]:
        """A file of ids, one a line. Raises NotFound and ModelRefused."""
        return self.models.read(self.version, name).decode().split("\n")[:-1]

    def file(self, name: str) -> bytes | None:
        """A file that versions need not have. Raises ModelRefused."""
        try:
            return self.models.read(self.version, name)
        except NotFound:
            return None

    def _files(self) -> Files:
        return Files(manifest=self.manifest, read=lambda name: self.models.read(self.version, name), where=self.version)


def published(models: ModelRepository, version: str | None = None) -> Published | None:
    """`version`, by default the one that serves, verified; None before the first. Raises NotFound, ModelRefused."""
    name = version or models.current()
    return None if name is None else Published(version=name, manifest=models.load(name).manifest, models=models)


def earlier_factors(current: Published | None, als: AlsSettings) -> Earlier | None:
    """The factors that serve, to begin from; None where there are none, or of another dimension."""
    if current is None:
        return None
    vectors = current.vectors()
    if vectors.tracks.shape[1] != als.dimension:
        return None
    return Earlier(
        listener_ids=vectors.listener_ids,
        track_ids=vectors.track_ids,
        listeners=vectors.listeners,
        tracks=vectors.tracks,
    )
