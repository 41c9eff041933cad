"""Artists: how each was heard, hour by hour or day by day, with filters and a download."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import streamlit as st

from analytics import charts
from analytics.axes import Step
from analytics.dashboard import parts, source
from analytics.filters import EngagementFilter
from analytics.queries import Rows
from analytics.tables import ARTIST_ENGAGEMENT, ARTIST_ENGAGEMENT_DAYS

MEASURES = {
    "Plays": "plays",
    "Listeners": "unique_listeners",
    "Time heard": "hours_heard",
    "Skips": "skips",
    "Likes": "likes",
}
DAYS = {"7 days": timedelta(days=7), "30 days": timedelta(days=30), "90 days": timedelta(days=90)}
COLUMNS = [
    "artist_name",
    "window_start",
    "plays",
    "unique_listeners",
    "returning_share",
    "hours_heard",
    "completion_rate",
    "skips",
    "likes",
    "artist_id",
]


def page() -> None:
    """Filters, chart and table."""
    st.title("Artists", anchor=False)
    daily = st.segmented_control("Rows are", ["Hours", "Days"], default="Hours", required=True, key="span") == "Days"
    period, measure, least, words = _filters(DAYS if daily else parts.PERIODS, "7 days" if daily else "24 hours")
    with parts.failures_told(), st.spinner("Asking the server …"):
        newest = source.newest_hour()
        if newest is None:
            parts.no_plays()
            return
        since = newest - period + (timedelta(0) if daily else timedelta(hours=1))
        wanted = EngagementFilter(since=since, span="day" if daily else "hour", min_plays=least)
        _rows(source.rows(wanted), measure, words, daily=daily)


def _filters(periods: Mapping[str, timedelta], usual: str) -> tuple[timedelta, str, int, str]:
    first, second, third, fourth = st.columns([2, 3, 1, 2], vertical_alignment="bottom")
    # A key for each choice of periods: the choice of one must not be looked up among the other's.
    key = f"period-{usual}"
    period = first.segmented_control("Period", list(periods), default=usual, required=True, key=key)
    measure = second.segmented_control("Measure", list(MEASURES), default="Plays", required=True, key="measure")
    least = third.number_input("Plays at least", min_value=0, value=0, key="least")
    words = fourth.text_input("Artist's name contains", max_chars=100, key="words")
    return periods[period], measure, least, words


def _rows(rows: Rows, measure: str, words: str, *, daily: bool) -> None:
    parts.warn_when_stale(rows, datetime.now(UTC))
    frame = parts.contains(rows.frame, ["artist_name"], words)
    parts.as_of(rows)
    if frame.empty:
        st.info("No artist fits these filters.")
        return
    stacked = st.toggle("Stack, with all other artists in grey", key="stacked", disabled=measure == "Listeners")
    # One listener may hear several artists in an hour: listeners must never be added up.
    stacked = stacked and measure != "Listeners"
    step: Step = "D" if daily else "h"
    st.altair_chart(charts.engagement(frame, measure=MEASURES[measure], stacked=stacked, step=step), width="stretch")
    when = "day" if daily else "window_start"
    shown = frame.assign(hours_heard=frame["milliseconds_played"] / 3_600_000, day=frame["window_start"])
    parts.table(shown, [when if name == "window_start" else name for name in COLUMNS], key="artists")
    parts.download(frame, ARTIST_ENGAGEMENT_DAYS if daily else ARTIST_ENGAGEMENT, key="artists-csv")


page()
