"""Analytics queries: messages become frames, lists are paged to their end, failures become sentences."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import grpc
import pandas as pd
import pytest
from segue.v1 import analytics_pb2, recommend_pb2

from analytics import frames, queries
from analytics.columns import Table
from analytics.filters import (
    ActivityFilter,
    AnomalyFilter,
    EngagementFilter,
    LetterFilter,
    PopularityFilter,
    TopicFilter,
)
from analytics.tables import ANOMALIES, ARTIST_ENGAGEMENT, ARTIST_ENGAGEMENT_DAYS, TRENDS
from client.channel import connect
from client.errors import AccessRefused, ServerDown
from tests.analytics_server import HOUR, TOKEN, Content, filled, serving, stamp


@pytest.fixture
def content() -> Content:
    """What the server of the test answers."""
    return filled()


@pytest.fixture
def channel(content: Content) -> Iterator[grpc.Channel]:
    """A channel to that server."""
    with serving(content) as address, connect(address, TOKEN) as open_channel:
        yield open_channel


def test_engagement_rows_become_typed_columns() -> None:
    """Times are aware UTC, counts integers, an absent completion rate NaN, a missing name the id."""
    frame = frames.live_frame(
        ARTIST_ENGAGEMENT,
        [
            analytics_pb2.ArtistEngagement(
                artist_id="a",
                artist_name="Ada",
                window_start=stamp(HOUR),
                plays=3,
                unique_listeners=2,
                milliseconds_played=500,
                completion_rate=0.5,
                skips=1,
                returning_share=0.0,
                likes=4,
            ),
            analytics_pb2.ArtistEngagement(artist_id="b", window_start=stamp(HOUR), plays=1),
        ],
    )
    assert [column.dtype for column in ARTIST_ENGAGEMENT.columns] == [str(dtype) for dtype in frame.dtypes]
    assert ["a", "Ada", pd.Timestamp(HOUR), 3, 2, 0.0, 500, 0.5, 1, 4] == frame.iloc[0].tolist()
    assert "b" == frame.loc[1, "artist_name"]
    assert frame.loc[1, ["completion_rate", "returning_share"]].isna().all()


def test_no_rows_become_an_empty_frame_with_the_same_columns() -> None:
    """Pages and exports need no special case for an empty table."""
    full = frames.live_frame(
        ARTIST_ENGAGEMENT, [analytics_pb2.ArtistEngagement(artist_id="a", window_start=stamp(HOUR))]
    )
    empty = frames.live_frame(ARTIST_ENGAGEMENT, [])
    assert 0 == len(empty)
    assert full.dtypes.to_dict() == empty.dtypes.to_dict()


def test_anomaly_words_are_plain_and_unknown_ones_say_so() -> None:
    """A kind that a newer server invents does not break an older dashboard."""
    frame = frames.live_frame(
        ANOMALIES,
        [
            analytics_pb2.Anomaly(alert_id="x", kind="ANOMALY_KIND_STREAM_FARM", severity="SEVERITY_HIGH"),
            analytics_pb2.Anomaly(alert_id="y", kind=99),
        ],
    )
    assert ["stream_farm", "unknown"] == frame["kind"].tolist()
    assert ["high", "unknown"] == frame["severity"].tolist()


def test_reasons_are_told_in_words_and_in_shares() -> None:
    """A recommendation carries its reasons as one text, and as a row each."""
    tracks = [
        recommend_pb2.RecommendedTrack(
            track_id="t",
            title="Tea",
            artist_names=["Ada", "Bo"],
            score=2.0,
            reasons=[
                recommend_pb2.Reason(source="CANDIDATE_SOURCE_FACTORS", rank=1, share=0.75, text="like you"),
                recommend_pb2.Reason(source="CANDIDATE_SOURCE_TREND", rank=4, share=0.25, text="rising"),
            ],
        )
    ]
    assert [[1, "t", "Tea", "Ada, Bo", 2.0, "like you; rising"]] == frames.recommendation_frame(tracks).values.tolist()
    assert (
        [
            [1, "t", "Tea", "factors", 1, 0.75, "like you"],
            [1, "t", "Tea", "trend", 4, 0.25, "rising"],
        ]
    ) == frames.reason_frame(tracks).values.tolist()


def test_changes_replace_rows_by_key() -> None:
    """A watched row that changed takes the old one's place; the others stay."""
    table = Table("t", "", ("id",), ())
    old = pd.DataFrame({"id": ["a", "b"], "plays": [1, 2]})
    merged = frames.upsert(old, pd.DataFrame({"id": ["b", "c"], "plays": [5, 6]}), table)
    assert {"a": 1, "b": 5, "c": 6} == dict(zip(merged["id"], merged["plays"], strict=True))
    assert [1, 2] == old["plays"].tolist()


def test_every_page_is_read(channel: grpc.Channel, content: Content) -> None:
    """A list longer than a page comes whole, in order, with its time."""
    content.page = 50
    rows = queries.artist_engagement(channel)
    assert 24 * 8 == len(rows.frame)
    assert rows.complete
    assert content.as_of == rows.as_of
    assert rows.frame["window_start"].is_monotonic_decreasing


def test_the_limit_cuts_and_says_so(channel: grpc.Channel) -> None:
    """Rows beyond the limit are not asked for, and the answer is marked incomplete."""
    rows = queries.artist_engagement(channel, limit=30)
    assert (30, False) == (len(rows.frame), rows.complete)


def test_a_row_that_moved_between_pages_counts_once(channel: grpc.Channel, content: Content) -> None:
    """A live table shifts while it is paged; keys stay unique and the later reading wins."""
    again = analytics_pb2.Trend()
    again.CopyFrom(content.trends[0])
    again.plays_24h = 7
    content.trends.append(again)
    frame = queries.trends(channel).frame
    assert frame["track_id"].is_unique
    assert [7] == frame.loc["track-1" == frame["track_id"], "plays_24h"].tolist()


def test_filters_reach_the_server(channel: grpc.Channel, content: Content) -> None:
    """Each filter becomes its field of the request."""
    queries.anomalies(
        channel,
        AnomalyFilter(since=HOUR - timedelta(hours=4), artist_id="a", kind="drop", min_severity="low"),
    )
    request = content.requests[-1]
    assert request.kind == analytics_pb2.ANOMALY_KIND_DROP
    assert request.min_severity == analytics_pb2.SEVERITY_LOW
    assert "a" == request.artist_id
    assert HOUR - timedelta(hours=4) == request.range.start_time.ToDatetime(UTC)
    assert not request.range.HasField("end_time")


def test_days_are_asked_for_apart(channel: grpc.Channel) -> None:
    """Their rows have the same columns as hours."""
    rows = queries.artist_engagement(channel, EngagementFilter(span="day"))
    assert 2 * 8 == len(rows.frame)
    assert {0} == set(rows.frame["window_start"].dt.hour)
    assert [column.name for column in ARTIST_ENGAGEMENT_DAYS.columns] == list(rows.frame.columns)


@pytest.mark.parametrize(("span", "factor"), [("hour", 1), ("day", 2), ("week", 3)])
def test_rankings_come_by_span_and_subject(span: str, factor: int, channel: grpc.Channel) -> None:
    """The words of a span are the filter's; artists have no title."""
    tracks = queries.popularity(channel, PopularityFilter(span=span)).frame
    artists = queries.popularity(channel, PopularityFilter(span=span, subject="artist")).frame
    assert ({span}, 10, 300 * factor) == (set(tracks["span"]), len(tracks), tracks.loc[0, "listeners"])
    assert ({span}, 8, 700 * factor) == (set(artists["span"]), len(artists), artists.loc[0, "listeners"])
    assert "title" not in artists.columns


def test_activity_topics_and_letters_become_frames(channel: grpc.Channel, content: Content) -> None:
    """What is absent stays absent: a feature NaN, a record NA."""
    one = queries.listener_activity(channel, ActivityFilter(since=HOUR - timedelta(days=2), listener_id="listener-0"))
    assert ["listener-0"] * 2 == one.frame["listener_id"].tolist()
    topics = queries.topic_hours(channel, TopicFilter(since=HOUR)).frame
    assert 8 == len(topics)
    assert [7] == topics.loc[topics["loudness"].isna(), "cluster"].tolist()
    letters = queries.dead_letters(channel).frame
    assert [False, True] == letters["record"].isna().tolist()
    assert ["malformed"] == queries.dead_letters(channel, LetterFilter(reason="malformed")).frame["reason"].tolist()
    counts = queries.dead_letter_counts(channel)
    assert {"malformed": 1, "unknown_track": 1234} == dict(
        zip(counts.frame["reason"], counts.frame["records"], strict=True)
    )
    assert content.as_of == counts.as_of


def test_topics_come_over_pages_with_their_tracks(channel: grpc.Channel, content: Content) -> None:
    """In the server's order; a topic of the lower level has no number, and a version without topics no row."""
    content.page = 3
    found = queries.topics(channel)
    assert ["1a", "1b", "1c", "2a"] == found["topic_id"].tolist()
    assert [True, False, False, True] == found["cluster"].notna().tolist()
    assert ("metal, punk", 120.0) == (found.loc[0, "tags"], found.loc[0, "tempo"])
    tracks = queries.topic_tracks(channel, "1b", count=2)
    assert ["1b-1", "1b-2"] == tracks["track_id"].tolist()
    assert ["popular: 3 listeners in 24 hours", ""] == tracks["why"].tolist()
    content.model_topics.clear()
    assert (0, found.columns.tolist()) == (len(queries.topics(channel)), queries.topics(channel).columns.tolist())


def test_every_live_table_has_the_fields_of_its_message() -> None:
    """Each column is a field of that name, so that a frame can be made without rows too."""
    for table in frames.MESSAGES:
        frame = frames.live_frame(table, [])
        assert [column.dtype for column in table.columns] == [str(dtype) for dtype in frame.dtypes]


@pytest.mark.parametrize("watch", [queries.watch_artist_engagement, queries.watch_trends, queries.watch_anomalies])
def test_a_watch_yields_the_page_signs_of_life_and_changes(channel: grpc.Channel, watch) -> None:
    """A sign of life is an answer without rows and without a time."""
    first, alive, change = watch(channel)
    assert len(first.frame) >= 3
    assert (0, None) == (len(alive.frame), alive.as_of)
    assert (len(change.frame), change.as_of) == (1, HOUR)


def test_closing_a_watch_hangs_up(channel: grpc.Channel) -> None:
    """A page that goes away leaves no stream behind."""
    watch = queries.watch_trends(channel)
    next(watch)
    watch.close()
    assert [] == list(watch)


def test_recommendations_come_with_path_and_version(channel: grpc.Channel, content: Content) -> None:
    """The answer says which path and which model made it."""
    answer = queries.recommendations(channel, "listener-1", count=5)
    assert ("hybrid", "20261121T100000Z") == (answer.path, answer.model_version)
    assert [1, 2, 3, 4, 5] == answer.tracks["place"].tolist()
    assert 5 == content.requests[-1].page_size


def test_a_server_that_is_down_is_told_in_a_sentence() -> None:
    """Nothing listens on port 1; the failure says what to run."""
    with connect("127.0.0.1:1", TOKEN) as nowhere, pytest.raises(ServerDown, match="segue up"):
        queries.trends(nowhere)


def test_a_wrong_token_is_told_in_a_sentence(content: Content) -> None:
    """The failure says which variable to set, for a list and for a watch."""
    with serving(content) as address, connect(address, "wrong") as stranger:
        with pytest.raises(AccessRefused, match="SEGUE_TOKEN"):
            queries.trends(stranger)
        with pytest.raises(AccessRefused, match="SEGUE_TOKEN"):
            list(queries.watch_trends(stranger))


def test_an_empty_table_has_no_time(channel: grpc.Channel, content: Content) -> None:
    """Nothing was written yet, so there is no moment to name."""
    content.engagement.clear()
    content.as_of = None
    assert queries.artist_engagement(channel).as_of is None


def test_naive_times_are_read_as_utc() -> None:
    """Protobuf times have no zone; frames always carry UTC."""
    frame = frames.live_frame(
        TRENDS, [analytics_pb2.Trend(track_id="t", window_start=stamp(datetime(2026, 1, 1, tzinfo=UTC)))]
    )
    assert "2026-01-01T00:00:00+00:00" == frame.loc[0, "window_start"].isoformat()
