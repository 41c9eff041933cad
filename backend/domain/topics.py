"""Topics: clusters of tracks in two levels, each with a name."""

from dataclasses import dataclass

from backend.domain.tracks import AudioFeatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic of a model version.

    `topic_id` stays with it from version to version. `parent_id` is "" on the upper level, and only there `cluster` is
    its number in the live tables, from 0. `centre` is the mean of its tracks' audio features, `tracks` how many it has,
    `tags` are those that tell it from the topics beside it, most telling first.
    """

    topic_id: str
    parent_id: str
    cluster: int | None
    name: str
    tracks: int
    centre: AudioFeatures
    tags: tuple[str, ...]
