"""Topics: clusters of tracks that sound alike, how much each is played over time, and how it sounds."""

from datetime import timedelta

import streamlit as st

from analytics import live_charts
from analytics.dashboard import parts, source
from analytics.filters import TopicFilter
from analytics.queries import Rows
from analytics.tables import TOPIC_HOURS

COLUMNS = ["topic", "plays", "tempo", "loudness"]


def page() -> None:
    """Filter, charts and table."""
    st.title("Topics", anchor=False)
    st.caption("A topic is a cluster of tracks that sound alike; training makes the clusters from audio features.")
    period = st.segmented_control("Period", list(parts.PERIODS), default="24 hours", required=True, key="period")
    with parts.failures_told(), st.spinner("Asking the server …"):
        newest = source.newest_hour()
        since = newest - parts.PERIODS[period] + timedelta(hours=1) if newest else None
        rows = source.rows(TopicFilter(since=since))
        parts.as_of(rows)
        if rows.frame.empty:
            st.info("No topics in these hours. They come with the first `segue train`, for tracks with audio features.")
            return
        _rows(rows)


def _rows(rows: Rows) -> None:
    st.altair_chart(live_charts.topics(rows.frame), width="stretch")
    means = live_charts.topic_means(rows.frame)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**How each sounds**")
        st.altair_chart(live_charts.topic_features(means), width="stretch")
    with right:
        st.markdown("**How much each is played**")
        parts.table(means, COLUMNS, key="topics")
        parts.download(rows.frame, TOPIC_HOURS, key="topics-csv")


page()
