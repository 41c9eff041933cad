"""The live tables as analysts see them: pages with names, and changes as they come."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from backend.domain.live_tables import LiveTable
from backend.domain.tracks import Artist, Track
from backend.ports.store import TableQuery, TableStore
from backend.services.catalogue import Catalogue

DEFAULT_PAGE = 100
CHANGES_PAGE = 1_000
SIGN_OF_LIFE_SECONDS = 15.0
LONG_AGO = datetime.fromtimestamp(0, tz=UTC)


RowT = TypeVar("RowT")
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
    """Pages of the live tables. `page_size` 0 means DEFAULT_PAGE. Raises Unavailable, InvalidInput (page token)."""

    def __init__(self, store: TableStore, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    def page(self, table: LiveTable[RowT], query: TableQuery) -> NamedPage[RowT]:
        """Rows in the table's order, with the artists and tracks that its columns name."""
        page = self._store.page(table, replace(query, page_size=query.page_size or DEFAULT_PAGE))
        return NamedPage(
            rows=page.rows,
            next_page_token=page.next_page_token,
            as_of=page.as_of,
            artists=self._catalogue.artists(_named(page.rows, "artist_id")),
            tracks=self._catalogue.tracks(_named(page.rows, "track_id")),
        )


def _named(rows: Iterable[object], column: str) -> list[str]:
    """The ids in a column; [] where the table has no such column."""
    return [one for row in rows if (one := getattr(row, column, None))]


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
