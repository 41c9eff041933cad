"""Whether anything was lost or counted twice: the ledger, the log from its start, and the tables beside each other."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import duckdb
from pymongo import MongoClient
from pymongo.database import Database

from backend import wiring
from backend.ports.event_log import StoredRecord, Topic
from backend.settings import Settings
from tests.comparison import plain
from tests.faults.hurt import within
from tests.faults.ledger import Account
from tests.recount import Log, Recount

Counts = Counter[tuple[object, ...]]
"""Plays by artist, span and the window's start."""

TABLE_SECONDS = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What does not fit, by number of plays; a sound Segue has 0 of each."""

    events: int
    """Sent; no fault."""
    lost: int
    """Confirmed and not in the log."""
    phantom: int
    """In the log and never sent."""
    open: int
    """Sent again and again, and never confirmed."""
    double: int
    """Counted more often in a table, or in the archive, than a recount by event id says."""
    uncounted: int
    """Counted less often."""

    @property
    def is_sound(self) -> bool:
        """Whether all is 0."""
        return not (self.lost or self.phantom or self.open or self.double or self.uncounted)

    def __add__(self, other: "Verdict") -> "Verdict":
        sums = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        return Verdict(**sums)

    def __str__(self) -> str:
        return f"{self.lost} lost, {self.phantom} phantom, {self.double} double, {self.uncounted} uncounted" + (
            f", {self.open} never confirmed" if self.open else ""
        )


def judge(settings: Settings, account: Account, name: str) -> Verdict:
    """The verdict on the load of that name, once the tables stand still or their time is over."""
    records = load_records(settings, name)
    logged = {json.loads(record.value or b"")["event_id"] for record in records}
    recount = Recount(Log(plays=records))
    wanted = _counts(recount.engagement())
    with database(settings) as store:
        rows = store["artist_engagement"]

        def stands() -> bool:
            return wanted == _counted(rows, name) and len(logged) <= len(archived(settings, name))

        within(TABLE_SECONDS, stands, every=0.5)
        found = _counted(rows, name)
    return compared(account, logged, in_archive=archived(settings, name), wanted=wanted, found=found)


def compared(
    account: Account, logged: Set[str], *, in_archive: Sequence[str], wanted: Counts, found: Counts
) -> Verdict:
    """What does not fit between the ledger, the event ids in the log and in the archive, the recount and the table."""
    kept, once = Counter(in_archive), Counter(logged)
    return Verdict(
        events=len(account.sent),
        lost=len(account.ok - logged),
        phantom=len(logged - account.sent),
        open=len(account.unknown),
        double=sum((found - wanted).values()) + sum((kept - once).values()),
        uncounted=sum((wanted - found).values()) + sum((once - kept).values()),
    )


def load_records(settings: Settings, name: str) -> list[StoredRecord]:
    """The load's records on the topic, each time that they stand there, by its artists: listeners are pseudonyms."""
    mark = f'"artist_id":"{name}-a'.encode()
    return [record for record in whole(settings, Topic.PLAYS) if mark in (record.value or b"")]


def whole(settings: Settings, topic: str) -> list[StoredRecord]:
    """A topic from its start to its end."""
    log, records = wiring.event_log(settings), []
    try:
        with log.reader([topic], {}) as reader:
            while batch := reader.poll(max_records=10**6, timeout_seconds=5):
                records += batch
                if not reader.lag():
                    break
    finally:
        log.close(timeout_seconds=5)
    return records


@contextmanager
def database(settings: Settings) -> Iterator[Database[dict[str, Any]]]:
    """The tenant's database, seen directly."""
    with closing(MongoClient[dict[str, Any]](settings.store_url, tz_aware=True)) as client:
        yield client[settings.tenant]


def archived(settings: Settings, name: str) -> list[str]:
    """The load's event ids in the play archive, each time that they stand there."""
    files = [str(path) for path in Path(settings.archive.removeprefix("file://")).glob("day=*/part-*")]
    if not files:
        return []
    asked = "SELECT event_id FROM read_parquet(?) WHERE starts_with(artist_id, ?)"
    with duckdb.connect() as connection:
        return [event_id for (event_id,) in connection.execute(asked, [files, f"{name}-a"]).fetchall()]


def _counts(rows: Sequence[dict[str, Any]]) -> Counts:
    return Counter({(row["artist_id"], row["span"], plain(row["window_start"])): int(row["plays"]) for row in rows})


def _counted(rows: Any, name: str) -> Counts:
    """What the table says of the load's artists."""
    return _counts(list(rows.find({"artist_id": {"$regex": f"^{name}-a"}})))
