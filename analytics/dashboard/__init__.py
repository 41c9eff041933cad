"""The Streamlit dashboard: `app.py` is the entry point, `app_pages/` holds a file per page."""
