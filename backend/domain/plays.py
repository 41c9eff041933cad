"""A play: one listener heard one track. And what it teaches of the listener's taste, the same to everybody.

- A *skip*: the listener left before 30 s and before half of the track. Streaming services count a stream from 30 s on
  (support.spotify.com, "How we count streams"), Last.fm a track from half of it or four minutes on
  (last.fm/api/scrobbling). The earlier of the two holds here, so that a track under a minute can be heard as well.
- *Silent*: under 30 s of a track of unknown length. It may be a whole interlude or the first bars of a symphony, and
  0 ms of it may be no listening at all, so nothing is learned from it.
- Every other play is *positive*.

All three are plays: live tables count them, and what was skipped was heard lately. Only positive plays are learned
from, at training and at answer time. The one formula stands here in two spellings: in Python, on numbers or columns,
and in SQL. tests/lessons.py is the table of cases that holds all who use them to it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from backend.domain.rights import Source

LISTENED_MILLISECONDS = 30_000
"""Who stayed as long as this listened, whatever the track's length."""

SKIP_SQL = (
    f"milliseconds_played < {LISTENED_MILLISECONDS} AND track_milliseconds - milliseconds_played > milliseconds_played"
)
"""`is_skip` in SQL, read alike by Flink and DuckDB. NULL, which counts as false, where the length is NULL."""


class Lesson(StrEnum):
    """What a play teaches of its listener's taste; see the module."""

    POSITIVE = "positive"
    SKIP = "skip"
    SILENT = "silent"


def is_skip(milliseconds_played: Any, track_milliseconds: Any) -> Any:
    """Whether a play is a skip: on two numbers, or row by row on two columns of numpy or Spark without nulls.

    What was heard is compared with what was left, so that no 32-bit column overflows. Of a track of unknown length (0)
    nothing is left, so none of its plays is a skip.
    """
    left = track_milliseconds - milliseconds_played
    return (milliseconds_played < LISTENED_MILLISECONDS) & (left > milliseconds_played)


def is_silent(milliseconds_played: Any, track_milliseconds: Any) -> Any:
    """Whether a play is silent: on numbers or columns, as `is_skip`."""
    return (milliseconds_played < LISTENED_MILLISECONDS) & (track_milliseconds <= 0)


def lesson(milliseconds_played: int, track_milliseconds: int) -> Lesson:
    """What a play of this length teaches; `track_milliseconds` is 0 where unknown."""
    if is_skip(milliseconds_played, track_milliseconds):
        return Lesson.SKIP
    return Lesson.SILENT if is_silent(milliseconds_played, track_milliseconds) else Lesson.POSITIVE


HISTORY_AGE = timedelta(days=1)
"""A play told longer than this after it was heard is history, whatever its sender says."""


class Timing(StrEnum):
    """When a play was told: live, while it was heard or soon after; history, by an import or a player much later.

    History is never too late: what a live table could not take at once `segue backfill` brings.
    """

    LIVE = "live"
    HISTORY = "history"


def timing(said: Timing, *, played_at: datetime, told_at: datetime) -> Timing:
    """The timing of a play: what its sender says, unless it is too old to be live."""
    return Timing.HISTORY if told_at - played_at > HISTORY_AGE else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One listener played one track.

    `played_at` is when playback started (aware, UTC). `artist_id` and `track_milliseconds` are copied from the
    catalogue at ingestion, so that the streaming jobs need no join; `track_milliseconds` is 0 where unknown.
    """

    event_id: str
    listener_id: str
    track_id: str
    artist_id: str
    played_at: datetime
    milliseconds_played: int
    track_milliseconds: int
    source: Source
    allow_training: bool
    recommendation_id: str = ""
    surface: str = ""
    device: str = ""
    timing: Timing = Timing.LIVE
