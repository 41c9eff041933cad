"""The contract's enums and fields have their counterparts, every one."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, catalogue_pb2, ingest_pb2, play_pb2, recommend_pb2

from backend.domain import errors, tables
from backend.domain.errors import InvalidInput
from backend.domain.feedback import FeedbackKind
from backend.domain.plays import Timing
from backend.domain.rights import Source
from backend.domain.tracks import Track
from backend.ports.records import track_from_value, track_record
from backend.rpc import convert, convert_tables
from backend.rpc.errors import status_of

TABLE_WORDS = (
    (analytics_pb2.Span, tables.Span),
    (analytics_pb2.PopularitySpan, tables.PopularitySpan),
    (analytics_pb2.AnomalySubject, tables.AnomalySubject),
    (analytics_pb2.AnomalyKind, tables.AnomalyKind),
    (analytics_pb2.AnomalyDirection, tables.Direction),
    (analytics_pb2.Severity, tables.Severity),
    (analytics_pb2.DeadLetterReason, tables.DeadLetterReason),
)
"""Words of rows; that the contract has each of them is seen when `convert_tables` is imported."""


@pytest.mark.parametrize(
    ("message_enum", "mapping"),
    [
        (play_pb2.Source, set(convert.SOURCES)),
        (play_pb2.Timing, set(convert.TIMINGS)),
        (play_pb2.FeedbackKind, {0, *convert.FEEDBACK_KINDS}),
        (ingest_pb2.IngestOutcome, {0, *convert.OUTCOMES.values()}),
        (recommend_pb2.CandidateSource, {0, *convert.CANDIDATE_SOURCES.values()}),
        (recommend_pb2.AnswerPath, {0, *convert.ANSWER_PATHS.values()}),
        *((enum, {0, *convert_tables.MEMBERS[words].values()}) for enum, words in TABLE_WORDS),
    ],
)
def test_every_value_of_the_contract_is_converted(message_enum: object, mapping: set[int]) -> None:
    """A value added to the contract and forgotten here fails."""
    assert set(message_enum.values()) == mapping  # type: ignore[attr-defined]


def test_every_value_of_the_domain_is_converted() -> None:
    """The other way round."""
    assert set(Source) == set(convert.SOURCES.values())
    assert set(Timing) == set(convert.TIMINGS.values())
    assert set(FeedbackKind) == set(convert.FEEDBACK_KINDS.values())


def test_absent_columns_are_absent_fields() -> None:
    """None is not zero, and what the catalogue does not know goes by its id."""
    anomaly = tables.Anomaly(
        alert_id="x",
        subject=tables.AnomalySubject.TRACK,
        artist_id="a",
        track_id="t",
        window_start=datetime(2026, 3, 1, tzinfo=UTC),
        kind=tables.AnomalyKind.DROP,
        direction=tables.Direction.DOWN,
        severity=tables.Severity.HIGH,
        plays=1,
        unique_listeners=1,
        plays_per_listener=1.0,
        baseline_plays=9.0,
        z_score=-4.0,
        baseline_per_listener=None,
        z_per_listener=0.0,
        seasonal_plays=None,
        seasonal_z=None,
    )
    track = Track(track_id="t", title="Tea", artist_ids=("a",))
    message = convert_tables.row_message(analytics_pb2.Anomaly, anomaly, {}, {"t": track})
    absent = ("baseline_per_listener", "z_per_listener", "seasonal_plays", "seasonal_z")
    assert [False, True, False, False] == [message.HasField(name) for name in absent]
    assert ("Tea", "a", "ANOMALY_DIRECTION_DOWN") == (
        message.title,
        message.artist_name,
        analytics_pb2.AnomalyDirection.Name(message.direction),
    )


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
