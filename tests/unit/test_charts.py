"""Charts, sentences and downloads: from literal frames to what a person sees or saves."""

import io
from datetime import timedelta

import altair as alt
import numpy as np
import pandas as pd
import pytest
from segue.v1 import analytics_pb2

from analytics import axes, charts, live_charts, shapes, words
from analytics.download import to_csv
from analytics.frames import live_frame, reason_frame
from analytics.tables import ANOMALIES, ARTIST_ENGAGEMENT, LISTENER_ACTIVITY, TOPIC_HOURS, TRACK_POPULARITY, TRENDS
from tests.analytics_server import HOUR, filled, stamp


def _engagement(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    """Rows of (artist id, name, hour after HOUR, plays)."""
    return live_frame(
        ARTIST_ENGAGEMENT,
        [
            analytics_pb2.ArtistEngagement(
                artist_id=artist_id,
                artist_name=name,
                window_start=stamp(HOUR + timedelta(hours=hour)),
                plays=plays,
                milliseconds_played=plays * 3_600_000,
            )
            for artist_id, name, hour, plays in rows
        ],
    )


def _values(chart: alt.Chart) -> pd.DataFrame:
    return chart.data


def test_an_hour_without_a_row_is_zero() -> None:
    """A line must fall to the ground where nobody played, not bridge the gap."""
    data = _values(charts.engagement(_engagement(("a", "Ada", 0, 5), ("a", "Ada", 2, 7))))
    assert [5, 0, 7] == data["plays"].tolist()
    assert "2026-11-21 11:00 UTC" == data["hour"].tolist()[1]


def test_the_top_artists_have_lines_and_the_rest_is_grey_when_stacked() -> None:
    """A line chart leaves the rest out; a stack keeps the total true."""
    frame = _engagement(*((str(number), f"Artist {number}", 0, 10 - number) for number in range(9)))
    lines = _values(charts.engagement(frame))
    stack = charts.engagement(frame, stacked=True)
    assert lines["artist"].tolist() == [f"Artist {number}" for number in range(6)]
    assert _values(stack)["plays"].sum() == frame["plays"].sum()
    assert stack.to_dict()["encoding"]["color"]["scale"]["range"][-1] == axes.GREY


def test_two_artists_of_one_name_keep_apart() -> None:
    """One label never means two things."""
    frame = _engagement(("a", "Nova", 0, 5), ("b", "Nova", 0, 7), ("c", "Oda", 0, 1))
    assert ["Nova (a)", "Nova (b)", "Oda"] == shapes.labels(frame, "artist_id", "artist_name").tolist()


def test_time_heard_is_told_in_hours() -> None:
    """Milliseconds mean nothing to a reader."""
    chart = charts.engagement(_engagement(("a", "Ada", 0, 5)), measure="hours_heard")
    assert [5.0] == _values(chart)["hours_heard"].tolist()
    assert "Hours heard per hour" == chart.to_dict()["encoding"]["y"]["title"]


def test_trends_stand_in_order_of_rank() -> None:
    """The bars follow the ranks, however the rows came, and each tells its ratio."""
    frame = live_frame(TRENDS, reversed(filled().trends))
    chart = charts.trends(frame, top=3)
    data = chart.layer[0].data if isinstance(chart.data, alt.utils.schemapi.UndefinedType) else chart.data
    assert [1, 2, 3] == data["rank"].tolist()
    assert ["13.0 times", "7.0 times", "5.0 times"] == data["times"].tolist()


def test_anomalies_of_each_kind_have_their_lane() -> None:
    """All three lanes stand there, also where one is empty; unknown kinds get their own."""
    frame = live_frame(ANOMALIES, filled().anomalies[:2])
    lanes = charts.anomaly_timeline(frame).to_dict()["encoding"]["y"]["scale"]["domain"]
    assert lanes == ["Release spike", "Stream farm", "Drop"]
    strange = charts.anomaly_timeline(live_frame(ANOMALIES, [analytics_pb2.Anomaly(kind=99, window_start=stamp(HOUR))]))
    assert "Other" == strange.to_dict()["encoding"]["y"]["scale"]["domain"][-1]


def test_every_chart_is_valid_vega_lite_without_rows() -> None:
    """A page that draws an empty frame draws an empty chart."""
    assert charts.engagement(live_frame(ARTIST_ENGAGEMENT, [])).to_dict()["encoding"]
    assert charts.trends(live_frame(TRENDS, [])).to_dict()["layer"]
    assert charts.anomaly_timeline(live_frame(ANOMALIES, [])).to_dict()["encoding"]
    assert charts.anomaly_breadth(live_frame(ANOMALIES, [])).to_dict()["encoding"]
    assert charts.reason_shares(reason_frame([])).to_dict()["encoding"]
    assert live_charts.ranking(live_frame(TRACK_POPULARITY, []), subject="track").to_dict()["layer"]
    assert live_charts.active_listeners(live_frame(LISTENER_ACTIVITY, [])).to_dict()["encoding"]
    topics = live_frame(TOPIC_HOURS, [])
    assert live_charts.topics(topics).to_dict()["encoding"]
    assert live_charts.topic_features(live_charts.topic_means(topics)).to_dict()["layer"]


def test_days_stand_a_day_apart() -> None:
    """A day without a row is zero, and is told without an hour."""
    frame = _engagement(("a", "Ada", -10, 5), ("a", "Ada", 38, 7))
    chart = charts.engagement(frame, step="D")
    data = _values(chart)
    assert [5, 0, 7] == data["plays"].tolist()
    assert ["2026-11-21", "2026-11-22", "2026-11-23"] == data["hour"].tolist()
    assert "Plays per day" == chart.to_dict()["encoding"]["y"]["title"]


def test_an_artist_called_other_keeps_a_colour() -> None:
    """Grey is for the rest, not for a name that looks like it."""
    chart = charts.engagement(_engagement(("a", "Other Lives", 0, 5)), stacked=True)
    assert [axes.BLUE] == chart.to_dict()["encoding"]["color"]["scale"]["range"]


def test_rankings_stand_in_order_of_rank() -> None:
    """Also where the rows came otherwise; no more than asked for."""
    chart = live_charts.ranking(
        live_frame(TRACK_POPULARITY, reversed(filled().popularity[:10])), subject="track", top=3
    )
    data = chart.layer[0].data if isinstance(chart.data, alt.utils.schemapi.UndefinedType) else chart.data
    assert [1, 2, 3] == data["rank"].tolist()
    assert "1. Song number 1" == data["label"].iloc[0]


def test_listeners_are_counted_once_a_day() -> None:
    """Days in order, with their sessions and plays."""
    data = _values(live_charts.active_listeners(live_frame(LISTENER_ACTIVITY, filled().activity)))
    assert list(range(4, 13)) == data["listeners"].tolist()
    assert "2026-11-21" == data["day"].iloc[-1]


def test_topics_features_are_means_weighted_by_plays() -> None:
    """An hour without the feature does not weigh in; a topic that never has it has no mean."""

    def row(cluster: int, plays: int, energy: float | None) -> analytics_pb2.TopicHour:
        return analytics_pb2.TopicHour(cluster=cluster, plays=plays, energy=energy, window_start=stamp(HOUR))

    frame = live_frame(TOPIC_HOURS, [row(1, 10, 0.2), row(1, 30, 0.6), row(1, 99, None), row(2, 500, None)])
    means = live_charts.topic_means(frame)
    assert ["Topic 2", "Topic 1"] == means["topic"].tolist()
    assert ["calm", "Topic 1"] == live_charts.topic_means(frame, {2: "calm"})["topic"].tolist()
    assert [500, 139] == means["plays"].tolist()
    assert np.isnan(means["energy"].iloc[0])
    assert 0.5 == pytest.approx(means["energy"].iloc[1])


def test_a_spike_and_a_farm_are_told_apart_in_words() -> None:
    """The sentences name the breadth of the audience."""
    spike, farm, drop = words.stories(live_frame(ANOMALIES, filled().anomalies))
    assert spike == "2,400 plays by 1,900 listeners, 1.3 each, 13 times the usual 180: a broad audience."
    assert farm == "1,800 plays by 12 listeners, 150 each, 45 times the usual 40: too few for so much."
    assert drop.startswith("2 plays by 2 listeners where 90 plays are usual")


def test_an_artist_without_a_past_has_no_ratio() -> None:
    """Dividing by almost nothing would shout."""
    row = analytics_pb2.Anomaly(
        kind="ANOMALY_KIND_RELEASE_SPIKE",
        plays=1,
        unique_listeners=1,
        plays_per_listener=1,
        baseline_plays=0.01,
        window_start=stamp(HOUR),
    )
    assert ["1 play by 1 listener, 1.0 each, where hardly any are usual: a broad audience."] == words.stories(
        live_frame(ANOMALIES, [row])
    ).tolist()


@pytest.mark.parametrize(
    "title",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\tx", " =1", "\r=1"),
        # Behind what is not seen: spaces, controls, formats, marks and fillers.
        *(f"{blank}=1+1" for blank in "\u00a0\ufeff\u200b\x0b\x00\u3000\u2060\u00ad\u034f\ufe0f\u3164\u2800\u115f"),
        # Fullwidth, small, raised and lowered.
        *(f"{start}1" for start in "\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u208a"),
        "\u200b\u00a0 \uff1d1",
        *("\u22121", "\u207b1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x")'),
    ],
)
def test_a_title_that_is_a_formula_is_defused(title: str) -> None:
    """A spreadsheet shows it as text; other titles and numbers stay as they are."""
    frame = live_frame(TRENDS, [analytics_pb2.Trend(track_id="t", title=title, z_score=-3.5, window_start=stamp(HOUR))])
    read = pd.read_csv(io.BytesIO(to_csv(frame, TRENDS)), dtype={"title": str})
    assert read.loc[0, "title"].lstrip("'") != read.loc[0, "title"]
    assert -3.5 == read.loc[0, "z_score"]
    assert "t" == read.loc[0, "track_id"]


@pytest.mark.parametrize("start", ["=", "+", "@", "\uff1d", " =", "\u200b-"])
def test_a_formula_is_defused_where_another_spreadsheet_would_cut_the_cell(start: str) -> None:
    """Many countries' spreadsheets read lists with semicolons; quotes in the middle of what they see mean nothing."""
    for between in (";", "\t", "\r", "\n"):
        title = f"a{between}{start}1+1{between}b"
        frame = live_frame(TRENDS, [analytics_pb2.Trend(track_id="t", title=title, window_start=stamp(HOUR))])
        cell = pd.read_csv(io.BytesIO(to_csv(frame, TRENDS)), dtype={"title": str}, lineterminator="\n").loc[0, "title"]
        assert f"a{between}'{start}1+1{between}b".replace("\r", "\n") == cell.replace("\r", "\n")


@pytest.mark.parametrize(
    "title", ["Steins;Gate", "1+1=2", "Ünï=code", "¿=?", "(-1)", "\u200bplain", "", "　全角", "≠1"]
)
def test_a_title_that_is_no_formula_stays_as_it_is(title: str) -> None:
    """An apostrophe there would only be wrong."""
    frame = live_frame(TRENDS, [analytics_pb2.Trend(track_id="t", title=title or "t", window_start=stamp(HOUR))])
    read = pd.read_csv(io.BytesIO(to_csv(frame, TRENDS)), dtype={"title": str})
    assert (title or "t") == read.loc[0, "title"]


def test_times_and_absences_in_csv() -> None:
    """Times are ISO 8601 with their zone, an absent number is an empty cell, and columns are the table's."""
    frame = live_frame(TRENDS, [analytics_pb2.Trend(track_id="t", window_start=stamp(HOUR))])
    frame["ratio"] = np.nan
    header, row, _ = to_csv(frame, TRENDS).decode("utf-8-sig").split("\r\n")
    assert header.split(",") == [column.name for column in TRENDS.columns]
    assert row == "t,t,,,2026-11-21T10:00:00Z,0,0,0,0.0,,0.0"
