"""Topics of two levels of clusters: ids that go on, names, and each track's place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.domain.clusters import TrackClusters
from backend.domain.topics import Topic
from backend.domain.tracks import AudioFeatures
from backend.ranking.topics import TopicTracks
from training.content.clusters import (
    FEATURES,
    Bounds,
    Float64,
    Grouping,
    Int64,
    Levels,
    chosen,
    live_clusters,
    nearest,
)
from training.content.topic_ids import Known, following, ids_of, new_id, numbers_of
from training.content.topic_names import names, sound_words, telling_tags

MOST_TOPICS = 16
"""Of the upper level: numbers that the live tables have (streaming/render.py); settings allow no more."""
NARROW = 0.1
"""Within a topic, a feature that varies less than so much of what it does among all tracks decides no name."""

FindLevels = Callable[[Float64, Bounds, int], Levels | None]
"""Features (tracks, 9), bounds and a seed in, both levels out; None where there are too few tracks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTopics:
    """`topics`, each of the upper level followed by those within it, the largest first.

    `places` (tracks,) says of each of `track_ids` which of `topics` it is in, the lowest one. `clusters` is the upper
    level for the streaming job. `choice` is for the manifest: how many there are on each level, and the silhouette of
    each number that was tried.
    """

    topics: tuple[Topic, ...]
    track_ids: Sequence[str]
    places: Int64
    clusters: TrackClusters
    choice: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """Both levels of the version that serves; None where it has none."""

    upper: Known | None = None
    lower: Known | None = None


def before_of(tracks: TopicTracks) -> Before:
    """A published version's topics."""
    own = [topic for topic in tracks.topics if not topic.parent_id]
    within = [topic for topic in tracks.topics if topic.parent_id]
    upper = {topic.topic_id: number for number, topic in enumerate(own)}
    lower = {topic.topic_id: number for number, topic in enumerate(within)}
    # The last entries are for places of -1.
    to_upper = np.array([*(upper[topic.parent_id or topic.topic_id] for topic in tracks.topics), -1])
    to_lower = np.array([*(lower.get(topic.topic_id, -1) for topic in tracks.topics), -1])
    rows = np.flatnonzero(tracks.places >= 0)
    track_ids = [tracks.track_ids[row] for row in rows.tolist()]
    return Before(
        upper=Known(
            topic_ids=list(upper),
            numbers=[topic.cluster for topic in own if topic.cluster is not None],
            track_ids=track_ids,
            places=to_upper[tracks.places[rows]],
        ),
        lower=Known(topic_ids=list(lower), numbers=(), track_ids=track_ids, places=to_lower[tracks.places[rows]]),
    )


def before_of_clusters(clusters: TrackClusters, track_ids: Sequence[str], table: Float64) -> Before:
    """Those of a version from before there were topics: the tracks are where its clusters put them today."""
    if clusters.features != FEATURES:
        return Before()
    points = (table - np.array(clusters.means)) / np.array(clusters.deviations)
    places = nearest(points, np.array(clusters.centroids))
    ids: list[str] = []
    for number in range(len(clusters.centroids)):
        ids.append(new_id((track_ids[row] for row in np.flatnonzero(places == number).tolist()), ids))
    return Before(upper=Known(topic_ids=ids, numbers=range(len(ids)), track_ids=track_ids, places=places))


@dataclass(frozen=True, slots=True)
class _Tracks:
    """The tracks of topics beside each other: tags, features (tracks, 9), and the number of each one's topic."""

    tags: Sequence[Sequence[str]]
    table: Float64
    places: Int64

    def topics(
        self, ids: Sequence[str], offsets: Float64, *, parent_id: str = "", numbers: Sequence[int] = ()
    ) -> list[Topic]:
        """Topics of these `ids`, whose centres lie `offsets` (topics, 9) from the middle of all in deviations."""
        telling = telling_tags(self.tags, self.places, len(ids))
        named = names([sound_words(row) for row in offsets], telling)
        members = [self.table[self.places == number] for number in range(len(ids))]
        return [
            Topic(
                topic_id=topic_id,
                parent_id=parent_id,
                cluster=numbers[number] if numbers else None,
                name=named[number],
                tracks=len(members[number]),
                centre=AudioFeatures(**dict(zip(FEATURES, members[number].mean(axis=0).tolist(), strict=True))),
                tags=telling[number],
            )
            for number, topic_id in enumerate(ids)
        ]


def found_topics(
    levels: Levels,
    track_ids: Sequence[str],
    table: Float64,
    *,
    tags_of: Mapping[str, Sequence[str]],
    before: Before,
) -> FoundTopics:
    """The topics of `levels`, of the tracks `track_ids` with their features `table` (tracks, 9)."""
    points = levels.points(table)
    upper = nearest(points, levels.top.centroids)
    lower, parents = _lower(levels, points, upper)
    taken = {topic_id for known in (before.upper, before.lower) if known for topic_id in known.topic_ids}
    going_on = following(track_ids, upper, count=len(levels.top.centroids), known=before.upper)
    numbers = numbers_of(going_on, before.upper, most=MOST_TOPICS)
    upper_ids = ids_of(track_ids, upper, going_on, known=before.upper, taken=taken)
    lower_going_on = following(track_ids, lower, count=len(parents), known=before.lower)
    lower_ids = ids_of(track_ids, lower, lower_going_on, known=before.lower, taken=taken)
    tags = [tags_of.get(track_id, ()) for track_id in track_ids]

    made: list[Topic] = []
    places = np.empty(len(track_ids), dtype=np.int64)
    whole = _Tracks(tags, table, upper)
    for parent, topic in enumerate(whole.topics(upper_ids, levels.top.centroids, numbers=numbers)):
        members, within = np.flatnonzero(upper == parent), levels.within[parent]
        places[members] = len(made)
        made.append(topic)
        if within is not None:
            first = parents.index(parent)
            own = _Tracks([tags[row] for row in members.tolist()], table[members], lower[members] - first)
            ids = lower_ids[first : first + len(within.centroids)]
            places[members] = len(made) + own.places
            made += own.topics(ids, _offsets(within, points[members]), parent_id=topic.topic_id)
    return FoundTopics(
        topics=tuple(made),
        track_ids=track_ids,
        places=places,
        clusters=live_clusters(levels, numbers),
        choice=_choice(levels, upper_ids),
    )


def _lower(levels: Levels, points: Float64, upper: Int64) -> tuple[Int64, list[int]]:
    """Each track's topic on the lower level, -1 where its own stays whole; and the parent of each of them."""
    lower = np.full(len(points), -1, dtype=np.int64)
    parents: list[int] = []
    for parent, within in enumerate(levels.within):
        if within is not None:
            members = np.flatnonzero(upper == parent)
            lower[members] = len(parents) + nearest(points[members], within.centroids)
            parents += [parent] * len(within.centroids)
    return lower, parents


def _offsets(within: Grouping, members: Float64) -> Float64:
    """How far the clusters within one lie from its middle, in standard deviations of its own tracks."""
    return np.asarray((within.centroids - members.mean(axis=0)) / np.maximum(members.std(axis=0), NARROW))


def _choice(levels: Levels, upper_ids: Sequence[str]) -> dict[str, object]:
    within = zip(upper_ids, levels.within, strict=True)
    return {
        "upper": _tried(levels.top),
        "within": {topic_id: _tried(each) for topic_id, each in within if each is not None},
    }


def _tried(grouping: Grouping) -> dict[str, object]:
    return {
        "topics": len(grouping.centroids),
        "best": chosen(grouping.scores),
        "silhouettes": {str(count): round(score, 4) for count, score in grouping.scores.items()},
    }
