"""Anomalies: hours of artists and tracks far from their past, release spikes and stream farms told apart."""

from datetime import timedelta

import streamlit as st

from analytics import charts, words
from analytics.charts import KIND_LABELS
from analytics.dashboard import parts, source
from analytics.filters import AnomalyFilter
from analytics.queries import Rows
from analytics.tables import ANOMALIES

PERIODS = {**parts.PERIODS, "30 days": timedelta(days=30)}
KINDS = {label: kind for kind, label in KIND_LABELS.items() if kind in words.EXPLANATIONS}
SUBJECTS = {"Artists and tracks": "", "Artists": "artist", "Tracks": "track"}
SEVERITIES = {"Low": "low", "Medium": "medium", "High": "high"}
COLUMNS = [
    "window_start",
    "subject",
    "artist_name",
    "title",
    "what",
    "direction",
    "severity",
    "z_score",
    "seasonal_z",
    "story",
    "plays_per_listener",
    "seasonal_plays",
]


def page() -> None:
    """What the kinds mean, filters, charts and table."""
    st.title("Anomalies", anchor=False)
    _explain()
    period, subject, severity, kinds = _filters()
    with parts.failures_told(), st.spinner("Asking the server …"):
        newest = source.newest_hour()
        since = newest - PERIODS[period] + timedelta(hours=1) if newest else None
        wanted = AnomalyFilter(since=since, subject=SUBJECTS[subject], min_severity=SEVERITIES[severity])
        rows = source.rows(wanted)
        parts.as_of(rows)
        # Kinds that a newer server invents have no button; they are always shown.
        _rows(rows, hidden=[kind for label, kind in KINDS.items() if label not in kinds])


def _explain() -> None:
    for column, (label, kind) in zip(st.columns(len(KINDS)), KINDS.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{label}**")
            st.markdown(words.EXPLANATIONS[kind])


def _filters() -> tuple[str, str, str, list[str]]:
    first, second, third, fourth = st.columns([4, 2, 2, 3], vertical_alignment="bottom")
    period = first.segmented_control("Period", list(PERIODS), default="7 days", required=True, key="period")
    subject = second.selectbox("Of", list(SUBJECTS), key="subject")
    severity = third.selectbox("Severity at least", list(SEVERITIES), key="severity")
    kinds = fourth.pills("Kinds", list(KINDS), default=list(KINDS), selection_mode="multi", key="kinds")
    return period, subject, severity, kinds


def _rows(rows: Rows, *, hidden: list[str]) -> None:
    frame = rows.frame[~rows.frame["kind"].isin(hidden)]
    if frame.empty:
        st.success("Nothing odd in this period, for these filters.", icon=":material/check:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**When**")
        st.altair_chart(charts.anomaly_timeline(frame), width="stretch")
    with right:
        st.markdown("**How broad the audience was**")
        st.altair_chart(charts.anomaly_breadth(frame), width="stretch")
    shown = frame.assign(story=words.stories(frame), what=frame["kind"].map(KIND_LABELS).fillna("Other"))
    parts.table(shown, COLUMNS, key="anomalies")
    parts.download(frame, ANOMALIES, key="anomalies-csv")


page()
