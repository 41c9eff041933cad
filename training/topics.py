"""The step of a training that finds topics, and what of them goes into the version."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.versions.topics import topic_files
from training.content.clusters import FILE, LEAST_TRACKS, Bounds, to_file
from training.content.topics import Before, FindLevels, FoundTopics, before_of, before_of_clusters, found_topics
from training.judging.published import Published
from training.material import Material
from training.stopwatch import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFinder:
    """Finds topics with an engine's k-means, as many as the silhouette says within `bounds`."""

    find_levels: FindLevels
    bounds: Bounds

    def find(self, material: Material, current: Published | None, *, seed: int, report: Report) -> FoundTopics | None:
        """The topics of the material's tracks, going on from those of `current`; None where it has too few tracks."""
        levels = self.find_levels(material.features, self.bounds, seed)
        if levels is None:
            report(f"no topics: {len(material.features)} tracks have audio features, {LEAST_TRACKS} are needed")
            return None
        found = found_topics(
            levels,
            material.feature_ids,
            material.features,
            tags_of=material.catalogue.tags_of,
            before=_before(current, material),
        )
        tried = ", ".join(f"{count}: {score:.3f}" for count, score in levels.top.scores.items())
        within = len(found.topics) - len(levels.top.centroids)
        report(f"{len(levels.top.centroids)} topics, {within} within them; silhouettes by number: {tried}")
        return found


def files_of(found: FoundTopics, material: Material, track_ids: Sequence[str]) -> dict[str, bytes]:
    """The version's files of its topics; `track_ids` are the version's."""
    place_of = dict(zip(found.track_ids, found.places.tolist(), strict=True))
    places = np.array([place_of.get(track_id, -1) for track_id in track_ids], dtype=np.int16)
    columns = material.plays
    counts = np.bincount(columns.tracks, weights=columns.counts, minlength=len(columns.track_ids))
    plays_of = dict(zip(columns.track_ids, np.rint(counts).astype(np.int64).tolist(), strict=True))
    plays = np.array([min(plays_of.get(track_id, 0), 2**31 - 1) for track_id in track_ids], dtype=np.int32)
    return {FILE: to_file(found.clusters), **topic_files(found.topics, places, plays)}


def _before(current: Published | None, material: Material) -> Before:
    if current is None:
        return Before()
    topics = current.topics()
    if topics is not None:
        return before_of(topics)
    clusters = current.clusters()
    return Before() if clusters is None else before_of_clusters(clusters, material.feature_ids, material.features)
