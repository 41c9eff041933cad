"""A pass over erasures on the real parts: of a listener who is erased no byte is left where the pass works."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

from backend import wiring as backend_wiring
from backend.domain.erasures import ErasedPart, Erasure, PartReceipt, Subject
from backend.domain.errors import Unavailable
from backend.domain.feedback import FeedbackKind
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY
from backend.domain.plays import Play, Timing
from backend.ports.event_log import EventLog, Record, Topic
from backend.ports.identity import new_pseudonym
from backend.ports.records import feedback_record, play_record
from backend.ports.store import Store, TableQuery
from backend.settings import Settings
from stack.stack import Stack
from streaming import erasing, wiring
from streaming.ground import Ground
from tests.quiet import await_, settle
from tests.unit.test_listeners import play, word

pytestmark = pytest.mark.timeout(900)
NOW = datetime.now(UTC)
FIRST = NOW - timedelta(minutes=40)
GONE, STAYS = new_pseudonym(), new_pseudonym()
ARTIST = f"artist-of-{STAYS}"
OTHERS = (ErasedPart.IDENTITY, ErasedPart.PROFILE, ErasedPart.MODELS, ErasedPart.EXTRACTS)
"""Parts that are not this pass's."""


@pytest.fixture(scope="module")
def log(settings: Settings, stack: Stack) -> Iterator[EventLog]:
    """The stack's log."""
    log = backend_wiring.event_log(settings)
    yield log
    log.close(timeout_seconds=5)


@pytest.fixture(scope="module")
def store(settings: Settings, stack: Stack) -> Iterator[Store]:
    """The stack's store."""
    with closing(backend_wiring.store(settings)) as store:
        yield store


def plays_of(listener: str) -> list[Play]:
    """Three, a quarter of an hour apart."""
    return [
        replace(
            play(number, listener=listener),
            event_id=f"{listener}-{number}",
            artist_id=ARTIST,
            played_at=FIRST + timedelta(minutes=15 * number),
            timing=Timing.HISTORY,
        )
        for number in range(3)
    ]


@pytest.fixture(scope="module")
def counted(settings: Settings, log: EventLog, store: Store) -> None:
    """Plays, a like, rights and an unreadable record of two listeners, in the tables and in the archive."""
    for listener in (GONE, STAYS):
        records = [play_record(one, ingested_at=NOW) for one in plays_of(listener)]
        unreadable = Record(key=f"u{listener}".encode(), value=f"of {listener}".encode(), group=listener.encode())
        like = replace(word(FeedbackKind.LIKE), event_id=f"f{listener}", listener_id=listener, artist_id=ARTIST)
        rights = json.dumps({"listener_id": listener, "allow_training": False}).encode()
        for topic, kept in {
            Topic.PLAYS: [*records, unreadable],
            Topic.FEEDBACK: [feedback_record(replace(like, given_at=FIRST)), unreadable],
            Topic.RIGHTS: [Record(key=listener.encode(), value=rights)],
        }.items():
            assert all(log.append(topic, kept, timeout_seconds=20))
    await_(lambda: {GONE, STAYS} <= archived(settings), "both are in the archive")
    settle(settings)
    assert {GONE, STAYS} <= set(store.profiles([GONE, STAYS]))
    assert 4 == len(letters(store))


def archived(settings: Settings) -> set[str]:
    """Listeners whose plays are in the archive."""
    files = [str(path) for path in Path(settings.archive.removeprefix("file://")).glob("day=*/part-*")]
    if not files:
        return set()
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT DISTINCT listener_id FROM read_parquet(?)", [files]).fetchall()
    return {listener for (listener,) in rows}


def letters(store: Store) -> list[str]:
    """Letters that were written of the two."""
    rows = store.page(DEAD_LETTERS, TableQuery(page_size=1000)).rows
    mine = [f"of {listener}" for listener in (GONE, STAYS)]
    found = [b64decode(row.record or "").decode(errors="replace") for row in rows]
    return [one for one in found if one in mine]


def holding(folder: Path, text: str) -> list[str]:
    """Files that hold the text."""
    return [str(file) for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def passed(ground: Ground, until: Callable[[Erasure], bool]) -> Erasure:
    """Passes until the erasure is as wanted."""
    found: list[Erasure] = []

    def is_so() -> bool:
        with suppress(Unavailable):  # the keeper's own pass runs
            erasing.run(ground)
        found[:] = [one for one in ground.store.erasures(limit=100) if one.erasure_id == f"erasure-of-{STAYS}"]
        return until(found[0])

    await_(is_so, "passes have come so far", seconds=120, every=2)
    return found[0]


def test_of_an_erased_listener_nothing_is_left(settings: Settings, log: EventLog, store: Store, counted: None) -> None:
    """In log, result topics, tables, archive and the store's file, once their days are computed again; others' stays.

    That the days are (tests/e2e/test_operating.py waits for it) is told by the test.
    """
    assert holding(settings.home / "kafka" / "data", GONE)
    asked = Erasure(
        erasure_id=f"erasure-of-{STAYS}",
        asked_at=datetime.now(UTC) - timedelta(seconds=erasing.SETTLE_SECONDS + 1),
        due_at=datetime.now(UTC) + timedelta(hours=24),
        parts={part: PartReceipt(done_at=NOW) for part in OTHERS},
        subject=Subject(pseudonym=GONE, look_up_key="key"),
    )
    store.put_erasure(asked)
    with wiring.ground(settings) as ground:
        first = passed(ground, lambda one: one.is_done(ErasedPart.ARCHIVE))
        assert (3 + 1 + 1 + 2, 3) == (first.parts[ErasedPart.LOG].rows, first.parts[ErasedPart.ARCHIVE].rows)
        days = {one.played_at.date() for one in plays_of(GONE)}
        settled = datetime.combine(max(days), time(), UTC) + timedelta(hours=25, minutes=settings.lateness_minutes)
        assert (days, settled) == (first.days, first.parts[ErasedPart.TABLES].until)
        store.put_days(asked.erasure_id, [])
        over = passed(ground, lambda one: one.done_at is not None)
    assert over.subject is None
    assert {STAYS} == archived(settings) & {GONE, STAYS}
    assert [f"of {STAYS}"] * 2 == letters(store)
    assert {STAYS} == set(store.profiles([GONE, STAYS]))
    activity = store.page(LISTENER_ACTIVITY, TableQuery(page_size=1000)).rows
    assert GONE not in {row.listener_id for row in activity}
    for folder in ("kafka/data", "mongo", "archive"):
        assert [] == holding(settings.home / folder, GONE), folder
    assert holding(settings.home / "kafka" / "data", STAYS)
