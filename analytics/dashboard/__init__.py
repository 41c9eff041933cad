"""The Streamlit dashboard: `app.py` is the entry point, `app_pages/` holds a file per page."""

from pathlib import Path
from typing import Final

APP: Final = Path(__file__).parent / "app.py"
"""What `streamlit run` is given. Settings beside it (.streamlit/config.toml) keep it on loopback and headless."""
