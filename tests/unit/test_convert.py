"""The contract's enums and fields have their counterparts, every one."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, catalogue_pb2, ingest_pb2, play_pb2, recommend_pb2

from backend.domain import errors
from backend.domain.errors import InvalidInput
from backend.domain.feedback import FeedbackKind
from backend.domain.rights import Source
from backend.ports.records import track_from_value, track_record
from backend.rpc import convert
from backend.rpc.errors import status_of


@pytest.mark.parametrize(
    ("message_enum", "mapping"),
    [
        (play_pb2.Source, set(convert.SOURCES)),
        (play_pb2.FeedbackKind, {0, *convert.FEEDBACK_KINDS}),
        (ingest_pb2.IngestOutcome, {0, *convert.OUTCOMES.values()}),
        (recommend_pb2.CandidateSource, {0, *convert.CANDIDATE_SOURCES.values()}),
        (recommend_pb2.AnswerPath, {0, *convert.ANSWER_PATHS.values()}),
        (analytics_pb2.AnomalyKind, {0, *convert.ANOMALY_KINDS.values()}),
        (analytics_pb2.Severity, {0, *convert.SEVERITIES.values()}),
    ],
)
def test_every_value_of_the_contract_is_converted(message_enum: object, mapping: set[int]) -> None:
    """A value added to the contract and forgotten here fails."""
    assert set(message_enum.values()) == mapping  # type: ignore[attr-defined]


def test_every_value_of_the_domain_is_converted() -> None:
    """The other way round."""
    assert set(Source) == set(convert.SOURCES.values())
    assert set(FeedbackKind) == set(convert.FEEDBACK_KINDS.values())


@pytest.mark.parametrize(
    ("source", "said", "expected"),
    [
        (play_pb2.SOURCE_UNSPECIFIED, None, True),
        (play_pb2.SOURCE_SPOTIFY, None, False),
        (play_pb2.SOURCE_SPOTIFY, True, True),
        (play_pb2.SOURCE_LISTENBRAINZ, False, False),
    ],
)
def test_the_training_right_follows_the_source_unless_it_is_said(
    source: play_pb2.Source, said: bool | None, expected: bool
) -> None:
    """For plays, tracks and artists alike."""
    play = play_pb2.Play(source=source, allow_training=said)
    track = catalogue_pb2.Track(source=source, allow_training=said)
    artist = catalogue_pb2.Artist(source=source, allow_training=said)
    rights = {
        convert.play_of(play, "plays[0]").allow_training,
        convert.track_of(track).allow_training,
        convert.artist_of(artist).allow_training,
    }
    assert {expected} == rights


def test_a_track_survives_the_way_through_message_and_record() -> None:
    """Audio features included; absent ones stay absent."""
    features = catalogue_pb2.AudioFeatures(danceability=0.5, tempo=120, loudness=-6)
    message = catalogue_pb2.Track(track_id="t", title="T", artist_ids=["a"], tags=["x"], audio_features=features)
    track = convert.track_of(message)
    assert track.audio_features is not None
    assert (0.5, 120.0, -6.0) == (
        track.audio_features.danceability,
        track.audio_features.tempo,
        track.audio_features.loudness,
    )
    assert track == track_from_value(track_record(track).value)
    assert convert.track_of(catalogue_pb2.Track(track_id="t")).audio_features is None


def test_times_outside_the_calendar_name_their_field() -> None:
    """And times inside come back."""
    moment = datetime(2026, 3, 1, 12, 30, 0, 123000, tzinfo=UTC)
    assert moment == convert.moment_of(convert.timestamp_of(moment), "x")
    for timestamp in (Timestamp(seconds=10**15), Timestamp(seconds=1, nanos=-5)):
        with pytest.raises(InvalidInput, match=r"plays\[3\]\.played_at"):
            convert.moment_of(timestamp, "plays[3].played_at")


def test_every_domain_error_has_a_code() -> None:
    """None falls through to INTERNAL, and those that speak of places keep them to the log."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SegueError)]
    for kind in kinds:
        if kind is errors.SegueError:
            continue
        status = status_of(kind([]) if kind is InvalidInput else kind("mongodb://10.0.0.1 and /home/secret"))
        assert status.code not in {0, 13}, kind
        assert kind not in {errors.Unavailable, errors.ModelRefused} or "secret" not in status.message
