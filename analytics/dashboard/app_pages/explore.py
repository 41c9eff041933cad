"""Explore: find a song by words, then what is like it, by each approach side by side."""

import pandas as pd
import streamlit as st

from analytics.dashboard import parts, source
from client.errors import AccessRefused, QueryFailed, ServerDown

APPROACHES = {
    "hybrid": "All together, weighed by what listeners play together.",
    "listening": "What the same listeners play.",
    "text": "Title, artists, album and tags.",
    "audio": "Standardised audio features.",
    "latent": "The autoencoder's space.",
}
FOUND = ["place", "title", "artists", "why"]
ALIKE = ["title", "artists", "why"]


def page() -> None:
    """The question, the songs that it finds, and those like the chosen one."""
    st.title("Explore", anchor=False)
    st.caption("A title, an artist, or how it shall sound: words like calm, sad or fast ask for audio features.")
    with st.form("question", border=False):
        first, second, third = st.columns([4, 1, 1], vertical_alignment="bottom")
        words = first.text_input(
            "Search", max_chars=512, placeholder="for example: calm piano for studying", key="words"
        )
        count = second.number_input("Tracks", min_value=1, max_value=50, value=10, key="count")
        third.form_submit_button("Search", type="primary", width="stretch")
    if not words.strip():
        st.info("Type some words.")
        return
    with parts.failures_told():
        with st.spinner("Asking the server …"):
            found = source.search_tracks(words.strip(), count).tracks
        if found.empty:
            st.info("Nothing was found: the catalogue is empty, or no model is published yet.")
            return
        parts.table(found, FOUND, key="found")
        _alike(found, count)


def _alike(found: pd.DataFrame, count: int) -> None:
    """Songs like the one that is chosen of those found."""
    names = {row.track_id: f"{row.title}, {row.artists}" for row in found.itertuples()}
    track_id = st.selectbox("Songs like", list(names), format_func=names.__getitem__, key="track")
    for row in (list(APPROACHES)[:3], list(APPROACHES)[3:]):
        for column, approach in zip(st.columns(3, gap="medium"), row, strict=False):
            with column:
                st.subheader(approach.capitalize(), anchor=False)
                st.caption(APPROACHES[approach])
                _by(approach, str(track_id), count)


def _by(approach: str, track_id: str, count: int) -> None:
    """One approach's answer; that the published version lacks it is no failure of the page."""
    try:
        alike = source.similar_tracks(track_id, approach, count).tracks
    except (ServerDown, AccessRefused):
        raise
    except QueryFailed as lacking:
        st.text(lacking.details or str(lacking))
        return
    if alike.empty:
        st.text("Nothing: it does not know this song.")
    else:
        parts.table(alike, ALIKE, key=f"alike-{approach}")


page()
