"""What the pages share: tables, downloads, ages, and failures told in a sentence.

Text that came from the server is shown only in tables, charts, `st.text` and `st.code`, which render it as it is: a
title full of HTML or Markdown stays a title.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd
import streamlit as st

from analytics.columns import Table
from analytics.download import defused, to_csv
from analytics.queries import Rows
from client.channel import InsecureChannel
from client.errors import QueryFailed
from client.settings import NotConfigured

STALE: Final = timedelta(minutes=2)
"""A table of plays that nobody wrote for so long is called stale."""

PERIODS: Final = {
    "6 hours": timedelta(hours=6),
    "24 hours": timedelta(hours=24),
    "3 days": timedelta(days=3),
    "7 days": timedelta(days=7),
}
"""Lengths of time to choose from; they end with the newest hour that has a play."""

_HOUR = st.column_config.DatetimeColumn("Hour (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC")
_DAY = st.column_config.DatetimeColumn("Day (UTC)", format="YYYY-MM-DD", timezone="UTC")
COLUMNS: Final[dict[str, Any]] = {
    "artist_name": st.column_config.TextColumn("Artist", width=160),
    "artist_id": st.column_config.TextColumn("Artist id"),
    "window_start": _HOUR,
    "plays": st.column_config.NumberColumn("Plays", format="localized"),
    "unique_listeners": st.column_config.NumberColumn("Listeners", format="localized"),
    "hours_heard": st.column_config.NumberColumn("Hours heard", format="%.1f"),
    "completion_rate": st.column_config.ProgressColumn(
        "Completion", help="Time heard over the tracks' length.", format="percent", min_value=0, max_value=1, width=130
    ),
    "skips": st.column_config.NumberColumn(
        "Skips", help="Plays left before 30 s and half of the track.", format="localized"
    ),
    "likes": st.column_config.NumberColumn("Likes", format="localized"),
    "returning_share": st.column_config.ProgressColumn(
        "Returning",
        help="Share of the listeners who had played the artist before.",
        format="percent",
        min_value=0,
        max_value=1,
        width=130,
    ),
    "day": _DAY,
    "listener_id": st.column_config.TextColumn("Listener id"),
    "sessions": st.column_config.NumberColumn(
        "Sessions", help="Runs of plays without a long pause.", format="localized"
    ),
    "last_active": st.column_config.DatetimeColumn("Last active (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "listeners": st.column_config.NumberColumn("Listeners", format="localized"),
    "rank": st.column_config.NumberColumn("Rank", width=50),
    "title": st.column_config.TextColumn("Track", width=190),
    "plays_24h": st.column_config.NumberColumn("Plays in 24 h", format="localized"),
    "listeners_24h": st.column_config.NumberColumn("Listeners in 24 h", format="localized"),
    "baseline_24h": st.column_config.NumberColumn("Usual plays per 24 h", format="%.1f"),
    "ratio": st.column_config.NumberColumn(
        "Ratio", help="Plays in 24 h over the usual plays per 24 h.", width=70, format="%.1f"
    ),
    "z_score": st.column_config.NumberColumn("z", help="Standard deviations from the baseline.", format="%.1f"),
    "what": st.column_config.TextColumn("What", width=110),
    "severity": st.column_config.TextColumn("Severity", width=80),
    "story": st.column_config.TextColumn("What happened", width=520),
    "plays_per_listener": st.column_config.NumberColumn("Plays per listener", format="%.1f"),
    "baseline_plays": st.column_config.NumberColumn("Usual plays per hour", format="%.1f"),
    "subject": st.column_config.TextColumn("Of", help="Whose hour it was: an artist's or a track's.", width=60),
    "direction": st.column_config.TextColumn("Direction", width=70),
    "seasonal_plays": st.column_config.NumberColumn(
        "Usual at this hour", help="Mean plays of the same hour of the week over the four weeks before.", format="%.1f"
    ),
    "seasonal_z": st.column_config.NumberColumn(
        "Seasonal z", help="Standard deviations from the same hour of the week.", width=90, format="%.1f"
    ),
    "topic": st.column_config.TextColumn("Topic", width=180),
    "name": st.column_config.TextColumn("Topic", width=260),
    "tracks": st.column_config.NumberColumn("Tracks", format="localized"),
    "topic_id": st.column_config.TextColumn("Topic id"),
    "tempo": st.column_config.NumberColumn("Tempo (bpm)", format="%.0f"),
    "loudness": st.column_config.NumberColumn("Loudness (dBFS)", format="%.1f"),
    "reason": st.column_config.TextColumn("Reason", width=110),
    "noted_at": st.column_config.DatetimeColumn("Noted (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"),
    "detail": st.column_config.TextColumn("What was wrong", width=320),
    "records": st.column_config.NumberColumn("Records", format="localized"),
    "record_key": st.column_config.TextColumn("Key", help="The listener's id."),
    "source_topic": st.column_config.TextColumn("Topic", width=110),
    "source_partition": st.column_config.NumberColumn("Partition", width=70),
    "source_offset": st.column_config.NumberColumn("Offset", format="%d"),
    "content": st.column_config.TextColumn("The record", width=320),
    "place": st.column_config.NumberColumn("#", width=40),
    "artists": st.column_config.TextColumn("Artists", width="medium"),
    "score": st.column_config.NumberColumn("Score", format="%.3f"),
    "why": st.column_config.TextColumn("Why", width="large"),
}


def table(frame: pd.DataFrame, columns: list[str], *, key: str) -> None:
    """Show these columns of the frame, each under its label.

    Streamlit's own toolbar saves what is shown as CSV, so texts that a spreadsheet would run are defused here too.
    """
    shown = frame[columns].map(lambda cell: defused(cell) if isinstance(cell, str) else cell)
    config = {name: COLUMNS[name] for name in columns}
    st.dataframe(shown, column_config=config, hide_index=True, key=key, placeholder="-")


def download(frame: pd.DataFrame, described: Table, *, key: str) -> None:
    """A button that saves the frame's rows as CSV."""
    st.download_button(
        "Download CSV",
        to_csv(frame, described),
        file_name=f"segue-{described.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=key,
        on_click="ignore",
        disabled=frame.empty,
    )


@contextmanager
def failures_told() -> Iterator[None]:
    """Show what went wrong and what to do in place of the rest of the block."""
    try:
        yield
    except QueryFailed as failure:
        st.error(str(failure), icon=":material/cloud_off:")
        if failure.details:
            st.caption("The answer was:")
            st.code(failure.details, language=None, wrap_lines=True)
    except (NotConfigured, InsecureChannel) as failure:
        st.error("The dashboard does not know how to reach its server.", icon=":material/settings:")
        st.code(str(failure), language=None, wrap_lines=True)


def warn_when_stale(rows: Rows, now: datetime) -> None:
    """Say so where the table of plays stands still: nobody plays, or streaming does not run."""
    if rows.as_of is not None and now - rows.as_of > STALE:
        st.warning(
            f"The newest play was counted {age(now - rows.as_of)} ago. Either nobody plays, or streaming stands still: "
            "`segue status` tells which.",
            icon=":material/hourglass_bottom:",
        )


def no_plays() -> None:
    """What an empty dashboard says."""
    st.info("No plays yet. Send some with `segue ingest`, or let `segue demo` play a whole story.")


def as_of(rows: Rows) -> None:
    """Tell when the table was last written, and whether rows were left out."""
    moment = (
        "nothing written yet" if rows.as_of is None else f"as of {rows.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
    cut = "" if rows.complete else f" · the first {len(rows.frame):,} rows only, choose less time for all"
    st.caption(f"{moment}{cut}")


def age(passed: timedelta) -> str:
    """A length of time in its largest whole unit, for example "7 minutes"."""
    seconds = int(passed.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "0 seconds"


def contains(frame: pd.DataFrame, columns: list[str], words: str) -> pd.DataFrame:
    """The rows where one of the columns holds the words, whatever their case; all rows where there are no words."""
    if not words.strip():
        return frame
    matches = [frame[column].str.contains(words.strip(), case=False, regex=False) for column in columns]
    return frame[pd.concat(matches, axis=1).any(axis=1)]
