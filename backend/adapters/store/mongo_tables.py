"""The live tables: upserts with the offsets beside them, and pages by range over the sort key."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.database import Database

from backend.adapters.store.mongo_connection import Document, put, reachable, write_bulk
from backend.adapters.store.mongo_pages import (
    ANOMALIES_ORDER,
    ARTIST_ENGAGEMENT_ORDER,
    POPULARITY_ORDER,
    TRENDS_ORDER,
    Order,
    conditions,
    next_page_token,
    spans,
)
from backend.domain.tables import Anomaly, AnomalyKind, ArtistEngagement, Severity, TrackPopularity, Trend
from backend.ports.event_log import TopicPartition
from backend.ports.store import Page, Table, TableQuery, TableRow

RowT = TypeVar("RowT")

_ORDERS: Mapping[Table, Order] = {
    Table.ARTIST_ENGAGEMENT: ARTIST_ENGAGEMENT_ORDER,
    Table.TRENDS: TRENDS_ORDER,
    Table.ANOMALIES: ANOMALIES_ORDER,
    Table.TRACK_POPULARITY: POPULARITY_ORDER,
}


class MongoTableStore:
    """`TableStore` with one collection per table, `sink_offsets` beside them, and `table_states` with each `as_of`.

    Rows carry `written_at` and, where they have a z-score, its absolute value to sort by.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._offsets = database["sink_offsets"]
        self._states = database["table_states"]
        self._last_write = datetime.fromtimestamp(0, tz=UTC)
        self._clock_lock = threading.Lock()

    def write(self, rows: Sequence[TableRow], offsets: Mapping[TopicPartition, int]) -> None:
        """See `TableStore.write`."""
        written_at = self._next_moment()
        operations: dict[str, dict[str, ReplaceOne[Document] | DeleteOne]] = {}
        for row in rows:
            # Within one bulk the last operation on a key must be the only one: bulks are unordered.
            operations.setdefault(row.table, {})[row.key] = _operation(row, written_at)
        for table, by_key in operations.items():
            write_bulk(self._database[table], list(by_key.values()))
        # After the rows: whoever sees this moment can read everything written until then.
        states = [UpdateOne({"_id": table}, _state(rows, table, written_at), upsert=True) for table in operations]
        write_bulk(self._states, states)
        put(
            self._offsets,
            [
                {"_id": f"{at.topic}/{at.partition}", "topic": at.topic, "partition": at.partition, "offset": offset}
                for at, offset in offsets.items()
            ],
        )

    def _next_moment(self) -> datetime:
        """Now, but later than the write before: the store keeps milliseconds, and watchers ask for "after"."""
        with self._clock_lock:
            now = datetime.now(UTC)
            now = now.replace(microsecond=now.microsecond // 1000 * 1000)
            self._last_write = max(now, self._last_write + timedelta(milliseconds=1))
            return self._last_write

    def offsets(self) -> dict[TopicPartition, int]:
        """See `TableStore.offsets`."""
        with reachable():
            return {TopicPartition(row["topic"], row["partition"]): row["offset"] for row in self._offsets.find()}

    def artist_engagement(self, query: TableQuery) -> Page[ArtistEngagement]:
        """See `TableStore.artist_engagement`."""
        return self._page(Table.ARTIST_ENGAGEMENT, query, lambda fields: ArtistEngagement(**fields))

    def trends(self, query: TableQuery) -> Page[Trend]:
        """See `TableStore.trends`."""
        return self._page(Table.TRENDS, query, lambda fields: Trend(**fields))

    def anomalies(self, query: TableQuery) -> Page[Anomaly]:
        """See `TableStore.anomalies`."""
        return self._page(Table.ANOMALIES, query, _anomaly)

    def popular_tracks(self, *, since: datetime, limit: int) -> list[TrackPopularity]:
        """See `TableStore.popular_tracks`."""
        with reachable():
            found = (
                self._database[Table.TRACK_POPULARITY]
                .find({"window_start": {"$gte": since}})
                .sort(list(POPULARITY_ORDER.keys.items()))
                .limit(limit)
            )
            return [TrackPopularity(**_columns(row)) for row in found]

    def create_table_indexes(self) -> None:
        """An index per sort order, and one on `written_at` for watchers."""
        for table, order in _ORDERS.items():
            self._database[table].create_index(list(order.keys.items()), name="page_order")
            self._database[table].create_index([("written_at", 1)], name="written_at")

    def _page(self, table: Table, query: TableQuery, row_of: Callable[[Document], RowT]) -> Page[RowT]:
        order = _ORDERS[table]
        asked = conditions(table, order, query)
        with reachable():
            # Before the rows: what is written meanwhile is then newer than `as_of`, and the next look finds it.
            state = self._states.find_one({"_id": table}) or {}
            written_at = state.get("written_at")
            if written_at is None or (query.written_after is not None and written_at <= query.written_after):
                return Page(rows=(), next_page_token="", as_of=written_at)
            found: list[Document] = []
            for condition in spans(asked, state.get("newest")):
                sorted_rows = self._database[table].find(condition).sort(list(order.keys.items()))
                found = list(sorted_rows.limit(query.page_size + 1))
                if len(found) > query.page_size:
                    break
        shown = found[: query.page_size]
        return Page(
            rows=tuple(row_of(_columns(row)) for row in shown),
            next_page_token=next_page_token(table, order, query, shown[-1]) if len(found) > len(shown) else "",
            as_of=written_at,
        )


def _operation(row: TableRow, written_at: datetime) -> ReplaceOne[Document] | DeleteOne:
    if row.columns is None:
        return DeleteOne({"_id": row.key})
    document: Document = {"_id": row.key, **row.columns, "written_at": written_at}
    z_score = row.columns.get("z_score")
    if isinstance(z_score, int | float):
        document["abs_z_score"] = abs(z_score)
    return ReplaceOne({"_id": row.key}, document, upsert=True)


def _state(rows: Sequence[TableRow], table: str, written_at: datetime) -> Document:
    """The update of a table's state: when it was written, and the latest hour it has."""
    hours = [
        hour
        for row in rows
        if row.table == table and isinstance(hour := (row.columns or {}).get("window_start"), datetime)
    ]
    return {"$set": {"written_at": written_at}, **({"$max": {"newest": max(hours)}} if hours else {})}


def _columns(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in {"_id", "written_at", "abs_z_score"}}


def _anomaly(fields: Document) -> Anomaly:
    return Anomaly(**fields | {"kind": AnomalyKind(fields["kind"]), "severity": Severity(fields["severity"])})
