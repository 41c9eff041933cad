"""Trends: the tracks that rise above their own past, ranked, for any hour of the last day."""

from datetime import timedelta

import streamlit as st

from analytics import charts
from analytics.dashboard import parts, source
from analytics.filters import TrendFilter
from analytics.queries import Rows
from analytics.tables import TRENDS

COLUMNS = [
    "rank",
    "title",
    "artist_name",
    "plays_24h",
    "ratio",
    "baseline_24h",
    "listeners_24h",
    "z_score",
    "window_start",
]


def page() -> None:
    """Filters, chart and table."""
    st.title("Trends", anchor=False)
    st.caption("Tracks played more in the last 24 hours than in their own seven days before.")
    with parts.failures_told(), st.spinner("Asking the server …"):
        newest = source.newest_hour()
        rows = source.rows(TrendFilter(since=newest - timedelta(hours=24) if newest else None))
        parts.as_of(rows)
        if rows.frame.empty:
            st.info("No track rises now. A track needs several listeners in 24 h, and a past to rise above.")
            return
        _rows(rows)


def _rows(rows: Rows) -> None:
    first, second, third = st.columns([2, 1, 2], vertical_alignment="bottom")
    hours = sorted(rows.frame["window_start"].unique(), reverse=True)
    hour = first.selectbox("24 hours that end at (UTC)", hours, format_func="{:%Y-%m-%d %H:%M}".format, key="hour")
    ranks = second.number_input("Ranks", min_value=5, max_value=50, value=20, step=5, key="ranks")
    words = third.text_input("Track or artist contains", max_chars=100, key="words")
    frame = rows.frame[(rows.frame["window_start"] == hour) & (rows.frame["rank"] <= ranks)]
    frame = parts.contains(frame, ["title", "artist_name"], words)
    if frame.empty:
        st.info("No track fits these filters.")
        return
    st.altair_chart(charts.trends(frame, top=ranks), width="stretch")
    parts.table(frame, COLUMNS, key="trends")
    parts.download(frame, TRENDS, key="trends-csv")


page()
