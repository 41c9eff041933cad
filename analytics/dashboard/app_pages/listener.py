"""Listener: what one listener would be recommended now, and why."""

import streamlit as st

from analytics import charts
from analytics.dashboard import parts, source
from analytics.queries import Answer
from analytics.tables import RECOMMENDATIONS

PATHS = {
    "hybrid": "Known listener: taste, words and trends together.",
    "cold_start": "Unknown listener, or no model yet: trends, and what was just played.",
    "degraded": "A part of the server was down; the answer was made without it.",
}
COLUMNS = ["place", "title", "artists", "score", "why"]


def page() -> None:
    """The question and its answer."""
    st.title("Listener", anchor=False)
    st.caption("What would this listener be recommended now, and why? Asking records nothing as played.")
    with st.form("question", border=False):
        first, second, third = st.columns([4, 1, 1], vertical_alignment="bottom")
        listener_id = first.text_input(
            "Listener id", max_chars=128, placeholder="the app's own, for example listener-42", key="listener"
        )
        count = second.number_input("Tracks", min_value=1, max_value=200, value=20, key="count")
        third.form_submit_button("Recommend", type="primary", width="stretch")
    if not listener_id.strip():
        st.info("Type a listener's id. One that nobody knows is answered too, as a new listener would be.")
        return
    with parts.failures_told():
        with st.spinner("Asking the server …"):
            answer = source.recommendations(listener_id.strip(), count)
        _answer(answer)


def _answer(answer: Answer) -> None:
    if answer.path == "degraded":
        st.warning(PATHS["degraded"])
    else:
        st.caption(PATHS.get(answer.path, "The server did not say how it found these."))
    st.text(f"Model version: {answer.model_version or 'none published'}")
    if answer.tracks.empty:
        st.info("Nothing to recommend yet: the catalogue is empty, or nobody has played anything.")
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        parts.table(answer.tracks, COLUMNS, key="recommendations")
        parts.download(answer.tracks, RECOMMENDATIONS, key="recommendations-csv")
    with right:
        if answer.reasons.empty:
            st.info("The answer came without reasons.")
        else:
            st.altair_chart(charts.reason_shares(answer.reasons), width="stretch")


page()
