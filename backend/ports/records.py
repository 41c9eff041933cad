"""The shape of records in the event log: JSON in UTF-8, placed so that one listener's or item's records keep order.

`listener_id` is a pseudonym here (`backend.ports.identity`), as everywhere behind the door. Plays and feedback stand
under keys of their own, so that each can be taken away by itself; what describes an item stands under the item's id.

Field names and units are those of streaming/tables/*.sql; docs/data-dictionary.md lists both.
"""

import itertools
import json
import os
import re
import secrets
from dataclasses import asdict
from dataclasses import fields as dataclass_fields
from datetime import datetime

import orjson

from backend.domain.clusters import TrackClusters
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Play, Timing, timing
from backend.domain.rights import ListenerRights, Source
from backend.domain.tracks import AUDIO_FEATURES, Artist, AudioFeatures, Track
from backend.ports.event_log import Record, StoredRecord
from backend.ports.fields import Fields, MalformedRecord
from backend.ports.shapes import EVENT_TIMES, FEEDBACK, HEARTBEAT, PLAY

_TRACK_FIELDS, _ARTIST_FIELDS, _RIGHTS_FIELDS = (
    frozenset(field.name for field in dataclass_fields(kind)) for kind in (Track, Artist, ListenerRights)
)
_SOUND_FIELDS = (*AUDIO_FEATURES, "estimated")

MOST_FEATURE = 1e6
"""No audio feature, mean or deviation of one, or place of a centroid is beyond: squares of such are no numbers."""

LATEST_MS = 7_258_118_399_999
"""The last millisecond of 2199, since 1970 UTC: what the contract's ranges end with."""

MOST_AHEAD_MS = 3_600_000
"""How far a play's event time may lie ahead of when the log took it."""

_KEY_BYTES = 12
"""Of chance, drawn once a process: with a number each key is one of a kind, for a tenth of what drawing each costs."""

_EVENT_TIMES = [re.compile(pattern.encode()) for pattern in EVENT_TIMES]


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware datetime."""
    return round(moment.timestamp() * 1000)


def _record(key: str, fields: dict[str, object]) -> Record:
    return Record(key=key.encode(), value=_value(fields))


class _Keys:
    """Keys that no other record has, in whatever process they are made."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._stem, self._numbers = secrets.token_urlsafe(_KEY_BYTES).encode(), itertools.count()

    def next(self) -> bytes:
        return b"%s.%x" % (self._stem, next(self._numbers))


_keys = _Keys()


def _event_record(group: str, fields: dict[str, object]) -> Record:
    """A record under a key of its own: no later one takes it away but a deletion that is meant."""
    return Record(key=_keys.next(), value=_value(fields), group=group.encode())


def _value(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def play_record(play: Play, *, ingested_at: datetime) -> Record:
    """A play as topic `plays` holds it; `ingested_at` is the server's clock."""
    return _event_record(
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
            "timing": play.timing.value,
        },
    )


def heartbeat_record(at: datetime) -> Record:
    """A record without a listener that only moves event time on, so that windows close while nobody plays.

    Readers of plays pass over it (event_id is null).
    """
    return _event_record("", {"event_id": None, "played_at_ms": milliseconds(at), "ingested_at_ms": milliseconds(at)})


def play_from_value(value: bytes) -> Play | None:
    """The play in a record of topic `plays`; None for a heartbeat. Raises MalformedRecord.

    Flink reads the same by the same patterns (streaming/reading.py), so that nothing counts for the one only.
    """
    fields = PLAY.find(value)
    if fields is None:
        if HEARTBEAT.fits(value):
            return None
        raise PLAY.complaint(value)
    played_at = fields.moment("played_at_ms")
    return Play(
        event_id=fields.text("event_id"),
        listener_id=fields.text("listener_id"),
        track_id=fields.text("track_id"),
        artist_id=fields.text("artist_id"),
        played_at=played_at,
        milliseconds_played=fields.count("milliseconds_played"),
        track_milliseconds=fields.count("track_milliseconds"),
        source=Source(fields.text("source")),
        allow_training=fields.flag("allow_training"),
        recommendation_id=fields.text("recommendation_id"),
        surface=fields.text("surface"),
        device=fields.text("device"),
        timing=timing(Timing.LIVE, played_at=played_at, told_at=fields.moment("ingested_at_ms"))
        if fields.is_null("timing")  # older than the field: its age decides
        else Timing(fields.text("timing")),
    )


def play_from_record(record: StoredRecord) -> Play | None:
    """As `play_from_value`, and MalformedRecord also where the play is ahead of the log: Flink does not count it."""
    play = play_from_value(record.value or b"")
    event_ms(record)
    return play


def event_ms(record: StoredRecord) -> int:
    """The event time of a record of topic `plays`: when it was played, but not after it was told or appended.

    In milliseconds since 1970 UTC. Raises MalformedRecord where it does not say both times, or where the log took it
    more than MOST_AHEAD_MS earlier than it says. Whatever else a record is, it moves event time, and by no more than
    the log's own clock does.
    """
    found = [pattern.search(record.value or b"") for pattern in _EVENT_TIMES]
    told = min((int(one[1]) for one in found if one), default=0)
    if not all(found) or told > min(LATEST_MS, record.appended_ms + MOST_AHEAD_MS):
        raise MalformedRecord("not a play: more than an hour ahead of the log, or of no time that it knows")
    return min(told, record.appended_ms)


def feedback_record(feedback: Feedback) -> Record:
    """Feedback as topic `feedback` holds it."""
    return _event_record(
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
    fields = FEEDBACK.read(value)
    return Feedback(
        event_id=fields.text("event_id"),
        listener_id=fields.text("listener_id"),
        track_id=fields.text("track_id"),
        artist_id=fields.text("artist_id"),
        kind=FeedbackKind(fields.text("kind")),
        given_at=fields.moment("given_at_ms"),
        recommendation_id=fields.text("recommendation_id"),
    )


def track_record(track: Track) -> Record:
    """A track as the compacted topic `tracks` holds it; `estimated` stands only where something is: it is newer."""
    # Between quotes of its own no text has these bytes.
    return Record(key=track.track_id.encode(), value=orjson.dumps(track).replace(b',"estimated":[]', b"", 1))


def track_from_value(value: bytes) -> Track:
    """The track in a record of topic `tracks`. Raises MalformedRecord."""
    fields = Fields.of(value, "a track", only=_TRACK_FIELDS)
    return Track(
        track_id=fields.identifier("track_id"),
        title=fields.text("title"),
        artist_ids=fields.identifiers("artist_ids"),
        album=fields.text("album"),
        released_on=fields.text("released_on"),
        duration_milliseconds=fields.whole("duration_milliseconds"),
        tags=fields.texts("tags"),
        audio_features=_sound(fields.within("audio_features", only=_SOUND_FIELDS)),
        source=fields.word("source", Source),
        allow_training=fields.flag("allow_training"),
    )


def _sound(fields: Fields | None) -> AudioFeatures | None:
    """Records older than `estimated` lack it: nothing of theirs is."""
    if fields is None:
        return None
    sound = {name: fields.number(name) for name in AUDIO_FEATURES}
    if odd := [name for name, one in sound.items() if abs(one) > MOST_FEATURE]:
        raise MalformedRecord(f"not a track: {odd[0]} is beyond {MOST_FEATURE:.0f}")
    estimated = fields.texts("estimated") if fields.has("estimated") else ()
    if no_feature := [name for name in estimated if name not in AUDIO_FEATURES]:
        raise MalformedRecord(f"not a track: estimated is {no_feature[0]!r:.40}, which is no audio feature")
    return AudioFeatures(**sound, estimated=estimated)


def artist_record(artist: Artist) -> Record:
    """An artist as the compacted topic `artists` holds it."""
    return Record(key=artist.artist_id.encode(), value=orjson.dumps(artist))


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


def rights_record(rights: ListenerRights) -> Record:
    """What a listener allows, as the compacted topic `rights` holds it: the last word of each."""
    return _record(rights.listener_id, asdict(rights))


def rights_from_value(value: bytes) -> ListenerRights:
    """What a record of topic `rights` says. Raises MalformedRecord."""
    fields = Fields.of(value, "a listener's rights", only=_RIGHTS_FIELDS)
    return ListenerRights(listener_id=fields.identifier("listener_id"), allow_training=fields.flag("allow_training"))


def erasure_record(digest: str) -> Record:
    """The news that somebody is erased, as topic `erasures` tells every process: their pseudonym's SHA-256 alone."""
    return _record(digest, {"pseudonym_sha256": digest})


def erased_from_value(value: bytes) -> str:
    """The SHA-256 in a record of topic `erasures`. Raises MalformedRecord."""
    return Fields.of(value, "news of an erasure").identifier("pseudonym_sha256")


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
    if not clusters.centroids:
        raise MalformedRecord("not clusters: centroids is empty")
    if min(clusters.deviations, default=1.0) <= 0:
        raise MalformedRecord("not clusters: a deviation is not above 0")
    rows = (clusters.means, clusters.deviations, *clusters.centroids)
    if any(abs(one) > MOST_FEATURE for row in rows for one in row):
        raise MalformedRecord(f"not clusters: a number is beyond {MOST_FEATURE:.0f}")
    return clusters
