"""The promise of the store of erasures, on every implementation."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from backend import wiring
from backend.domain.erasures import ErasedPart, Erasure, PartReceipt, Subject
from backend.ports.erasures import ErasureStore
from backend.ports.store import Store
from backend.settings import Settings
from tests.memory import MemoryStore

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.stack)])
def erasures(request: pytest.FixtureRequest) -> Iterator[ErasureStore]:
    """An empty store, migrated."""
    store: Store = MemoryStore()
    if request.param == "mongo":
        settings: Settings = request.getfixturevalue("settings")
        store = wiring.store(settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}"}))
    store.migrate()
    yield store
    store.close()


def erasure(number: int = 0, *, minute: int | None = None) -> Erasure:
    """One that was asked for `minute` minutes after noon; number is its id's beginning, and the minute else."""
    asked_at = NOON + (number if minute is None else minute) * MINUTE
    return Erasure(
        erasure_id=f"{number:02}-{uuid.uuid4()}",
        asked_at=asked_at,
        due_at=asked_at + 24 * 60 * MINUTE,
        parts={part: PartReceipt(until=asked_at + 24 * 60 * MINUTE, told="waits") for part in ErasedPart},
        subject=Subject(pseudonym=f"pseudonym-{number}", look_up_key=f"key-{number}"),
    )


def test_an_erasure_comes_back_as_it_was_put(erasures: ErasureStore) -> None:
    """With its parts and its subject; another is not there."""
    erasures.put_erasure(one := erasure())
    assert one == erasures.erasure(one.erasure_id)
    assert erasures.erasure("another") is None


def test_parts_are_noted_one_by_one(erasures: ErasureStore) -> None:
    """By whoever did them; of an erasure that is not there nothing comes to be."""
    erasures.put_erasure(one := erasure())
    done = PartReceipt(rows=7, done_at=NOON + MINUTE, told="seven rows")
    erasures.put_part(one.erasure_id, ErasedPart.LOG, done)
    erasures.put_part("another", ErasedPart.LOG, done)
    found = erasures.erasure(one.erasure_id)
    assert replace(one, parts={**one.parts, ErasedPart.LOG: done}) == found
    assert (True, False) == (found.is_done(ErasedPart.LOG), found.is_done(ErasedPart.MODELS))
    assert erasures.erasure("another") is None


def test_days_to_compute_again_are_noted_beside_everything_else(erasures: ErasureStore) -> None:
    """Whole: those that were computed are left out next time; of an erasure that is not there nothing comes to be."""
    erasures.put_erasure(one := replace(erasure(), days=frozenset({date(2026, 11, 1)})))
    for days in ({date(2026, 11, 1), date(2026, 11, 2)}, set()):
        erasures.put_days(one.erasure_id, days)
        assert replace(one, days=frozenset(days)) == erasures.erasure(one.erasure_id)
    erasures.put_days("another", {date(2026, 11, 1)})
    assert erasures.erasure("another") is None


def test_a_closed_erasure_tells_nothing_of_anybody(erasures: ErasureStore) -> None:
    """Its subject is gone; it is no longer among the open ones, of which the oldest comes first."""
    every = [erasure(number) for number in (2, 0, 1)]
    for one in every:
        erasures.put_erasure(one)
    assert [0, 1, 2] == [int(one.erasure_id[:2]) for one in erasures.open_erasures()]
    erasures.close_erasure(every[2].erasure_id, at=NOON + 9 * MINUTE)
    erasures.close_erasure("another", at=NOON)
    assert [0, 2] == [int(one.erasure_id[:2]) for one in erasures.open_erasures()]
    closed = erasures.erasure(every[2].erasure_id)
    assert replace(every[2], done_at=NOON + 9 * MINUTE, subject=None) == closed


def test_erasures_are_listed_newest_first_and_go_on_after_any(erasures: ErasureStore) -> None:
    """Also where several were asked for in the same moment: each is there once."""
    minutes = (0, 1, 1, 1, 2)
    for number, minute in enumerate(minutes):
        erasures.put_erasure(erasure(number, minute=minute))
    whole = erasures.erasures(limit=99)
    assert [4, 3, 2, 1, 0] == [int(one.erasure_id[:2]) for one in whole]
    paged: list[Erasure] = []
    while found := erasures.erasures(limit=2, before=(paged[-1].asked_at, paged[-1].erasure_id) if paged else None):
        paged.extend(found)
    assert list(whole) == paged


def test_receipts_go_when_their_time_is_over(erasures: ErasureStore) -> None:
    """Those of erasures that are done; what is open stays, however old."""
    every = [erasure(number) for number in range(3)]
    for one in every:
        erasures.put_erasure(one)
    erasures.close_erasure(every[0].erasure_id, at=NOON)
    erasures.close_erasure(every[1].erasure_id, at=NOON + MINUTE)
    assert 1 == erasures.drop_receipts(done_before=NOON + MINUTE)
    assert [every[2].erasure_id, every[1].erasure_id] == [one.erasure_id for one in erasures.erasures(limit=9)]
    assert 0 == erasures.drop_receipts(done_before=NOON + MINUTE)
