"""Popular: what most listeners heard in the last hour, day and week, by track and by artist."""

import streamlit as st

from analytics import live_charts
from analytics.dashboard import parts, source
from analytics.filters import PopularityFilter
from analytics.queries import Rows
from analytics.tables import ARTIST_POPULARITY, TRACK_POPULARITY

SPANS = {"1 hour": "hour", "24 hours": "day", "7 days": "week"}
SUBJECTS = {"Tracks": "track", "Artists": "artist"}
COLUMNS = {
    "track": ["rank", "title", "artist_name", "listeners", "plays"],
    "artist": ["rank", "artist_name", "listeners", "plays"],
}
TABLES = {"track": TRACK_POPULARITY, "artist": ARTIST_POPULARITY}
NAMES = {"track": ["title", "artist_name"], "artist": ["artist_name"]}


def page() -> None:
    """Filters, chart and table."""
    st.title("Popular", anchor=False)
    st.caption("Ranked by listeners, then by plays. Only plays that models may learn from count here.")
    first, second, third, fourth = st.columns([1, 1, 1, 2], vertical_alignment="bottom")
    span = first.segmented_control("In the last", list(SPANS), default="24 hours", required=True, key="span")
    subject = SUBJECTS[
        second.segmented_control("Ranked are", list(SUBJECTS), default="Tracks", required=True, key="subject")
    ]
    ranks = third.number_input("Ranks", min_value=5, max_value=100, value=20, step=5, key="ranks")
    words = fourth.text_input("Name contains", max_chars=100, key="words")
    with parts.failures_told(), st.spinner("Asking the server …"):
        rows = source.rows(PopularityFilter(subject=subject, span=SPANS[span]))
        parts.as_of(rows)
        if rows.frame.empty:
            st.info("Nothing is ranked yet: a ranking comes when its first hour is over.")
            return
        _rows(rows, subject, ranks, words)


def _rows(rows: Rows, subject: str, ranks: int, words: str) -> None:
    st.caption(f"The span ends at {rows.frame['window_end'].max():%Y-%m-%d %H:%M} UTC.")
    frame = parts.contains(rows.frame[rows.frame["rank"] <= ranks], NAMES[subject], words)
    if frame.empty:
        st.info("Nothing ranked here has such a name.")
        return
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.altair_chart(live_charts.ranking(frame, subject=subject, top=ranks), width="stretch")
    with right:
        parts.table(frame, COLUMNS[subject], key="popular")
        parts.download(rows.frame, TABLES[subject], key="popular-csv")


page()
