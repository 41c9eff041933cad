"""Artists: how each was heard, hour by hour, with filters and a download."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from analytics import charts
from analytics.dashboard import parts, source
from analytics.queries import EngagementFilter, Rows
from analytics.tables import ARTIST_ENGAGEMENT

MEASURES = {"Plays": "plays", "Listeners": "unique_listeners", "Time heard": "hours_heard", "Skips": "skips"}
COLUMNS = [
    "artist_name",
    "window_start",
    "plays",
    "unique_listeners",
    "hours_heard",
    "completion_rate",
    "skips",
    "artist_id",
]


def page() -> None:
    """Filters, chart and table."""
    st.title("Artists", anchor=False)
    period, measure, least, words = _filters()
    with parts.failures_told(), st.spinner("Asking the server …"):
        newest = source.newest_hour()
        if newest is None:
            st.info("No plays yet. Send some with `segue ingest`, or let `segue demo` play a whole story.")
            return
        wanted = EngagementFilter(since=newest - parts.PERIODS[period] + timedelta(hours=1), min_plays=least)
        _rows(source.engagement(wanted), measure, words)


def _filters() -> tuple[str, str, int, str]:
    first, second, third, fourth = st.columns([2, 2, 1, 2], vertical_alignment="bottom")
    period = first.segmented_control("Period", list(parts.PERIODS), default="24 hours", required=True, key="period")
    measure = second.segmented_control("Measure", list(MEASURES), default="Plays", required=True, key="measure")
    least = third.number_input("Plays at least", min_value=0, value=0, key="least")
    words = fourth.text_input("Artist's name contains", max_chars=100, key="words")
    return period, measure, least, words


def _rows(rows: Rows, measure: str, words: str) -> None:
    parts.warn_when_stale(rows, datetime.now(UTC))
    frame = parts.contains(rows.frame, ["artist_name"], words)
    parts.as_of(rows)
    if frame.empty:
        st.info("No artist fits these filters.")
        return
    stacked = st.toggle("Stack, with all other artists in grey", key="stacked", disabled=measure == "Listeners")
    # One listener may hear several artists in an hour: listeners must never be added up.
    stacked = stacked and measure != "Listeners"
    st.altair_chart(charts.engagement(frame, measure=MEASURES[measure], stacked=stacked), width="stretch")
    parts.table(frame.assign(hours_heard=frame["milliseconds_played"] / 3_600_000), COLUMNS, key="artists")
    parts.download(frame, ARTIST_ENGAGEMENT, key="artists-csv")


page()
