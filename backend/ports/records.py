"""The shape of records in the event log: JSON in UTF-8, keyed so that one listener's or item's records keep order.

Field names and units are those of streaming/tables/*.sql; docs/data-dictionary.md lists both.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from backend.domain.clusters import TrackClusters
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from backend.ports.event_log import Record


class MalformedRecord(ValueError):
    """A record's value is not of the shape promised here; the message says where."""


_WRONG = (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError)
"""What arbitrary bytes can raise on their way to a value: text, shape, types, moments out of range, depth."""

_PLAY = {
    **dict.fromkeys(("event_id", "listener_id", "track_id", "artist_id"), str),
    **dict.fromkeys(("recommendation_id", "surface", "device"), str),
    **dict.fromkeys(("milliseconds_played", "track_milliseconds"), int),
    "allow_training": bool,
}
_FEEDBACK = dict.fromkeys(("event_id", "listener_id", "track_id", "artist_id", "recommendation_id"), str)
_TRACK = {
    **dict.fromkeys(("track_id", "title", "album", "released_on"), str),
    **dict.fromkeys(("artist_ids", "tags"), list),
    "duration_milliseconds": int,
    "allow_training": bool,
}
_ARTIST = {"artist_id": str, "name": str, "tags": list, "allow_training": bool}


def _require(fields: Mapping[str, object], types: Mapping[str, type]) -> None:
    """Raises KeyError or TypeError where a field is missing or of another type; lists hold text."""
    for name, kind in types.items():
        value = fields[name]
        if type(value) is not kind or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
            raise TypeError(f"{name} is {value!r:.40}")


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware datetime."""
    return round(moment.timestamp() * 1000)


def moment(milliseconds_since_1970: int) -> datetime:
    """The inverse of `milliseconds`: aware, UTC."""
    return datetime.fromtimestamp(milliseconds_since_1970 / 1000, tz=UTC)


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
    try:
        fields = json.loads(value)
        if fields["event_id"] is None:
            return None
        _require(fields, _PLAY)
        return Play(
            event_id=fields["event_id"],
            listener_id=fields["listener_id"],
            track_id=fields["track_id"],
            artist_id=fields["artist_id"],
            played_at=moment(fields["played_at_ms"]),
            milliseconds_played=fields["milliseconds_played"],
            track_milliseconds=fields["track_milliseconds"],
            source=Source(fields["source"]),
            allow_training=fields["allow_training"],
            recommendation_id=fields["recommendation_id"],
            surface=fields["surface"],
            device=fields["device"],
        )
    except _WRONG as error:
        raise MalformedRecord(f"not a play: {error!r}") from error


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
    try:
        fields = json.loads(value)
        _require(fields, _FEEDBACK)
        return Feedback(
            event_id=fields["event_id"],
            listener_id=fields["listener_id"],
            track_id=fields["track_id"],
            artist_id=fields["artist_id"],
            kind=FeedbackKind(fields["kind"]),
            given_at=moment(fields["given_at_ms"]),
            recommendation_id=fields["recommendation_id"],
        )
    except _WRONG as error:
        raise MalformedRecord(f"not feedback: {error!r}") from error


def track_record(track: Track) -> Record:
    """A track as the compacted topic `tracks` holds it."""
    return _record(track.track_id, asdict(track))


def track_from_value(value: bytes) -> Track:
    """The track in a record of topic `tracks`. Raises MalformedRecord."""
    try:
        fields = json.loads(value)
        _require(fields, _TRACK)
        if not fields["artist_ids"]:
            raise ValueError("artist_ids is empty")
        features = fields["audio_features"]
        return Track(
            **fields
            | {
                "artist_ids": tuple(fields["artist_ids"]),
                "tags": tuple(fields["tags"]),
                "audio_features": AudioFeatures(**features) if features else None,
                "source": Source(fields["source"]),
            }
        )
    except _WRONG as error:
        raise MalformedRecord(f"not a track: {error!r}") from error


def artist_record(artist: Artist) -> Record:
    """An artist as the compacted topic `artists` holds it."""
    return _record(artist.artist_id, asdict(artist))


def artist_from_value(value: bytes) -> Artist:
    """The artist in a record of topic `artists`. Raises MalformedRecord."""
    try:
        fields = json.loads(value)
        _require(fields, _ARTIST)
        return Artist(**fields | {"tags": tuple(fields["tags"]), "source": Source(fields["source"])})
    except _WRONG as error:
        raise MalformedRecord(f"not an artist: {error!r}") from error


CURRENT_CLUSTERS = "current"
"""The only key of topic `clusters`: compaction keeps the last promoted version's clusters."""


def clusters_record(clusters: TrackClusters) -> Record:
    """The clusters of the version that serves, as the compacted topic `clusters` holds them."""
    return _record(CURRENT_CLUSTERS, {"model": CURRENT_CLUSTERS, **asdict(clusters)})


def clusters_from_value(value: bytes) -> TrackClusters:
    """The clusters in a record of topic `clusters`. Raises MalformedRecord."""
    try:
        fields = json.loads(value)
        clusters = TrackClusters(
            version=fields["version"],
            features=tuple(fields["features"]),
            means=tuple(map(float, fields["means"])),
            deviations=tuple(map(float, fields["deviations"])),
            centroids=tuple(tuple(map(float, centroid)) for centroid in fields["centroids"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedRecord(f"not clusters: {error!r}") from error
    if {len(clusters.features)} != {len(row) for row in (clusters.means, clusters.deviations, *clusters.centroids)}:
        raise MalformedRecord(f"not clusters: rows of other lengths than the {len(clusters.features)} features")
    return clusters
