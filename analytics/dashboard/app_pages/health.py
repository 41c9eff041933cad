"""Health: records that could not be taken over, why, and what to do."""

import base64
import binascii

import streamlit as st

from analytics import words
from analytics.dashboard import parts, source
from analytics.filters import LetterFilter
from analytics.queries import Rows
from analytics.tables import DEAD_LETTERS

NEWEST = 200
"""Letters shown; an extract has them all."""

COLUMNS = [
    *("noted_at", "what", "detail", "records", "record_key"),
    *("source_topic", "source_partition", "source_offset", "content"),
]
REASONS = {label: reason for reason, label in words.REASONS.items()}


def page() -> None:
    """A tile per reason, and the newest letters."""
    st.title("Health", anchor=False)
    st.caption("Dead letters: records that could not be taken over. None is lost, each stays in the log.")
    with parts.failures_told(), st.spinner("Asking the server …"):
        counts = source.letter_counts()
        parts.as_of(counts)
        _reasons(counts)
        if counts.frame.empty:
            st.success("No letters: every record was counted.", icon=":material/check:")
            return
        chosen = st.segmented_control("Letters", ["All", *REASONS], default="All", required=True, key="reason")
        rows = source.rows(LetterFilter(reason=REASONS.get(chosen, "")), limit=NEWEST)
        _letters(rows)


def _reasons(counts: Rows) -> None:
    records = counts.frame.groupby("reason")["records"].sum()
    for column, (reason, label) in zip(st.columns(len(words.REASONS)), words.REASONS.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.metric(label, f"{records.get(reason, 0):,}")
            st.markdown(words.ADVICE[reason])


def _letters(rows: Rows) -> None:
    if rows.frame.empty:
        st.info("No letter of this reason.")
        return
    frame = rows.frame.assign(
        what=rows.frame["reason"].map(words.REASONS).fillna("Other"),
        content=rows.frame["record"].map(_readable, na_action="ignore"),
    )
    st.caption(f"The newest {len(frame):,} letters." if not rows.complete else f"{len(frame):,} letters.")
    parts.table(frame, COLUMNS, key="letters")
    parts.download(rows.frame, DEAD_LETTERS, key="letters-csv")


def _readable(record: str) -> str:
    """The record's bytes as text, as far as they are text."""
    try:
        return base64.b64decode(record, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return record


page()
