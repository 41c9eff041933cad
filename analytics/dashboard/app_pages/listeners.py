"""Listeners: what each did on each day: sessions, plays, skips, and when last."""

from datetime import datetime, timedelta

import streamlit as st

from analytics import live_charts
from analytics.dashboard import parts, source
from analytics.filters import ActivityFilter
from analytics.queries import Rows
from analytics.tables import LISTENER_ACTIVITY

PERIODS = {"1 day": 1, "7 days": 7, "30 days": 30}
COLUMNS = ["listener_id", "day", "sessions", "plays", "skips", "hours_heard", "last_active"]


def page() -> None:
    """Filters, tiles, chart and table."""
    st.title("Listeners", anchor=False)
    st.caption(
        "Each listener's days, by pseudonym; by the app's own id where the token has the scope identities. "
        "A session is a run of plays without a long pause."
    )
    first, second = st.columns([1, 2], vertical_alignment="bottom")
    period = first.segmented_control("Period", list(PERIODS), default="7 days", required=True, key="period")
    listener = second.text_input("Listener, whole, as below", max_chars=128, key="listener-id").strip()
    with parts.failures_told(), st.spinner("Asking the server …"):
        newest = source.newest_hour()
        if newest is None:
            parts.no_plays()
            return
        first_day = _day_of(newest) - timedelta(days=PERIODS[period] - 1)
        rows = source.rows(ActivityFilter(since=first_day, listener_id=listener))
        parts.as_of(rows)
        if rows.frame.empty:
            st.info("Nobody of this id was active in these days." if listener else "Nobody was active in these days.")
            return
        _rows(rows)


def _rows(rows: Rows) -> None:
    frame = rows.frame
    active, sessions, plays, skipped = st.columns(4)
    active.metric("Active listeners", f"{frame['listener_id'].nunique():,}", border=True)
    sessions.metric("Sessions", f"{frame['sessions'].sum():,}", border=True)
    plays.metric("Plays per session", f"{frame['plays'].sum() / max(frame['sessions'].sum(), 1):.1f}", border=True)
    share = frame["skips"].sum() / max(frame["plays"].sum(), 1)
    skipped.metric("Plays skipped", f"{share:.0%}", help="Plays left before 30 s and half of the track.", border=True)
    st.altair_chart(live_charts.active_listeners(frame), width="stretch")
    shown = frame.assign(day=frame["window_start"], hours_heard=frame["milliseconds_played"] / 3_600_000)
    parts.table(shown, COLUMNS, key="listeners")
    parts.download(frame, LISTENER_ACTIVITY, key="listeners-csv")


def _day_of(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


page()
