"""Every page of the dashboard, run by Streamlit's own AppTest against a real gRPC server: full, empty, stale, down."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import streamlit as st
from segue.v1 import recommend_pb2, topics_pb2
from streamlit.testing.v1 import AppTest

from analytics.dashboard import APP
from tests.analytics_server import SPITEFUL, TOKEN, Content, filled, serving

PAGES = ("live", "artists", "popular", "trends", "anomalies", "topics", "listeners", "listener", "explore", "health")
Open = Callable[..., AppTest]


@pytest.fixture
def content() -> Content:
    """Rows up to this hour, written now."""
    now = datetime.now(UTC)
    content = filled(newest=now.replace(minute=0, second=0, microsecond=0))
    content.as_of = now
    return content


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    """Answers and channels of one test are none of the next one's business."""
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_page(content: Content, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a page of the dashboard on a server with `content`."""
    with serving(content) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        monkeypatch.setenv("SEGUE_TOKEN", TOKEN)
        yield _open


def _open(name: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    if name != "live":
        app.switch_page(f"app_pages/{name}.py").run()
    return app


def asked(app: AppTest, name: str) -> AppTest:
    """The page, after the question that two of them wait for."""
    words = {"listener": ("listener", "listener-1"), "explore": ("words", "calm piano")}
    if name in words:
        app.text_input(key=words[name][0]).input(words[name][1])
        app.button[0].click().run()
    return app


def _texts(app: AppTest) -> str:
    """All that the page says outside of tables and charts."""
    kinds = (app.markdown, app.caption, app.text, app.info, app.warning, app.error, app.success, app.code, app.title)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_the_live_page_shows_totals_and_three_tables(open_page: Open, content: Content) -> None:
    """The tiles add up the newest hour, and nothing is stale."""
    app = open_page("live")
    newest = [row for row in content.engagement if row.window_start == content.engagement[0].window_start]
    tiles = [metric.value for metric in app.metric]
    assert not app.exception
    assert tiles == [f"{sum(row.plays for row in newest):,}", "8", "10", "3"]
    assert [8, 10, 3] == [len(table.value) for table in app.dataframe]
    assert 3 == _texts(app).count("as of ")
    assert 0 == len(app.warning)


def test_the_live_page_asks_again(open_page: Open, content: Content) -> None:
    """A row that came since is there at the next refresh."""
    app = open_page("live")
    del content.anomalies[1:]
    st.cache_data.clear()
    assert "1" == app.run().metric[3].value


def test_old_tables_are_called_stale(open_page: Open, content: Content) -> None:
    """Two minutes without a new row: the page says how long, and where to look."""
    content.as_of = datetime.now(UTC) - timedelta(minutes=7, seconds=5)
    (warning,) = open_page("live").warning
    assert "7 minutes ago" in warning.value
    assert "segue status" in warning.value


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_rows_says_what_to_do(name: str, open_page: Open, content: Content) -> None:
    """An empty table is no error, and no blank page."""
    tables = (content.engagement, content.popularity, content.trends, content.anomalies, content.activity)
    for rows in (*tables, content.topics, content.letters, content.counts):
        rows.clear()
    content.answer.Clear()
    content.model_topics.clear()
    content.as_of = None
    app = asked(open_page(name), name)
    assert not app.exception
    assert 0 == len(app.error)
    assert 1 == len(app.info) + len(app.success)


@pytest.mark.parametrize("name", PAGES)
def test_a_server_that_is_down_is_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on port 1: no traceback, and what to run."""
    monkeypatch.setenv("SEGUE_SERVER_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("SEGUE_TOKEN", TOKEN)
    app = asked(_open(name), name)
    assert not app.exception
    (error,) = app.error
    assert "segue up" in error.value


def test_a_missing_token_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page names the file it looked for and the variable to set."""
    monkeypatch.delenv("SEGUE_TOKEN", raising=False)
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path))
    app = _open("live")
    assert not app.exception
    assert 1 == len(app.error)
    assert "SEGUE_TOKEN" in app.code[0].value


def test_artists_are_filtered_by_time_plays_and_name(open_page: Open, content: Content) -> None:
    """Time and plays are the server's filters, the name is the page's."""
    app = open_page("artists")
    assert 24 * 8 == len(app.dataframe[0].value)
    app.segmented_control(key="period-24 hours").set_value("6 hours").run()
    assert 6 * 8 == len(app.dataframe[0].value)
    app.text_input(key="words").input("HARBOUR").run()
    assert {"Blue Harbour"} == set(app.dataframe[0].value["artist_name"])
    app.number_input(key="least").set_value(50).run()
    assert 50 == content.requests[-1].min_plays
    app.text_input(key="words").input("nobody at all").run()
    assert not app.exception
    assert "No artist fits" in app.info[0].value


@pytest.mark.parametrize("measure", ["Plays", "Listeners", "Time heard", "Skips", "Likes"])
def test_every_measure_of_artists_is_drawn(measure: str, open_page: Open) -> None:
    """Also stacked, except listeners, who may hear several artists."""
    app = open_page("artists")
    app.segmented_control(key="measure").set_value(measure).run()
    assert not app.exception
    assert app.toggle(key="stacked").disabled == (measure == "Listeners")


def test_artists_are_shown_by_day(open_page: Open) -> None:
    """Days have periods of their own; the choice of hours comes back as it was."""
    app = open_page("artists")
    app.segmented_control(key="period-24 hours").set_value("6 hours").run()
    app.segmented_control(key="span").set_value("Days").run()
    assert not app.exception
    assert 2 * 8 == len(app.dataframe[0].value)
    assert {"day", "returning_share", "likes"} <= set(app.dataframe[0].value.columns)
    assert "7 days" == app.segmented_control(key="period-7 days").value
    app.segmented_control(key="span").set_value("Hours").run()
    assert not app.exception


def test_what_is_popular_is_chosen_by_span_subject_and_name(open_page: Open) -> None:
    """Tracks over 24 hours at first."""
    app = open_page("popular")
    assert list(range(1, 11)) == app.dataframe[0].value["rank"].tolist()
    assert 600 == app.dataframe[0].value["listeners"].iloc[0]
    app.segmented_control(key="span").set_value("7 days").run()
    assert 900 == app.dataframe[0].value["listeners"].iloc[0]
    app.segmented_control(key="subject").set_value("Artists").run()
    assert (8, 2100) == (len(app.dataframe[0].value), app.dataframe[0].value["listeners"].iloc[0])
    app.text_input(key="words").input("harbour").run()
    assert ["Blue Harbour"] == app.dataframe[0].value["artist_name"].tolist()
    app.text_input(key="words").input("nobody at all").run()
    assert "Nothing ranked here" in app.info[0].value


def test_listeners_are_counted_and_found(open_page: Open, content: Content) -> None:
    """The tiles follow the period and the listener."""
    app = open_page("listeners")
    assert "12" == app.metric[0].value
    assert sum(12 - day for day in range(7)) == len(app.dataframe[0].value)
    app.segmented_control(key="period").set_value("1 day").run()
    assert 12 == len(app.dataframe[0].value)
    app.text_input(key="listener-id").input(" listener-2 ").run()
    assert ("1", ["listener-2"]) == (app.metric[0].value, app.dataframe[0].value["listener_id"].tolist())
    assert "listener-2" == content.requests[-1].listener_id
    app.text_input(key="listener-id").input("nobody").run()
    assert "Nobody of this id" in app.info[0].value


def test_topics_are_listed_most_played_first(open_page: Open) -> None:
    """One row a topic, whatever the period."""
    app = open_page("topics")
    table = app.dataframe[-1].value
    assert 8 == len(table)
    assert table["plays"].is_monotonic_decreasing
    assert {"fast, loud; metal, punk", "Topic 1", SPITEFUL, "Topic 7"} <= set(table["topic"])
    app.segmented_control(key="period").set_value("6 hours").run()
    assert app.dataframe[-1].value["plays"].sum() < table["plays"].sum()


def test_topics_are_browsed_two_levels_deep_to_their_tracks(open_page: Open) -> None:
    """The first topic with what is within it and its tracks; then one within it; then a topic that has none within."""
    app = open_page("topics")
    upper, within, tracks, _ = [table.value for table in app.dataframe]
    assert ["fast, loud; metal, punk", SPITEFUL] == list(upper["name"])
    assert ["sung; punk", "instrumental; metal"] == list(within["name"])
    assert ["Song 1 of 1a", SPITEFUL, "Song 3 of 1a"] == list(tracks["title"])
    app.selectbox(key="within-1a").select("1c").run()
    assert "Song 1 of 1c" == app.dataframe[2].value["title"][0]
    app.selectbox(key="topic").select("2a").run()
    assert not app.exception
    assert "Song 1 of 2a" == app.dataframe[1].value["title"][0]
    assert "no topic within" in _texts(app)


def test_a_version_without_topics_leaves_the_hours(open_page: Open, content: Content) -> None:
    """And hours without plays leave the topics."""
    content.model_topics.clear()
    app = open_page("topics")
    assert [8] == [len(table.value) for table in app.dataframe]
    assert not app.error
    content.model_topics.append(topics_pb2.Topic(topic_id="1a", name="calm", tracks=3, cluster=0))
    content.topics.clear()
    st.cache_data.clear()
    app.run()
    assert not app.exception
    assert [["calm"], 3] == [list(app.dataframe[0].value["name"]), len(app.dataframe[1].value)]
    assert "No play of a topic's track" in _texts(app)


def test_letters_are_counted_explained_and_shown_as_they_were(open_page: Open) -> None:
    """A tile per reason with what to do; the record in words, an absent one empty."""
    app = open_page("health")
    assert ["1", "1,234", "0", "0"] == [metric.value for metric in app.metric]
    assert "`segue ingest`" in _texts(app)
    assert [SPITEFUL] == app.dataframe[0].value["content"].dropna().tolist()
    app.segmented_control(key="reason").set_value("Unknown track").run()
    assert ["Unknown track"] == app.dataframe[0].value["what"].tolist()
    app.segmented_control(key="reason").set_value("Too late").run()
    assert "No letter of this reason" in app.info[0].value


def test_trends_are_chosen_by_rank_and_name(open_page: Open) -> None:
    """Five ranks are five rows; a name leaves its own."""
    app = open_page("trends")
    app.number_input(key="ranks").set_value(5).run()
    assert [1, 2, 3, 4, 5] == app.dataframe[0].value["rank"].tolist()
    app.text_input(key="words").input("oda").run()
    assert ["Oda"] == app.dataframe[0].value["artist_name"].tolist()


def test_a_spike_and_a_farm_are_told_apart(open_page: Open, content: Content) -> None:
    """The page explains the kinds, and each row says what happened."""
    app = open_page("anomalies")
    assert "**few** listeners" in _texts(app)
    frame = app.dataframe[0].value
    assert ["Release spike", "Stream farm", "Drop"] == frame["what"].tolist()
    assert "12 listeners, 150 each" in frame["story"].iloc[1]
    app.button_group(key="kinds").unselect("Drop").run()
    assert ["Release spike", "Stream farm"] == app.dataframe[0].value["what"].tolist()
    assert {"track", "artist"} == set(frame["subject"])
    assert ["up", "up", "down"] == frame["direction"].tolist()
    app.selectbox(key="subject").select("Tracks").run()
    assert [SPITEFUL] == app.dataframe[0].value["title"].tolist()
    app.selectbox(key="severity").select("High").run()
    assert 3 == content.requests[-1].min_severity


def test_a_listener_gets_recommendations_with_reasons(open_page: Open, content: Content) -> None:
    """The answer names path and model version, and each track its reasons."""
    app = open_page("listener")
    app.text_input(key="listener").input(" listener-1 ")
    app.number_input(key="count").set_value(5)
    app.button[0].click().run()
    assert ("listener-1", 5) == (content.requests[-1].listener_id, content.requests[-1].page_size)
    assert "listeners like you; near Blue Train" == app.dataframe[0].value["why"].iloc[0]
    assert "20261121T100000Z" in _texts(app)
    assert "Known listener" in _texts(app)


def test_a_degraded_answer_says_so(open_page: Open, content: Content) -> None:
    """A listener's page does not pass off an emergency answer as a good one."""
    content.answer.path = 3
    app = open_page("listener")
    app.text_input(key="listener").input("listener-1")
    app.button[0].click().run()
    assert "A part of the server was down" in app.warning[0].value


@pytest.mark.parametrize("name", PAGES)
def test_titles_are_never_rendered(name: str, open_page: Open) -> None:
    """A title full of HTML and Markdown stands in tables as it is, and in no text that Streamlit renders."""
    app = asked(open_page(name), name)
    assert not app.exception
    assert "<script>" not in _texts(app)
    assert any(SPITEFUL in table.value.astype(str).to_numpy() for table in app.dataframe)


def _evil_table() -> None:
    import pandas as pd

    from analytics.dashboard import parts

    frame = pd.DataFrame({"title": ["=1+1", "Uno", "a;@x"], "why": ["\uff1d1", None, "b"], "plays": [1, -2, 3]})
    parts.table(frame, ["title", "why", "plays"], key="evil")


def test_a_table_on_a_page_holds_no_formula() -> None:
    """Streamlit's toolbar saves it as it stands."""
    (shown,) = AppTest.from_function(_evil_table).run().dataframe
    assert ["'=1+1", "Uno", "a;'@x"] == list(shown.value["title"])
    assert ["'\uff1d1", "b"] == list(shown.value["why"].dropna())
    assert [1, -2, 3] == list(shown.value["plays"])


def test_explore_shows_each_approach_side_by_side(open_page: Open, content: Content) -> None:
    """What the words found, then five lists for the song that is chosen; a lacking approach is told in its place."""
    content.lacking = frozenset({recommend_pb2.APPROACH_LATENT})
    app = asked(open_page("explore"), "explore")
    assert not app.exception
    assert 0 == len(app.error)
    assert ["Hybrid", "Listening", "Text", "Audio", "Latent"] == [each.value for each in app.subheader]
    assert 1 + 4 == len(app.dataframe)
    assert "segue train" in _texts(app)
    search, *similar = content.requests[-6:]
    assert "calm piano" == search.query
    assert 5 == len({one.approach for one in similar})
    second = content.answer.tracks[1]
    app.selectbox(key="track").select_index(1).run()
    assert {second.track_id} == {one.track_id for one in content.requests[-5:]}
