"""Topics: clusters of tracks that sound alike, two levels deep down to their tracks, and how each is played."""

from datetime import timedelta

import pandas as pd
import streamlit as st

from analytics import live_charts
from analytics.dashboard import parts, source
from analytics.filters import TopicFilter
from analytics.queries import Rows
from analytics.tables import TOPIC_HOURS, TOPIC_TRACKS

PLAYED = ["topic", "plays", "tempo", "loudness"]
LISTED = ["name", "tracks", "tempo", "loudness"]
TRACKS = ["place", "title", "artists", "why"]
COUNT = 50
"""Tracks of a topic that are shown."""
WHOLE = ""
"""Stands for all of a topic among those within it."""


def page() -> None:
    """Browse, then charts and table of the hours."""
    st.title("Topics", anchor=False)
    st.caption(
        "A topic is a cluster of tracks that sound alike, with topics within it; training makes them of audio features."
    )
    with parts.failures_told(), st.spinner("Asking the server …"):
        topics = source.topics()
        if not topics.empty:
            _browse(topics)
        _hours(topics)


def _browse(topics: pd.DataFrame) -> None:
    """One topic of the upper level, one within it or all of it, and the tracks."""
    names = dict(zip(topics["topic_id"], topics["name"], strict=True))
    upper = topics[topics["parent_topic_id"] == ""]
    left, right = st.columns(2, gap="medium")
    with left:
        parts.table(upper, LISTED, key="upper")
        chosen = st.selectbox("Topic", list(upper["topic_id"]), format_func=names.__getitem__, key="topic")
    within = topics[topics["parent_topic_id"] == chosen]
    with right:
        if within.empty:
            st.caption("There is no topic within this one.")
        else:
            parts.table(within, LISTED, key="within")
        inside = st.selectbox(
            "Within it",
            [WHOLE, *within["topic_id"]],
            format_func=lambda topic_id: names.get(topic_id, "All of it"),
            key=f"within-{chosen}",
        )
    tracks = source.topic_tracks(inside or chosen, COUNT)
    parts.table(tracks, TRACKS, key="topic-tracks")
    parts.download(tracks, TOPIC_TRACKS, key="topic-tracks-csv")


def _hours(topics: pd.DataFrame) -> None:
    """How topics were played in the chosen hours."""
    period = st.segmented_control("Period", list(parts.PERIODS), default="24 hours", required=True, key="period")
    newest = source.newest_hour()
    since = newest - parts.PERIODS[period] + timedelta(hours=1) if newest else None
    rows = source.rows(TopicFilter(since=since))
    parts.as_of(rows)
    if not rows.frame.empty:
        _rows(rows, _names_by_cluster(topics))
    elif topics.empty:
        st.info("No topics yet. They come with the first `segue train`, for tracks with audio features.")
    else:
        st.caption("No play of a topic's track in these hours.")


def _names_by_cluster(topics: pd.DataFrame) -> dict[int, str]:
    upper = topics[topics["cluster"].notna()]
    return dict(zip(upper["cluster"].astype(int), upper["name"], strict=True))


def _rows(rows: Rows, names: dict[int, str]) -> None:
    st.altair_chart(live_charts.topics(rows.frame, names), width="stretch")
    means = live_charts.topic_means(rows.frame, names)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**How each sounds**")
        st.altair_chart(live_charts.topic_features(means), width="stretch")
    with right:
        st.markdown("**How much each is played**")
        parts.table(means, PLAYED, key="topics")
        parts.download(rows.frame, TOPIC_HOURS, key="topics-csv")


page()
