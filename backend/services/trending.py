"""What rises and what is popular among all listeners, as candidates."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from sys import intern

from backend.domain.errors import Unavailable
from backend.domain.live_tables import ARTIST_ENGAGEMENT, TRENDS
from backend.domain.recommendations import Candidate
from backend.domain.tables import PopularitySpan, TrackPopularity, Trend
from backend.ports.store import TableQuery, TableStore
from backend.ranking.lists import Because, CandidateList
from backend.ranking.sources import LIVE

_log = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
OLDEST_SECONDS = 60.0
"""A list older than this is not given out: the caller waits for the new one."""

LOOK_SECONDS = 0.5
"""Between two looks at whether somebody wants newer lists."""

RISING = 100
POPULAR = 500
LATELY = timedelta(hours=48)
"""How far the newest trends may lie behind the newest hour of any artist."""


@dataclass(frozen=True, slots=True)
class TrendList:
    """Candidates, best first; `stale` where the store could not be read and an older list stands in."""

    candidates: tuple[Candidate, ...]
    stale: bool = False
    listed: CandidateList = field(init=False, compare=False)
    """The same as a source's list."""

    def __post_init__(self) -> None:
        told = [Because(one.because) for one in self.candidates]
        listed = CandidateList(
            [intern(one.track_id) for one in self.candidates],
            [one.score for one in self.candidates],
            lambda places: [told[place] for place in places],
        )
        object.__setattr__(self, "listed", listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lists:
    """What was read at one time."""

    both: TrendList
    rising: TrendList
    popular: TrendList

    def aged(self) -> "_Lists":
        """The same, marked as old."""
        lists = {one.name: TrendList(getattr(self, one.name).candidates, True) for one in fields(self)}
        return _Lists(**lists)


class Trending:
    """The newest hour's trends, then the popular tracks: those of the last 24 hours by rank.

    Where these are fewer than POPULAR (few listeners, a night without plays), the last week's follow, then those that
    ranked in earlier 24 hours. Kept for KEPT_SECONDS; then the next caller still gets the old list while `refresh`, in
    a loop of its own, reads the new one, so that nobody waits for the store but the very first. "Newest" is by event
    time: a history of years ago has its trends too.
    """

    def __init__(self, store: TableStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._kept: _Lists | None = None
        self._kept_at = 0.0
        self._reading = threading.Lock()
        self._asked = threading.Event()

    def rising_and_popular(self) -> TrendList:
        """Rising tracks by rank, then popular ones. Raises Unavailable where nothing was ever read."""
        return self._lists().both

    def rising(self) -> TrendList:
        """Rising tracks by rank. Raises Unavailable where nothing was ever read."""
        return self._lists().rising

    def popular(self) -> TrendList:
        """Tracks with the most listeners lately. Raises Unavailable where nothing was ever read."""
        return self._lists().popular

    def held(self) -> TrendList | None:
        """Rising and popular tracks as they were read last, marked where that was long ago; None: never.

        It waits for nobody.
        """
        kept = self._kept
        if kept is None:
            return None
        age = self._clock() - self._kept_at
        if age > KEPT_SECONDS:
            self._asked.set()
        # The same object as long as it is the same list: answers that were given are told apart by it.
        return kept.aged().both if age > OLDEST_SECONDS else kept.both

    def _lists(self) -> _Lists:
        kept = self._kept
        age = self._clock() - self._kept_at
        if kept is None or age > OLDEST_SECONDS:
            with self._reading:
                return self._refreshed()
        if age > KEPT_SECONDS:
            self._asked.set()
        return kept

    def refresh(self) -> None:
        """Read the lists again where somebody was given old ones since; a loop calls it every LOOK_SECONDS."""
        if self._asked.is_set():
            self._asked.clear()
            with self._reading:
                self._refreshed()

    def _refreshed(self) -> _Lists:
        """The lists, read again unless somebody just did; the old ones, marked, where the store is down."""
        if self._kept is not None and self._clock() - self._kept_at <= KEPT_SECONDS:
            return self._kept
        try:
            read = self._read()
            # The same object while they say the same: answers made of them still hold.
            self._kept = self._kept if read == self._kept else read
        except Unavailable as error:
            if self._kept is None:
                raise
            _log.warning("trends are old: %s", error)
            self._kept = self._kept.aged()
        self._kept_at = self._clock()
        return self._kept

    def _read(self) -> _Lists:
        newest = self._store.page(ARTIST_ENGAGEMENT, TableQuery(page_size=1)).rows
        hour = newest[0].window_start if newest else datetime.fromtimestamp(0, tz=UTC) + LATELY
        trends = self._store.page(TRENDS, TableQuery(start=hour - LATELY, page_size=RISING)).rows
        popular = self._popular()
        latest = tuple(trend for trend in trends if trend.window_start == trends[0].window_start)
        return _Lists(
            both=TrendList(_rising_first(latest, popular)),
            rising=TrendList(_rising_first(latest, ())),
            popular=TrendList(_rising_first((), popular)),
        )

    def _popular(self) -> list[TrackPopularity]:
        """At most POPULAR tracks, each once."""
        by_day = self._store.popular_tracks(PopularitySpan.DAY, limit=POPULAR)
        today = _newest_window(by_day)
        if len(today) == POPULAR:
            return today
        this_week = _newest_window(self._store.popular_tracks(PopularitySpan.WEEK, limit=POPULAR))
        once: dict[str, TrackPopularity] = {}
        for row in (*today, *this_week, *by_day):
            once.setdefault(row.track_id, row)
        return list(once.values())[:POPULAR]


def _newest_window(rows: Sequence[TrackPopularity]) -> list[TrackPopularity]:
    """The first rows: those that end when the first does."""
    return [row for row in rows if row.window_end == rows[0].window_end]


_SPAN_WORDS = {
    PopularitySpan.HOUR: "in 1 hour",
    PopularitySpan.DAY: "in 24 hours",
    PopularitySpan.WEEK: "in 7 days, each day counted anew",
}


def _rising_first(trends: Sequence[Trend], popular: Sequence[TrackPopularity]) -> tuple[Candidate, ...]:
    texts = {
        trend.track_id: f"rising: {trend.plays_24h} plays in 24 hours, {trend.ratio:.1f} times its usual"
        for trend in trends
    }
    for row in popular:
        texts.setdefault(row.track_id, f"popular: {row.listeners} listeners {_SPAN_WORDS[row.span]}")
    return tuple(
        Candidate(track_id=track_id, source=LIVE.name, rank=rank, score=1.0 / rank, because=text)
        for rank, (track_id, text) in enumerate(texts.items(), 1)
    )
