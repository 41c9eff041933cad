"""The live tables: upserts with the offsets beside them, and pages by range over the sort key."""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.database import Database

from backend.adapters.store.mongo_connection import Document, put, reachable, write_bulk
from backend.adapters.store.mongo_pages import conditions, next_page_token, sort_keys, spans, stored_as
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY, LIVE_TABLES, TRACK_POPULARITY, By, LiveTable
from backend.domain.naming import named_in_row
from backend.domain.tables import PopularitySpan, TrackPopularity, row_of
from backend.ports.event_log import TopicPartition
from backend.ports.store import Page, TableQuery, TableRow

RowT = TypeVar("RowT")

WRITERS = 2
"""Tables that are written at a time. The embedded store takes one bulk of a collection after another, whoever sends it:
two of one collection gain nothing, two of different ones use a second core."""

_NO_SPAN = "all"
"""Stands for the span of tables that have none."""

_OLD_INDEX = "page_order"
"""What the index of the sort order was called before orders changed."""


class MongoTableStore:
    """`TableStore` with one collection per table, `sink_offsets` beside them, and `table_states` with each `as_of`.

    Rows carry `written_at` and the sizes that their table's order sorts by.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._offsets = database["sink_offsets"]
        self._states = database["table_states"]
        self._last_write = datetime.fromtimestamp(0, tz=UTC)
        self._clock_lock = threading.Lock()
        self._writers = ThreadPoolExecutor(max_workers=WRITERS, thread_name_prefix="tables")

    def write(
        self,
        rows: Sequence[TableRow],
        offsets: Mapping[TopicPartition, int],
        letters: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        """See `TableStore.write`."""
        written_at = self._next_moment()
        tables: dict[str, dict[str, TableRow]] = {}
        for row in rows:
            # Within one bulk the last operation on a key must be the only one: bulks are unordered.
            tables.setdefault(row.table, {})[row.key] = row
        self._write_tables(tables, written_at)
        # After the rows: whoever sees this moment can read everything written until then.
        states = [
            UpdateOne({"_id": table}, _state(LIVE_TABLES[table], by_key.values(), written_at), upsert=True)
            for table, by_key in tables.items()
        ]
        write_bulk(self._states, states)
        places = [
            {
                "_id": f"{at.topic}/{at.partition}",
                "topic": at.topic,
                "partition": at.partition,
                "offset": offset,
                "letters": (letters or {}).get(at, 0),
            }
            for at, offset in offsets.items()
        ]
        put(self._offsets, places)

    def _write_tables(self, tables: Mapping[str, Mapping[str, TableRow]], written_at: datetime) -> None:
        """Several tables at once, the largest first, each in the order of its keys; returns when none is under way."""

        def write(table: str) -> None:
            by_key = tables[table]
            write_bulk(self._database[table], [_operation(by_key[key], written_at) for key in sorted(by_key)])

        written = [self._writers.submit(write, table) for table in sorted(tables, key=lambda one: -len(tables[one]))]
        wait(written)
        for one in written:
            one.result()

    def stop_writers(self) -> None:
        """End the threads that write; nothing is under way where no `write` is."""
        self._writers.shutdown()

    def drop_rows_of(self, listener_ids: Collection[str]) -> int:
        """See `TableStore.drop_rows_of`. It reads every letter."""
        ids = list(listener_ids)
        activity, letters = self._database[LISTENER_ACTIVITY.name], self._database[DEAD_LETTERS.name]
        with reachable():
            dropped = activity.delete_many({"listener_id": {"$in": ids}}).deleted_count
            kept = letters.find({}, {"record_key": 1, "detail": 1, "record": 1})
            named = [DeleteOne({"_id": row["_id"]}) for row in kept if named_in_row(row, ids)]
        write_bulk(letters, named)
        return dropped + len(named)

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

    def letters(self) -> dict[TopicPartition, int]:
        """See `TableStore.letters`."""
        with reachable():
            rows = self._offsets.find({"letters": {"$gt": 0}})
            return {TopicPartition(row["topic"], row["partition"]): row["letters"] for row in rows}

    def page(self, table: LiveTable[RowT], query: TableQuery) -> Page[RowT]:
        """See `TableStore.page`."""
        asked = conditions(table, query)
        with reachable():
            # Before the rows: what is written meanwhile is then newer than `as_of`, and the next look finds it.
            state = self._states.find_one({"_id": table.name}) or {}
            written_at = state.get("written_at")
            if written_at is None or (query.written_after is not None and written_at <= query.written_after):
                return Page(rows=(), next_page_token="", as_of=written_at)
            found: list[Document] = []
            for condition in self._looks(table, asked, state):
                sorted_rows = self._database[table.name].find(condition).sort(sort_keys(table))
                found = list(sorted_rows.limit(query.page_size + 1))
                if len(found) > query.page_size:
                    break
        shown = found[: query.page_size]
        return Page(
            rows=tuple(row_of(table.row, _columns(table, row)) for row in shown),
            next_page_token=next_page_token(table, query, shown[-1]) if len(found) > len(shown) else "",
            as_of=written_at,
        )

    def _looks(self, table: LiveTable[Any], asked: Document, state: Document) -> Iterable[Document]:
        """What to ask for, one after another until a page is full."""
        if table.is_ranking:
            return [{**asked, table.moment: self._newest(table, {"span": asked["span"]})}]
        span = asked["span"]["$eq"] if table.span is not None else _NO_SPAN
        return spans(table, asked, state.get("newest_of", {}).get(span))

    def popular_tracks(self, span: PopularitySpan, *, limit: int) -> list[TrackPopularity]:
        """See `TableStore.popular_tracks`."""
        asked = {"span": span.value}
        order = [(TRACK_POPULARITY.moment, -1), *sort_keys(TRACK_POPULARITY)]
        with reachable():
            newest = self._newest(TRACK_POPULARITY, asked)
            # The newest window alone first: where it has enough, a server that sorts without an index sorts less.
            for condition in ({**asked, TRACK_POPULARITY.moment: newest}, asked):
                rows = self._database[TRACK_POPULARITY.name].find(condition)
                found = list(rows.sort(order).limit(limit))
                if len(found) == limit:
                    break
        return [row_of(TrackPopularity, _columns(TRACK_POPULARITY, row)) for row in found]

    def _newest(self, table: LiveTable[Any], asked: Document) -> datetime | None:
        """The newest moment among the rows asked for."""
        grouped = self._database[table.name].aggregate(
            [{"$match": asked}, {"$group": {"_id": None, "newest": {"$max": f"${table.moment}"}}}]
        )
        return next((row["newest"] for row in grouped), None)

    def drop_rows_before(self, table: LiveTable[RowT], moment: datetime) -> int:
        """See `TableStore.drop_rows_before`."""
        with reachable():
            return self._database[table.name].delete_many({table.moment: {"$lt": moment}}).deleted_count

    def create_table_indexes(self) -> None:
        """An index per sort order, and one on `written_at` for watchers; rows of an older shape go."""
        for table in LIVE_TABLES.values():
            self._forget_older_shapes(table)
            if table.order:
                self._index(table)

    def _forget_older_shapes(self, table: LiveTable[Any]) -> None:
        """Once for each change of a table's columns: complete rows from before a column, delete those that lack others.

        The streaming job computes the table again from the log, under its new primary key.
        """
        columns = sorted(table.columns)
        state = self._states.find_one({"_id": table.name}) or {}
        if state.get("columns") != columns:
            for column, held in table.added.items():
                self._database[table.name].update_many({column: {"$exists": False}}, {"$set": {column: held}})
            lacking = [{column: {"$exists": False}} for column in columns]
            self._database[table.name].delete_many({"$or": lacking})
            self._states.update_one({"_id": table.name}, {"$set": {"columns": columns}}, upsert=True)

    def _index(self, table: LiveTable[Any]) -> None:
        collection = self._database[table.name]
        leading = [("span", 1)] if table.span is not None else []
        if leading and _OLD_INDEX in collection.index_information():
            collection.drop_index(_OLD_INDEX)
        if table.is_ranking:
            leading.append((table.moment, -1))
        name = "span_and_page_order" if leading else _OLD_INDEX
        order = [*leading, *sort_keys(table)]
        if collection.index_information().get(name, {}).get("key", order) != order:
            collection.drop_index(name)
        collection.create_index(order, name=name)
        collection.create_index([("written_at", 1)], name="written_at")


def _operation(row: TableRow, written_at: datetime) -> ReplaceOne[Document] | DeleteOne:
    if row.columns is None:
        return DeleteOne({"_id": row.key})
    document: Document = {"_id": row.key, **row.columns, "written_at": written_at}
    for by in _sizes(LIVE_TABLES[row.table]):
        if isinstance(cell := row.columns.get(by.column), int | float):
            document[stored_as(by)] = abs(cell)
    return ReplaceOne({"_id": row.key}, document, upsert=True)


def _sizes(table: LiveTable[Any]) -> list[By]:
    return [by for by in table.order if by.by_size]


def _state(table: LiveTable[Any], rows: Iterable[TableRow], written_at: datetime) -> Document:
    """The update of a table's state: when it was written, and the latest moment that these rows of it have by span."""
    newest: dict[str, datetime] = {}
    for row in rows:
        columns = row.columns or {}
        if isinstance(moment := columns.get(table.moment), datetime):
            name = f"newest_of.{columns.get('span', _NO_SPAN)}"
            newest[name] = max(moment, newest.get(name, moment))
    return {"$set": {"written_at": written_at}, **({"$max": newest} if newest else {})}


def _columns(table: LiveTable[Any], document: Document) -> Document:
    beside = {"_id", "written_at", *(stored_as(by) for by in _sizes(table))}
    return {**table.added, **{name: value for name, value in document.items() if name not in beside}}
