"""The sink beside raw bulk upserts: the same rows into the same store, each time into collections that are new."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pymongo import MongoClient, ReplaceOne

from backend.domain.errors import SegueError
from backend.ports.event_log import EventLog, TopicPartition
from backend.ports.store import Store
from bench.rows import Pair, Row, row
from bench.topics import Topics
from streaming.schema import result_tables
from streaming.sink import Sink

SINK = "sink"
BULK = 1_000
"""Operations of one raw bulk_write."""

TENANT = "bench-sink"
"""Whose topics the sink reads."""

LONGEST_SECONDS = 600.0
_POLL_SECONDS = 0.02
_UNIT = "rows per second from result topics into the store; reference: the same rows by unordered bulks of 1,000"

Document = dict[str, Any]
Documents = Mapping[str, Sequence[Document]]
"""What the sink stores, by collection."""


class SinkBench:
    """Carries the result records of one run of the job, again and again, into databases of their own.

    `log` is that of TENANT, `stores` opens the store of a tenant, `store_url` is where the raw bulks go; `prefix`
    starts the names of the run's result topics. At most `limit` records are taken, the last of each key, shared out
    over the tables as the job wrote them. Raises SegueError where the run wrote none.
    """

    def __init__(
        self,
        topics: Topics,
        prefix: str,
        *,
        log: EventLog,
        stores: Callable[[str], Store],
        store_url: str,
        limit: int,
    ) -> None:
        self._stores, self._store_url = stores, store_url
        self._runs = 0
        self._log = log
        self._log.create_topics()
        written = topics.sizes(prefix, result_tables())
        total = sum(written.values())
        if not total:
            raise SegueError("the measured job wrote no result rows; use more --plays")
        self.rows = 0
        self._ends: dict[TopicPartition, int] = {}
        for table, count in written.items():
            taken = topics.read(f"{prefix}.{table}", limit=max(1, limit * count // total))
            latest = {key: value for key, value in taken if value is not None}
            topics.fill(f"{TENANT}.{table}", latest.items())
            self.rows += len(latest)
            self._ends |= {TopicPartition(table, at): end for at, end in topics.ends(f"{TENANT}.{table}").items()}

    def measure(self, *, repeats: int, advance: Callable[[], None] = lambda: None) -> Row:
        """The sink and the raw bulks in turns, after one turn of each that is not counted. Raises SegueError."""
        documents: Documents = {}
        pairs = []
        for nth in range(1 + repeats):
            with self._database() as database:
                ours = self._sink(database)
                documents = documents or self._stored(database)
            advance()
            with self._database() as database:
                pair = Pair(ours=ours, reference=self._raw(database, documents))
            advance()
            if nth:
                pairs.append(pair)
        return row(SINK, pairs, unit=_UNIT)

    def close(self) -> None:
        """Give the connection to the broker back."""
        self._log.close(timeout_seconds=5)

    @contextmanager
    def _database(self) -> Iterator[str]:
        """The tenant of a database that is new, with the indexes of the live tables, and gone afterwards."""
        self._runs += 1
        tenant = f"bench-rows-{self._runs}"
        with closing(self._stores(tenant)) as store:
            store.migrate()
        try:
            yield tenant
        finally:
            with self._client() as client:
                client.drop_database(tenant)

    def _sink(self, tenant: str) -> float:
        """Rows per second of the sink, from its first step until the store holds the offsets of the topics' ends."""
        with closing(self._stores(tenant)) as store, closing(Sink(self._log, store)) as sink:
            began = time.monotonic()
            while True:
                if not sink.step(_POLL_SECONDS) and self._is_stored(store.offsets()):
                    return self.rows / (time.monotonic() - began)
                if time.monotonic() - began > LONGEST_SECONDS:
                    raise SegueError(f"the sink did not end within {LONGEST_SECONDS:.0f} s; use fewer --sink-rows")

    def _is_stored(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Whether these offsets are the topics' ends; a place without records never gets one."""
        return all(offsets.get(place, 0) == end for place, end in self._ends.items())

    def _stored(self, tenant: str) -> Documents:
        with self._client() as client:
            found = {table: list(client[tenant][table].find()) for table in result_tables()}
        if (count := sum(map(len, found.values()))) != self.rows:
            raise SegueError(f"the sink stored {count} rows of {self.rows}; its log says which it passed over")
        return found

    def _raw(self, tenant: str, documents: Documents) -> float:
        """Rows per second of raw bulks."""
        operations = {
            table: [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in rows]
            for table, rows in documents.items()
        }
        with self._client() as client:
            began = time.monotonic()
            for table, todo in operations.items():
                for start in range(0, len(todo), BULK):
                    client[tenant][table].bulk_write(todo[start : start + BULK], ordered=False)
            return self.rows / (time.monotonic() - began)

    def _client(self) -> "MongoClient[Document]":
        """A client with the store's own write concern."""
        return MongoClient(self._store_url, tz_aware=True, w="majority", journal=True, retryWrites=False)


def steps(repeats: int) -> int:
    """How often `SinkBench.measure` calls `advance`."""
    return 2 * (1 + repeats)
