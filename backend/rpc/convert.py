"""Between the contract's messages and the domain's values: the only such place, and nothing else."""

from collections.abc import Mapping
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, catalogue_pb2, ingest_pb2, play_pb2, recommend_pb2

from backend.domain.errors import InvalidInput, Violation
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Play
from backend.domain.recommendations import AnswerPath, CandidateSource, Recommendation
from backend.domain.rights import Source, default_training_right
from backend.domain.tables import Anomaly, AnomalyKind, ArtistEngagement, Severity, Trend
from backend.domain.tracks import Artist, AudioFeatures, Track
from backend.services.ingest import Outcome, Result

SOURCES: Mapping[int, Source] = {
    play_pb2.SOURCE_UNSPECIFIED: Source.FIRST_PARTY,
    play_pb2.SOURCE_FIRST_PARTY: Source.FIRST_PARTY,
    play_pb2.SOURCE_LISTENBRAINZ: Source.LISTENBRAINZ,
    play_pb2.SOURCE_LASTFM: Source.LASTFM,
    play_pb2.SOURCE_SPOTIFY: Source.SPOTIFY,
    play_pb2.SOURCE_SIMULATOR: Source.SIMULATOR,
}
FEEDBACK_KINDS: Mapping[int, FeedbackKind] = {
    play_pb2.FEEDBACK_KIND_LIKE: FeedbackKind.LIKE,
    play_pb2.FEEDBACK_KIND_DISLIKE: FeedbackKind.DISLIKE,
    play_pb2.FEEDBACK_KIND_HIDE: FeedbackKind.HIDE,
    play_pb2.FEEDBACK_KIND_SKIP: FeedbackKind.SKIP,
    play_pb2.FEEDBACK_KIND_SAVE: FeedbackKind.SAVE,
}
OUTCOMES: Mapping[Outcome, ingest_pb2.IngestOutcome] = {
    Outcome.ACCEPTED: ingest_pb2.INGEST_OUTCOME_ACCEPTED,
    Outcome.DUPLICATE: ingest_pb2.INGEST_OUTCOME_DUPLICATE,
    Outcome.REJECTED: ingest_pb2.INGEST_OUTCOME_REJECTED,
    Outcome.UNCONFIRMED: ingest_pb2.INGEST_OUTCOME_UNCONFIRMED,
}
CANDIDATE_SOURCES: Mapping[CandidateSource, recommend_pb2.CandidateSource] = {
    CandidateSource.FACTORS: recommend_pb2.CANDIDATE_SOURCE_FACTORS,
    CandidateSource.CONTENT: recommend_pb2.CANDIDATE_SOURCE_CONTENT,
    CandidateSource.TREND: recommend_pb2.CANDIDATE_SOURCE_TREND,
    CandidateSource.LINEAR: recommend_pb2.CANDIDATE_SOURCE_LINEAR,
}
ANSWER_PATHS: Mapping[AnswerPath, recommend_pb2.AnswerPath] = {
    AnswerPath.HYBRID: recommend_pb2.ANSWER_PATH_HYBRID,
    AnswerPath.COLD_START: recommend_pb2.ANSWER_PATH_COLD_START,
    AnswerPath.DEGRADED: recommend_pb2.ANSWER_PATH_DEGRADED,
}
ANOMALY_KINDS: Mapping[AnomalyKind, analytics_pb2.AnomalyKind] = {
    AnomalyKind.RELEASE_SPIKE: analytics_pb2.ANOMALY_KIND_RELEASE_SPIKE,
    AnomalyKind.STREAM_FARM: analytics_pb2.ANOMALY_KIND_STREAM_FARM,
    AnomalyKind.DROP: analytics_pb2.ANOMALY_KIND_DROP,
}
SEVERITIES: Mapping[Severity, analytics_pb2.Severity] = {
    Severity.LOW: analytics_pb2.SEVERITY_LOW,
    Severity.MEDIUM: analytics_pb2.SEVERITY_MEDIUM,
    Severity.HIGH: analytics_pb2.SEVERITY_HIGH,
}
ASKED_KINDS = {message: kind for kind, message in ANOMALY_KINDS.items()}
ASKED_SEVERITIES = {message: severity for severity, message in SEVERITIES.items()}


def moment_of(timestamp: Timestamp, field: str) -> datetime:
    """Aware UTC. Raises InvalidInput, naming the field, for a time outside the calendar."""
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput([Violation(field, "not a time between the years 1 and 9999")]) from error


def timestamp_of(moment: datetime) -> Timestamp:
    """The message of an aware datetime."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def play_of(message: play_pb2.Play, path: str) -> Play:
    """A play as sent: the catalogue's fields are still empty. Raises InvalidInput with paths under `path`."""
    source = SOURCES[message.source]
    return Play(
        event_id=message.event_id.lower(),
        listener_id=message.listener_id,
        track_id=message.track_id,
        artist_id="",
        played_at=moment_of(message.played_at, f"{path}.played_at"),
        milliseconds_played=message.milliseconds_played,
        track_milliseconds=0,
        source=source,
        allow_training=message.allow_training if message.HasField("allow_training") else default_training_right(source),
        recommendation_id=message.recommendation_id.lower(),
        surface=message.context.surface,
        device=message.context.device,
    )


def feedback_of(message: play_pb2.Feedback, path: str) -> Feedback:
    """Feedback as sent: the artist is still empty. Raises InvalidInput with paths under `path`."""
    return Feedback(
        event_id=message.event_id.lower(),
        listener_id=message.listener_id,
        track_id=message.track_id,
        artist_id="",
        kind=FEEDBACK_KINDS[message.kind],
        given_at=moment_of(message.given_at, f"{path}.given_at"),
        recommendation_id=message.recommendation_id.lower(),
    )


def track_of(message: catalogue_pb2.Track) -> Track:
    """A track as sent."""
    source = SOURCES[message.source]
    features = message.audio_features
    return Track(
        track_id=message.track_id,
        title=message.title,
        artist_ids=tuple(message.artist_ids),
        album=message.album,
        released_on=message.released_on,
        duration_milliseconds=message.duration_milliseconds,
        tags=tuple(message.tags),
        audio_features=AudioFeatures(
            **{field.name: getattr(features, field.name) for field in features.DESCRIPTOR.fields}
        )
        if message.HasField("audio_features")
        else None,
        source=source,
        allow_training=message.allow_training if message.HasField("allow_training") else default_training_right(source),
    )


def artist_of(message: catalogue_pb2.Artist) -> Artist:
    """An artist as sent."""
    source = SOURCES[message.source]
    return Artist(
        artist_id=message.artist_id,
        name=message.name,
        tags=tuple(message.tags),
        source=source,
        allow_training=message.allow_training if message.HasField("allow_training") else default_training_right(source),
    )


def result_message(result: Result) -> ingest_pb2.IngestResult:
    """An element's outcome."""
    return ingest_pb2.IngestResult(
        id=result.id,
        outcome=OUTCOMES[result.outcome],
        violations=[
            ingest_pb2.FieldViolation(field=violation.field, description=violation.description)
            for violation in result.violations
        ],
    )


def recommended_message(
    recommendation: Recommendation, track: Track, artist_names: tuple[str, ...]
) -> recommend_pb2.RecommendedTrack:
    """A recommendation with its names."""
    return recommend_pb2.RecommendedTrack(
        track_id=recommendation.track_id,
        title=track.title,
        artist_ids=track.artist_ids,
        artist_names=artist_names,
        score=recommendation.score,
        reasons=[
            recommend_pb2.Reason(
                source=CANDIDATE_SOURCES[reason.source], rank=reason.rank, share=reason.share, text=reason.text
            )
            for reason in recommendation.reasons
        ],
    )


def engagement_message(row: ArtistEngagement, artists: Mapping[str, Artist]) -> analytics_pb2.ArtistEngagement:
    """An engagement row with its artist's name."""
    return analytics_pb2.ArtistEngagement(
        artist_id=row.artist_id,
        artist_name=_name(row.artist_id, artists),
        window_start=timestamp_of(row.window_start),
        plays=row.plays,
        unique_listeners=row.unique_listeners,
        milliseconds_played=row.milliseconds_played,
        completion_rate=row.completion_rate,
        skips=row.skips,
    )


def trend_message(row: Trend, artists: Mapping[str, Artist], tracks: Mapping[str, Track]) -> analytics_pb2.Trend:
    """A trend row with its track's title and artist's name."""
    return analytics_pb2.Trend(
        track_id=row.track_id,
        title=tracks[row.track_id].title if row.track_id in tracks else row.track_id,
        artist_id=row.artist_id,
        artist_name=_name(row.artist_id, artists),
        window_start=timestamp_of(row.window_start),
        rank=row.rank,
        plays_24h=row.plays_24h,
        listeners_24h=row.listeners_24h,
        baseline_24h=row.baseline_24h,
        ratio=row.ratio,
        z_score=row.z_score,
    )


def anomaly_message(row: Anomaly, artists: Mapping[str, Artist]) -> analytics_pb2.Anomaly:
    """An anomaly row with its artist's name."""
    return analytics_pb2.Anomaly(
        alert_id=row.alert_id,
        artist_id=row.artist_id,
        artist_name=_name(row.artist_id, artists),
        window_start=timestamp_of(row.window_start),
        kind=ANOMALY_KINDS[row.kind],
        severity=SEVERITIES[row.severity],
        plays=row.plays,
        unique_listeners=row.unique_listeners,
        plays_per_listener=row.plays_per_listener,
        baseline_plays=row.baseline_plays,
        z_score=row.z_score,
    )


def _name(artist_id: str, artists: Mapping[str, Artist]) -> str:
    return artists[artist_id].name if artist_id in artists else artist_id
