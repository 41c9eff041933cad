"""Live: the three tables as they are now, asked for anew every five seconds."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from analytics import words
from analytics.charts import KIND_LABELS
from analytics.dashboard import parts, source
from analytics.filters import AnomalyFilter, EngagementFilter, TrendFilter
from analytics.queries import Rows

SHOWN = 50
"""Rows shown of each table; the other pages have them all."""


@st.fragment(run_every="5s")
def live() -> None:
    """The tiles and the three tables."""
    with parts.failures_told():
        newest = source.newest_hour()
        if newest is None:
            parts.no_plays()
            return
        engagement = source.rows(EngagementFilter(since=newest))
        trends = source.rows(TrendFilter(since=newest - timedelta(hours=24)))
        anomalies = source.rows(AnomalyFilter(since=newest - timedelta(hours=23)))
        parts.warn_when_stale(engagement, datetime.now(UTC))
        # Ranks are per hour; the table shows the newest hour's.
        rising = trends.frame[trends.frame["window_start"] == trends.frame["window_start"].max()]
        _tiles(newest, engagement, len(rising), len(anomalies.frame))
        left, right = st.columns(2, gap="medium")
        with left:
            _engagement(engagement)
        with right:
            _trends(Rows(frame=rising, as_of=trends.as_of))
        _anomalies(anomalies)


def _tiles(newest: datetime, engagement: Rows, rising: int, anomalies: int) -> None:
    hour = f"In the hour from {newest:%Y-%m-%d %H:%M} UTC, which may still be open."
    plays, artists, tracks, alerts = st.columns(4)
    plays.metric("Plays this hour", f"{engagement.frame['plays'].sum():,}", help=hour, border=True)
    artists.metric("Artists heard this hour", f"{len(engagement.frame):,}", help=hour, border=True)
    tracks.metric("Rising tracks", f"{rising:,}", help="Ranked in the newest hour of the trends.", border=True)
    alerts.metric("Anomalies in 24 hours", f"{anomalies:,}", help="The 24 hours that end with this one.", border=True)


def _engagement(rows: Rows) -> None:
    st.subheader("Engagement, newest hour", anchor=False)
    parts.as_of(rows)
    columns = ["artist_name", "plays", "unique_listeners", "completion_rate", "skips"]
    parts.table(rows.frame.head(SHOWN), columns, key="live-engagement")


def _trends(rows: Rows) -> None:
    st.subheader("Trends", anchor=False)
    parts.as_of(rows)
    if rows.frame.empty:
        st.info("No track rises now. A track needs several listeners in 24 h, and a past to rise above.")
        return
    columns = ["rank", "title", "artist_name", "plays_24h", "ratio"]
    parts.table(rows.frame.head(SHOWN), columns, key="live-trends")


def _anomalies(rows: Rows) -> None:
    st.subheader("Anomalies", anchor=False)
    parts.as_of(rows)
    if rows.frame.empty:
        st.success("Nothing odd in these 24 hours.", icon=":material/check:")
        return
    frame = rows.frame.assign(story=words.stories(rows.frame), what=rows.frame["kind"].map(KIND_LABELS).fillna("Other"))
    columns = ["window_start", "artist_name", "what", "severity", "story", "z_score"]
    parts.table(frame.head(SHOWN), columns, key="live-anomalies")


st.title("Live", anchor=False)
st.caption("Refreshed every 5 seconds. All times are UTC.")
live()
