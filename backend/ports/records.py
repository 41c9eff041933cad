"""The shape of records in the event log: JSON in UTF-8, keyed so that one listener's or item's records keep order.

Field names and units are those of streaming/tables/*.sql; docs/data-dictionary.md lists both.
"""

import json
from dataclasses import asdict
from dataclasses import fields as dataclass_fields
from datetime import datetime

from backend.domain.clusters import TrackClusters
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from backend.ports.event_log import Record
from backend.ports.fields import Fields, MalformedRecord

_TRACK_FIELDS, _ARTIST_FIELDS, _FEATURES = (
    frozenset(field.name for field in dataclass_fields(kind)) for kind in (Track, Artist, AudioFeatures)
)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware datetime."""
    return round(moment.timestamp() * 1000)


def _record(key: str, fields: dict[str, object]) -> Record:
    value = json.dumps(fields, separators=(",", ":"), ensure_ascii=False, default=str)
    return Record(key=key.encode(), value=value.encode())


def play_record(play: Play, *, ingested_at: datetime) -> Record:
    """A play as topic `plays` holds it; `ingested_at` is the server's clock."""
    return _record(
        play.listener_id,
        {
            "event_id": play.event_id,
            "listener_id": play.listener_id,
            "track_id": play.track_id,
            "artist_id": play.artist_id,
            "played_at_ms": milliseconds(play.played_at),
            "milliseconds_played": play.milliseconds_played,
            "track_milliseconds": play.track_milliseconds,
            "source": play.source.value,
            "allow_training": play.allow_training,
            "recommendation_id": play.recommendation_id,
            "surface": play.surface,
            "device": play.device,
            "ingested_at_ms": milliseconds(ingested_at),
        },
    )


def heartbeat_record(at: datetime) -> Record:
    """A record without a listener that only moves event time on, so that windows close while nobody plays.

    Readers of plays pass over it (event_id is null).
    """
    return _record("", {"event_id": None, "played_at_ms": milliseconds(at), "ingested_at_ms": milliseconds(at)})


def play_from_value(value: bytes) -> Play | None:
    """The play in a record of topic `plays`; None for a heartbeat. Raises MalformedRecord."""
    fields = Fields.of(value, "a play")
    if fields.is_null("event_id"):
        return None
    return Play(
        event_id=fields.identifier("event_id"),
        listener_id=fields.identifier("listener_id"),
        track_id=fields.identifier("track_id"),
        artist_id=fields.identifier("artist_id"),
        played_at=fields.moment("played_at_ms"),
        milliseconds_played=fields.whole("milliseconds_played"),
        track_milliseconds=fields.whole("track_milliseconds"),
        source=fields.word("source", Source),
        allow_training=fields.flag("allow_training"),
        recommendation_id=fields.identifier("recommendation_id"),
        surface=fields.text("surface"),
        device=fields.text("device"),
    )


def feedback_record(feedback: Feedback) -> Record:
    """Feedback as topic `feedback` holds it."""
    return _record(
        feedback.listener_id,
        {
            "event_id": feedback.event_id,
            "listener_id": feedback.listener_id,
            "track_id": feedback.track_id,
            "artist_id": feedback.artist_id,
            "kind": feedback.kind.value,
            "given_at_ms": milliseconds(feedback.given_at),
            "recommendation_id": feedback.recommendation_id,
        },
    )


def feedback_from_value(value: bytes) -> Feedback:
    """The feedback in a record of topic `feedback`. Raises MalformedRecord."""
    fields = Fields.of(value, "feedback")
    return Feedback(
        event_id=fields.identifier("event_id"),
        listener_id=fields.identifier("listener_id"),
        track_id=fields.identifier("track_id"),
        artist_id=fields.identifier("artist_id"),
        kind=fields.word("kind", FeedbackKind),
        given_at=fields.moment("given_at_ms"),
        recommendation_id=fields.identifier("recommendation_id"),
    )


def track_record(track: Track) -> Record:
    """A track as the compacted topic `tracks` holds it."""
    return _record(track.track_id, asdict(track))


def track_from_value(value: bytes) -> Track:
    """The track in a record of topic `tracks`. Raises MalformedRecord."""
    fields = Fields.of(value, "a track", only=_TRACK_FIELDS)
    features = fields.within("audio_features", only=_FEATURES)
    return Track(
        track_id=fields.identifier("track_id"),
        title=fields.text("title"),
        artist_ids=fields.identifiers("artist_ids"),
        album=fields.text("album"),
        released_on=fields.text("released_on"),
        duration_milliseconds=fields.whole("duration_milliseconds"),
        tags=fields.texts("tags"),
        audio_features=AudioFeatures(**{name: features.number(name) for name in _FEATURES}) if features else None,
        source=fields.word("source", Source),
        allow_training=fields.flag("allow_training"),
    )


def artist_record(artist: Artist) -> Record:
    """An artist as the compacted topic `artists` holds it."""
    return _record(artist.artist_id, asdict(artist))


def artist_from_value(value: bytes) -> Artist:
    """The artist in a record of topic `artists`. Raises MalformedRecord."""
    fields = Fields.of(value, "an artist", only=_ARTIST_FIELDS)
    return Artist(
        artist_id=fields.identifier("artist_id"),
        name=fields.text("name"),
        tags=fields.texts("tags"),
        source=fields.word("source", Source),
        allow_training=fields.flag("allow_training"),
    )


CURRENT_CLUSTERS = "current"
"""The only key of topic `clusters`: compaction keeps the last promoted version's clusters."""


def clusters_record(clusters: TrackClusters) -> Record:
    """The clusters of the version that serves, as the compacted topic `clusters` holds them."""
    return _record(CURRENT_CLUSTERS, {"model": CURRENT_CLUSTERS, **asdict(clusters)})


def clusters_from_value(value: bytes) -> TrackClusters:
    """The clusters in a record of topic `clusters`. Raises MalformedRecord."""
    fields = Fields.of(value, "clusters")
    clusters = TrackClusters(
        version=fields.text("version"),
        features=fields.texts("features"),
        means=fields.numbers("means"),
        deviations=fields.numbers("deviations"),
        centroids=fields.rows("centroids"),
    )
    if {len(clusters.features)} != {len(row) for row in (clusters.means, clusters.deviations, *clusters.centroids)}:
        raise MalformedRecord(f"not clusters: rows of other lengths than the {len(clusters.features)} features")
    return clusters
