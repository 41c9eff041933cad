"""The live tables: upserts with the offsets beside them, and pages by range over the sort key."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.database import Database

from backend.adapters.store.mongo_connection import Document, put, reachable, write_bulk
from backend.adapters.store.mongo_pages import ORDERS, conditions, next_page_token, spans
from backend.domain.tables import (
    Anomaly,
    ArtistEngagement,
    ArtistPopularity,
    DeadLetter,
    DeadLetterCount,
    ListenerActivity,
    PopularitySpan,
    TopicHour,
    TrackPopularity,
    Trend,
    row_of,
)
from backend.ports.event_log import TopicPartition
from backend.ports.store import Page, Table, TableQuery, TableRow

RowT = TypeVar("RowT")

_LATER_COLUMNS: Mapping[Table, str] = {
    Table.ARTIST_ENGAGEMENT: "span",
    Table.TRACK_POPULARITY: "span",
    Table.ANOMALIES: "subject",
}
"""A column that a table had not at first."""

_NO_SPAN = "all"
"""Stands for the span of tables that have none."""

_OLD_INDEX = "page_order"
"""What the index of the sort order was called before orders changed."""


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
        tables: dict[str, dict[str, TableRow]] = {}
        for row in rows:
            # Within one bulk the last operation on a key must be the only one: bulks are unordered.
            tables.setdefault(row.table, {})[row.key] = row
        for table, by_key in tables.items():
            write_bulk(self._database[table], [_operation(row, written_at) for row in by_key.values()])
        # After the rows: whoever sees this moment can read everything written until then.
        states = [
            UpdateOne({"_id": table}, _state(table, by_key.values(), written_at), upsert=True)
            for table, by_key in tables.items()
        ]
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
        return self._page(Table.ARTIST_ENGAGEMENT, query, ArtistEngagement)

    def track_popularity(self, query: TableQuery) -> Page[TrackPopularity]:
        """See `TableStore.track_popularity`."""
        return self._page(Table.TRACK_POPULARITY, query, TrackPopularity)

    def artist_popularity(self, query: TableQuery) -> Page[ArtistPopularity]:
        """See `TableStore.artist_popularity`."""
        return self._page(Table.ARTIST_POPULARITY, query, ArtistPopularity)

    def trends(self, query: TableQuery) -> Page[Trend]:
        """See `TableStore.trends`."""
        return self._page(Table.TRENDS, query, Trend)

    def anomalies(self, query: TableQuery) -> Page[Anomaly]:
        """See `TableStore.anomalies`."""
        return self._page(Table.ANOMALIES, query, Anomaly)

    def listener_activity(self, query: TableQuery) -> Page[ListenerActivity]:
        """See `TableStore.listener_activity`."""
        return self._page(Table.LISTENER_ACTIVITY, query, ListenerActivity)

    def topic_hours(self, query: TableQuery) -> Page[TopicHour]:
        """See `TableStore.topic_hours`."""
        return self._page(Table.TOPIC_HOURS, query, TopicHour)

    def dead_letters(self, query: TableQuery) -> Page[DeadLetter]:
        """See `TableStore.dead_letters`."""
        return self._page(Table.DEAD_LETTERS, query, DeadLetter)

    def dead_letter_counts(self) -> list[DeadLetterCount]:
        """See `TableStore.dead_letter_counts`."""
        with reachable():
            found = self._database[Table.DEAD_LETTER_COUNTS].find().sort("reason", 1)
            return [row_of(DeadLetterCount, _columns(row)) for row in found]

    def popular_tracks(self, span: PopularitySpan, *, limit: int) -> list[TrackPopularity]:
        """See `TableStore.popular_tracks`."""
        asked = {"span": span.value}
        with reachable():
            newest = self._newest(Table.TRACK_POPULARITY, asked)
            # The newest window alone first: where it has enough, a server that sorts without an index sorts less.
            for condition in ({**asked, "window_end": newest}, asked):
                rows = self._database[Table.TRACK_POPULARITY].find(condition)
                found = list(rows.sort([("window_end", -1), ("rank", 1), ("track_id", 1)]).limit(limit))
                if len(found) == limit:
                    break
        return [row_of(TrackPopularity, _columns(row)) for row in found]

    def create_table_indexes(self) -> None:
        """An index per sort order, and one on `written_at` for watchers; rows of an older shape go.

        The streaming job computes those tables again from the log, under its new primary keys.
        """
        for old, column in _LATER_COLUMNS.items():
            self._database[old].delete_many({column: {"$exists": False}})
        for name, order in ORDERS.items():
            collection = self._database[name]
            leading = [("span", 1)] if order.span is not None else []
            if leading and _OLD_INDEX in collection.index_information():
                collection.drop_index(_OLD_INDEX)
            if order.newest_only:
                leading.append((order.moment, -1))
            index = "span_and_page_order" if leading else _OLD_INDEX
            collection.create_index([*leading, *order.keys.items()], name=index)
            collection.create_index([("written_at", 1)], name="written_at")

    def _newest(self, table: Table, asked: Document) -> datetime | None:
        """The newest moment among the rows asked for."""
        moment = ORDERS[table].moment
        grouped = self._database[table].aggregate(
            [{"$match": asked}, {"$group": {"_id": None, "newest": {"$max": f"${moment}"}}}]
        )
        return next((row["newest"] for row in grouped), None)

    def _page(self, table: Table, query: TableQuery, kind: type[RowT]) -> Page[RowT]:
        order = ORDERS[table]
        asked = conditions(table, query)
        with reachable():
            # Before the rows: what is written meanwhile is then newer than `as_of`, and the next look finds it.
            state = self._states.find_one({"_id": table}) or {}
            written_at = state.get("written_at")
            if written_at is None or (query.written_after is not None and written_at <= query.written_after):
                return Page(rows=(), next_page_token="", as_of=written_at)
            found: list[Document] = []
            for condition in self._looks(table, asked, state):
                sorted_rows = self._database[table].find(condition).sort(list(order.keys.items()))
                found = list(sorted_rows.limit(query.page_size + 1))
                if len(found) > query.page_size:
                    break
        shown = found[: query.page_size]
        return Page(
            rows=tuple(row_of(kind, _columns(row)) for row in shown),
            next_page_token=next_page_token(table, query, shown[-1]) if len(found) > len(shown) else "",
            as_of=written_at,
        )

    def _looks(self, table: Table, asked: Document, state: Document) -> Iterable[Document]:
        """What to ask for, one after another until a page is full."""
        order = ORDERS[table]
        if order.newest_only:
            return [{**asked, order.moment: self._newest(table, {"span": asked["span"]})}]
        span = asked["span"]["$eq"] if order.span is not None else _NO_SPAN
        return spans(order, asked, state.get("newest_of", {}).get(span))


def _operation(row: TableRow, written_at: datetime) -> ReplaceOne[Document] | DeleteOne:
    if row.columns is None:
        return DeleteOne({"_id": row.key})
    document: Document = {"_id": row.key, **row.columns, "written_at": written_at}
    z_score = row.columns.get("z_score")
    if isinstance(z_score, int | float):
        document["abs_z_score"] = abs(z_score)
    return ReplaceOne({"_id": row.key}, document, upsert=True)


def _state(table: str, rows: Iterable[TableRow], written_at: datetime) -> Document:
    """The update of a table's state: when it was written, and the latest moment that these rows of it have by span."""
    newest: dict[str, datetime] = {}
    order = ORDERS.get(table)
    for row in rows:
        columns = row.columns or {}
        if order and isinstance(moment := columns.get(order.moment), datetime):
            name = f"newest_of.{columns.get('span', _NO_SPAN)}"
            newest[name] = max(moment, newest.get(name, moment))
    return {"$set": {"written_at": written_at}, **({"$max": newest} if newest else {})}


def _columns(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in {"_id", "written_at", "abs_z_score"}}
