"""Between the contract's messages and the domain's values, and nothing else; `convert_tables` has the live tables'."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import catalogue_pb2, ingest_pb2, play_pb2, recommend_pb2

from backend.domain.errors import InvalidInput, Violation
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Play, Timing
from backend.domain.recommendations import AnswerPath, Approach, Reason, Recommendation, SeedTrack
from backend.domain.rights import Source, default_training_right
from backend.domain.tracks import AUDIO_FEATURES, Artist, AudioFeatures, Track, TrackAudioFeatures
from backend.ranking.sources import FOUND_BY
from backend.services.outcomes import Outcome, Result

SOURCES: Mapping[int, Source] = {
    play_pb2.SOURCE_UNSPECIFIED: Source.FIRST_PARTY,
    play_pb2.SOURCE_FIRST_PARTY: Source.FIRST_PARTY,
    play_pb2.SOURCE_LISTENBRAINZ: Source.LISTENBRAINZ,
    play_pb2.SOURCE_LASTFM: Source.LASTFM,
    play_pb2.SOURCE_SPOTIFY: Source.SPOTIFY,
    play_pb2.SOURCE_SIMULATOR: Source.SIMULATOR,
}
TIMINGS: Mapping[int, Timing] = {
    play_pb2.TIMING_UNSPECIFIED: Timing.LIVE,
    play_pb2.TIMING_LIVE: Timing.LIVE,
    play_pb2.TIMING_HISTORY: Timing.HISTORY,
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
CANDIDATE_SOURCES: Mapping[str, recommend_pb2.CandidateSource] = {
    name: cast(recommend_pb2.CandidateSource, recommend_pb2.CandidateSource.Value(f"CANDIDATE_SOURCE_{name.upper()}"))
    for name in FOUND_BY
}
ANSWER_PATHS: Mapping[AnswerPath, recommend_pb2.AnswerPath] = {
    AnswerPath.HYBRID: recommend_pb2.ANSWER_PATH_HYBRID,
    AnswerPath.COLD_START: recommend_pb2.ANSWER_PATH_COLD_START,
    AnswerPath.DEGRADED: recommend_pb2.ANSWER_PATH_DEGRADED,
}

APPROACHES: Mapping[int, Approach | None] = {
    recommend_pb2.APPROACH_UNSPECIFIED: None,
    **{recommend_pb2.Approach.Value(f"APPROACH_{one.name}"): one for one in Approach},
}


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
    """A play as sent: the catalogue's fields are still empty, and nobody looked at its age.

    Raises InvalidInput with paths under `path`.
    """
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
        timing=TIMINGS[message.timing],
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
    return Track(
        track_id=message.track_id,
        title=message.title,
        artist_ids=tuple(message.artist_ids),
        album=message.album,
        released_on=message.released_on,
        duration_milliseconds=message.duration_milliseconds,
        tags=tuple(message.tags),
        audio_features=_sound_of(message.audio_features) if message.HasField("audio_features") else None,
        source=source,
        allow_training=message.allow_training if message.HasField("allow_training") else default_training_right(source),
    )


def track_audio_features_of(message: catalogue_pb2.TrackAudioFeatures) -> TrackAudioFeatures:
    """How a track sounds, as sent."""
    return TrackAudioFeatures(track_id=message.track_id, audio_features=_sound_of(message.audio_features))


def _sound_of(message: catalogue_pb2.AudioFeatures) -> AudioFeatures:
    """How a track sounds, as sent. Field by field: to ask the descriptor takes four times as long."""
    return AudioFeatures(
        danceability=message.danceability,
        energy=message.energy,
        valence=message.valence,
        acousticness=message.acousticness,
        instrumentalness=message.instrumentalness,
        liveness=message.liveness,
        speechiness=message.speechiness,
        tempo=message.tempo,
        loudness=message.loudness,
        estimated=tuple(name for name in AUDIO_FEATURES if name in message.estimated) if message.estimated else (),
    )


def sound_message(features: AudioFeatures) -> catalogue_pb2.AudioFeatures:
    """How a track, or the middle of a topic, sounds."""
    message = catalogue_pb2.AudioFeatures(**{name: getattr(features, name) for name in AUDIO_FEATURES})
    message.estimated.extend(features.estimated)
    return message


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


def seeds_of(request: recommend_pb2.SimilarTracksRequest) -> list[SeedTrack]:
    """Each track once, in the order of the request; the weights of one that is named twice add up."""
    weights = {request.track_id: 1.0}
    for seed in request.seeds:
        weights[seed.track_id] = weights.get(seed.track_id, 0.0) + (seed.weight or 1.0)
    return [SeedTrack(track_id=track_id, weight=weight) for track_id, weight in weights.items()]


def reason_messages(reasons: Sequence[Reason], score: float) -> list[recommend_pb2.Reason]:
    """Why something stands where it stands, each with its part of the score."""
    return [
        recommend_pb2.Reason(
            source=CANDIDATE_SOURCES[reason.source],
            rank=reason.rank,
            share=reason.share,
            text=reason.text,
            score_part=reason.share * score,
            anchor_track_ids=reason.anchors,
        )
        for reason in reasons
    ]


def recommended_message(
    recommendation: Recommendation, track: Track, artist_names: tuple[str, ...]
) -> recommend_pb2.RecommendedTrack:
    """A recommendation with its names and its sound."""
    return recommend_pb2.RecommendedTrack(
        track_id=recommendation.track_id,
        title=track.title,
        artist_ids=track.artist_ids,
        artist_names=artist_names,
        score=recommendation.score,
        reasons=reason_messages(recommendation.reasons, recommendation.score),
        audio_features=None if track.audio_features is None else sound_message(track.audio_features),
    )
