"""The version that serves, as training compares a new one with it."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from backend.domain.clusters import TrackClusters
from backend.domain.errors import NotFound
from backend.ports.models import ModelRepository
from training.content import clusters
from training.data.dataset import Float32, Int32, Interactions
from training.evaluation.evaluate import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFactors:
    """What a version answers with: factors (n, dimension), numbered by the sorted ids."""

    track_ids: list[str]
    listener_ids: list[str]
    tracks: Float32
    listeners: Float32

    def known(self, pairs: Interactions) -> Int32:
        """Numbers, in `pairs`, of the listeners that the version knows."""
        return np.flatnonzero(_places(pairs.listener_ids, self.listener_ids) >= 0).astype(np.int32)

    def scorer(self, pairs: Interactions) -> Scorer:
        """Scores over the tracks of `pairs`; a track that the version did not know scores -inf: it is never listed."""
        listeners = _places(pairs.listener_ids, self.listener_ids)
        tracks = _places(pairs.track_ids, self.track_ids)

        def score(numbers: Int32) -> Float32:
            scores = np.full((len(numbers), len(tracks)), -np.inf, dtype=np.float32)
            scores[:, tracks >= 0] = self.listeners[listeners[numbers]] @ self.tracks[tracks[tracks >= 0]].T
            return scores

        return score


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A published version: its manifest, and what of its files a training needs, read when asked for."""

    version: str
    manifest: Mapping[str, object]
    models: ModelRepository

    @property
    def until(self) -> int | None:
        """The last play that it learned from, in milliseconds since 1970 UTC; None where it does not say."""
        data = self.manifest.get("data")
        last = data.get("to") if isinstance(data, Mapping) else None
        return round(datetime.fromisoformat(last).timestamp() * 1000) if isinstance(last, str) and last else None

    def factors(self) -> ServedFactors:
        """Raises NotFound and ModelRefused."""
        return ServedFactors(
            track_ids=self.lines("track_ids.txt"),
            listener_ids=self.lines("listener_ids.txt"),
            tracks=self._array("track_factors.npy"),
            listeners=self._array("listener_factors.npy"),
        )

    def clusters(self) -> TrackClusters | None:
        """Its clusters of tracks, None where it has none. Raises ModelRefused."""
        content = self.file(clusters.FILE)
        return None if content is None else clusters.from_file(content, self.version)

    def lines(self, name: str) -> list[str]:
        """A file of ids, one a line. Raises NotFound and ModelRefused."""
        return self.models.read(self.version, name).decode().split("\n")[:-1]

    def file(self, name: str) -> bytes | None:
        """A file that versions need not have. Raises ModelRefused."""
        try:
            return self.models.read(self.version, name)
        except NotFound:
            return None

    def _array(self, name: str) -> Float32:
        found: Float32 = np.load(io.BytesIO(self.models.read(self.version, name)), allow_pickle=False)
        return found


def served(models: ModelRepository, version: str | None = None) -> Served | None:
    """`version`, by default the one that serves, verified; None before the first. Raises NotFound, ModelRefused."""
    name = version or models.current()
    return None if name is None else Served(version=name, manifest=models.load(name).manifest, models=models)


def _places(ids: Sequence[str], known: Sequence[str]) -> Int32:
    place = {each: number for number, each in enumerate(known)}
    return np.array([place.get(each, -1) for each in ids], dtype=np.int32)
