"""The live tables as analysts see them: pages with names, and changes as they come."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from backend.domain.tables import (
    Anomaly,
    ArtistEngagement,
    ArtistPopularity,
    DeadLetter,
    DeadLetterCount,
    ListenerActivity,
    TopicHour,
    TrackPopularity,
    Trend,
)
from backend.domain.tracks import Artist, Track
from backend.ports.store import Page, TableQuery, TableStore
from backend.services.catalogue import Catalogue

DEFAULT_PAGE = 100
CHANGES_PAGE = 1_000
SIGN_OF_LIFE_SECONDS = 15.0
LONG_AGO = datetime.fromtimestamp(0, tz=UTC)


class OfArtist(Protocol):
    """The row names an artist."""

    @property
    def artist_id(self) -> str:
        """The artist the row is about."""
        ...


RowT = TypeVar("RowT")
NamedT = TypeVar("NamedT", bound=OfArtist)
List = Callable[[TableQuery], "NamedPage[RowT]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPage(Generic[RowT]):
    """A page of rows, with what the catalogue knows of their artists and tracks."""

    rows: tuple[RowT, ...]
    next_page_token: str
    as_of: datetime | None
    artists: dict[str, Artist]
    tracks: dict[str, Track]


class Report:
    """Pages of each live table. `page_size` 0 means DEFAULT_PAGE. Raises Unavailable, InvalidInput (page token)."""

    def __init__(self, store: TableStore, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    def artist_engagement(self, query: TableQuery) -> NamedPage[ArtistEngagement]:
        """Newest hour (or day) first, most plays first within one."""
        return self._named(self._store.artist_engagement(_sized(query)))

    def track_popularity(self, query: TableQuery) -> NamedPage[TrackPopularity]:
        """The newest window of the query's span, by rank; with titles."""
        page = self._store.track_popularity(_sized(query))
        return self._named(page, track_ids=(row.track_id for row in page.rows))

    def artist_popularity(self, query: TableQuery) -> NamedPage[ArtistPopularity]:
        """The newest window of the query's span, by rank."""
        return self._named(self._store.artist_popularity(_sized(query)))

    def trends(self, query: TableQuery) -> NamedPage[Trend]:
        """Newest hour first, then by rank; with titles."""
        page = self._store.trends(_sized(query))
        return self._named(page, track_ids=(row.track_id for row in page.rows))

    def anomalies(self, query: TableQuery) -> NamedPage[Anomaly]:
        """Newest hour first, most severe first; with the titles of those that are about a track."""
        page = self._store.anomalies(_sized(query))
        return self._named(page, track_ids=(row.track_id for row in page.rows if row.track_id))

    def listener_activity(self, query: TableQuery) -> NamedPage[ListenerActivity]:
        """Newest day first, most plays first within a day."""
        return _unnamed(self._store.listener_activity(_sized(query)))

    def topic_hours(self, query: TableQuery) -> NamedPage[TopicHour]:
        """Newest hour first, then by cluster."""
        return _unnamed(self._store.topic_hours(_sized(query)))

    def dead_letters(self, query: TableQuery) -> NamedPage[DeadLetter]:
        """Newest first."""
        return _unnamed(self._store.dead_letters(_sized(query)))

    def dead_letter_counts(self) -> list[DeadLetterCount]:
        """How many records were not counted, by reason."""
        return self._store.dead_letter_counts()

    def _named(self, page: Page[NamedT], *, track_ids: Iterable[str] = ()) -> NamedPage[NamedT]:
        artists = self._catalogue.artists(row.artist_id for row in page.rows)
        return replace(_unnamed(page), artists=artists, tracks=self._catalogue.tracks(track_ids))


def watch(
    pages: "List[RowT]",
    query: TableQuery,
    *,
    wait: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[NamedPage[RowT]]:
    """The first page, then every row written since, and an empty page as a sign of life when nothing is new for long.

    `wait` pauses between two looks and says whether to go on.
    """
    page = pages(query)
    yield page
    told_at = clock()
    seen = page.as_of or LONG_AGO
    while wait():
        page = pages(replace(query, written_after=seen, page_size=CHANGES_PAGE, page_token=""))
        as_of = page.as_of or seen
        if page.rows or clock() - told_at >= SIGN_OF_LIFE_SECONDS:
            yield page
            told_at = clock()
        while page.next_page_token:
            changes = replace(query, written_after=seen, page_size=CHANGES_PAGE, page_token=page.next_page_token)
            page = pages(changes)
            yield page
        seen = as_of


def _unnamed(page: Page[RowT]) -> NamedPage[RowT]:
    return NamedPage(rows=page.rows, next_page_token=page.next_page_token, as_of=page.as_of, artists={}, tracks={})


def _sized(query: TableQuery) -> TableQuery:
    return replace(query, page_size=query.page_size or DEFAULT_PAGE)
