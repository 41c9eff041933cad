"""The dashboard's entry point: `python -m streamlit run analytics/dashboard/app.py`, or `segue dashboard`."""

from pathlib import Path

import streamlit as st

PAGES = Path(__file__).parent / "app_pages"

st.set_page_config(page_title="Segue", page_icon=":material/graphic_eq:", layout="wide")
st.navigation(
    [
        st.Page(PAGES / "live.py", title="Live", icon=":material/sensors:", default=True),
        st.Page(PAGES / "artists.py", title="Artists", icon=":material/groups:"),
        st.Page(PAGES / "popular.py", title="Popular", icon=":material/leaderboard:"),
        st.Page(PAGES / "trends.py", title="Trends", icon=":material/trending_up:"),
        st.Page(PAGES / "anomalies.py", title="Anomalies", icon=":material/notification_important:"),
        st.Page(PAGES / "topics.py", title="Topics", icon=":material/category:"),
        st.Page(PAGES / "listeners.py", title="Listeners", icon=":material/monitoring:"),
        st.Page(PAGES / "listener.py", title="Listener", icon=":material/headphones:"),
        st.Page(PAGES / "explore.py", title="Explore", icon=":material/travel_explore:"),
        st.Page(PAGES / "health.py", title="Health", icon=":material/health_and_safety:"),
    ],
    position="top",
).run()
