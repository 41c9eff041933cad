"""A version's topics as files: what they are (TOPICS_FILE), and for each of its track ids, place and plays."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.domain.topics import Topic
from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures
from backend.ports.models import TRACK_IDS_FILE
from backend.ranking.stored import Files, array_bytes
from backend.ranking.topics import TopicTracks, TrackIds

TOPICS_FILE = "topics.json"
PLACES_FILE, PLAYS_FILE = "topic_places.npy", "topic_plays.npy"


def topic_files(topics: Sequence[Topic], places: NDArray[np.int16], plays: NDArray[np.int32]) -> dict[str, bytes]:
    """Names and contents; `places` and `plays` are those of `TopicTracks`."""
    told = json.dumps({"topics": [_told(topic) for topic in topics]}, indent=1, ensure_ascii=False)
    return {TOPICS_FILE: told.encode(), PLACES_FILE: array_bytes(places), PLAYS_FILE: array_bytes(plays)}


def read_topics(files: Files) -> TopicTracks | None:
    """The inverse; None of a version without topics. Raises ModelRefused."""
    if not files.holds(TOPICS_FILE):
        return None
    try:
        topics = tuple(_topic(one) for one in json.loads(files.read(TOPICS_FILE))["topics"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise files.refused(TOPICS_FILE, f" is incomplete: {error!r}") from error
    track_ids = TrackIds(files.read(TRACK_IDS_FILE))
    places = files.array(PLACES_FILE, (len(track_ids),), np.int16)
    if len(places) and not (places.min() >= -1 and places.max() < len(topics)):
        raise files.refused(PLACES_FILE, f" names a topic that {TOPICS_FILE} does not have")
    plays = files.array(PLAYS_FILE, (len(track_ids),), np.int32)
    return TopicTracks(topics=topics, track_ids=track_ids, places=places, plays=plays)


def _told(topic: Topic) -> dict[str, Any]:
    return {**asdict(topic), "centre": {name: getattr(topic.centre, name) for name in AUDIO_FEATURES}}


def _topic(told: dict[str, Any]) -> Topic:
    return Topic(**{**told, "centre": AudioFeatures(**told["centre"]), "tags": tuple(told["tags"])})
