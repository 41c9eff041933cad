"""Passes over erasures: what they do in which order, what they leave open, and when a keeper makes them."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from backend.domain.erasures import ErasedPart, Erasure, PartReceipt, Subject
from backend.domain.errors import Unavailable
from backend.domain.listeners import Profile
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY
from backend.files import only_one
from backend.ports.event_log import Topic
from backend.ports.identity import new_pseudonym
from backend.ports.records import play_record
from backend.ports.store import TableQuery, TableRow
from backend.settings import Settings
from streaming import erasing, erasing_pass, wiring
from streaming.cluster import Cluster
from streaming.erasing import Passes, due, has_work
from streaming.ground import Ground
from streaming.site import Site
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_listeners import NOON, play

ASKED = datetime(2026, 3, 5, 12, tzinfo=UTC)
LATER = ASKED + timedelta(minutes=1)
GONE = new_pseudonym()
DONE = PartReceipt(done_at=ASKED)


def erasure(*done: ErasedPart, name: str = "one", pseudonym: str = GONE) -> Erasure:
    """One that was asked for at ASKED, with these parts done."""
    return Erasure(
        erasure_id=name,
        asked_at=ASKED,
        due_at=ASKED + timedelta(hours=24),
        parts=dict.fromkeys(done, DONE),
        subject=Subject(pseudonym=pseudonym, look_up_key="key"),
    )


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """A log and a store in memory, and a cluster that does not answer."""
    settings = Settings(home=tmp_path, flink_url="http://127.0.0.1:1")
    return Ground(
        event_log=MemoryEventLog(),
        store=MemoryStore(),
        site=Site(cluster=Cluster(settings.flink_url), home=tmp_path, plans=tmp_path / "plans"),
        spec=wiring.job_spec(settings),
    )


def run(ground: Ground, at: datetime = LATER) -> Erasure:
    """One pass; the one erasure after it."""
    erasing.run(ground, now=lambda: at, forget_seconds=1)
    (found,) = ground.store.erasures(limit=10)
    return found


def test_nothing_is_done_before_calls_under_way_have_ended(ground: Ground) -> None:
    """Another server may still be writing a play of theirs."""
    ground.event_log.append(Topic.PLAYS, [play_record(play(1, listener=GONE), ingested_at=NOON)], timeout_seconds=1)
    ground.store.put_erasure(erasure())
    assert {} == run(ground, ASKED + timedelta(seconds=29)).parts
    assert run(ground, ASKED + timedelta(seconds=30)).is_done(ErasedPart.LOG)


def test_the_log_is_done_while_flink_is_down_and_the_rest_says_what_it_waits_for(ground: Ground) -> None:
    """Rows and days are written down; rows and profile are out of the store whatever else is down."""
    ground.event_log.append(Topic.PLAYS, [play_record(play(1, listener=GONE), ingested_at=NOON)], timeout_seconds=1)
    activity = {"listener_id": GONE, "window_start": NOON, "last_active": NOON}
    columns = dict.fromkeys(LISTENER_ACTIVITY.columns, 1) | activity
    ground.store.write([TableRow(table=LISTENER_ACTIVITY.name, key="k", columns=columns)], {})
    ground.store.put_profiles([Profile(listener_id=GONE)])
    ground.store.put_erasure(erasure())
    found = run(ground)
    assert (LATER, 1) == (found.parts[ErasedPart.LOG].done_at, found.parts[ErasedPart.LOG].rows)
    assert frozenset({date(2026, 3, 1)}) == found.days
    assert ("archive", None) == (ErasedPart.ARCHIVE.value, found.parts[ErasedPart.ARCHIVE].done_at)
    assert "Flink does not answer" in found.parts[ErasedPart.ARCHIVE].told
    assert (1, None) == (found.parts[ErasedPart.TABLES].rows, found.parts[ErasedPart.TABLES].done_at)
    assert "archive comes first" in found.parts[ErasedPart.TABLES].told
    assert {} == ground.store.profiles([GONE])
    assert () == ground.store.page(LISTENER_ACTIVITY, TableQuery()).rows


def test_a_log_that_is_down_leaves_all_parts_open(ground: Ground) -> None:
    """And the next pass goes on."""
    assert isinstance(ground.event_log, MemoryEventLog)
    ground.store.put_erasure(erasure())
    ground.event_log.down = True
    assert not any(run(ground).is_done(part) for part in ErasedPart)
    ground.event_log.down = False
    assert run(ground).is_done(ErasedPart.LOG)


def test_an_error_of_nobodys_costs_its_part_only(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file of the archive, say: its words are for the log, and the parts after it say what they wait for."""

    def broken(*_: object) -> None:
        raise ValueError("bytes that are no file")

    monkeypatch.setattr(erasing_pass.remains, "live", broken)
    ground.store.put_erasure(erasure())
    found = run(ground)
    assert found.is_done(ErasedPart.LOG)
    assert "waits for the next pass: an error that the keeper's log tells" == found.parts[ErasedPart.ARCHIVE].told
    assert "waits for the next pass: archive comes first" == found.parts[ErasedPart.TABLES].told


def test_an_erasure_whose_parts_are_all_done_is_over(ground: Ground) -> None:
    """Whoever did the last: nothing tells of anybody any more."""
    ground.store.put_erasure(erasure(*ErasedPart))
    found = run(ground)
    assert (LATER, None) == (found.done_at, found.subject)
    assert [] == erasing.run(ground, now=lambda: LATER)


def test_two_passes_at_a_time_are_refused(ground: Ground, tmp_path: Path) -> None:
    """It says so."""
    with only_one(tmp_path / "erasing.lock", held="held"), pytest.raises(Unavailable, match="another pass"):
        erasing.run(ground)


def test_rows_are_taken_out_of_the_store_by_whom_they_name(ground: Ground) -> None:
    """Letters of others stay."""
    rest = {"reason": "malformed", "source_topic": "plays", "source_partition": 0, "records": 1, "noted_at": NOON}
    rows = [
        TableRow(
            table=DEAD_LETTERS.name,
            key=str(nth),
            columns={**rest, "source_offset": nth, "record_key": named, "record": None, "detail": ""},
        )
        for nth, named in enumerate((GONE, "another", None))
    ]
    ground.store.write(rows, {})
    assert 1 == ground.store.drop_rows_of([GONE])
    assert {"another", None} == {row.record_key for row in ground.store.page(DEAD_LETTERS, TableQuery()).rows}


@pytest.mark.parametrize(
    ("done", "days", "expected"),
    [
        ((), (), True),
        ((ErasedPart.LOG,), (), True),
        ((ErasedPart.LOG, ErasedPart.ARCHIVE), (), True),
        ((ErasedPart.LOG, ErasedPart.ARCHIVE), (date(2026, 3, 5),), False),
        ((ErasedPart.LOG, ErasedPart.ARCHIVE), (date(2026, 3, 4), date(2026, 3, 5)), True),
        ((ErasedPart.LOG, ErasedPart.ARCHIVE, ErasedPart.TABLES), (), True),
        ((ErasedPart.LOG, ErasedPart.ARCHIVE, ErasedPart.TABLES, ErasedPart.EXTRACTS), (), False),
        (tuple(ErasedPart), (), True),
    ],
)
def test_a_pass_has_work_where_it_need_not_wait(
    done: tuple[ErasedPart, ...], days: tuple[date, ...], expected: bool
) -> None:
    """A day that is not settled, and parts that are others', are waited for."""
    asked = replace(erasure(*done), days=frozenset(days))
    assert expected == has_work(asked, at=LATER, lateness_minutes=10)


def test_a_day_waits_for_the_silence_that_ends_a_session(ground: Ground) -> None:
    """The live job writes a row of the listener when their last session ends: not before the day counts as settled."""
    waits = {
        minutes: replace(ground, spec=replace(ground.spec, session_minutes=minutes)).lateness_minutes
        for minutes in (30, 60, 90)
    }
    assert {30: 10, 60: 10, 90: 40} == waits


def test_erasures_that_are_over_or_young_are_not_due() -> None:
    """Half a minute, and a subject."""
    over = replace(erasure(), subject=None)
    assert [] == due([over], at=LATER)
    assert [] == due([erasure()], at=ASKED)
    assert [erasure()] == due([erasure(), over], at=LATER)


def test_a_keeper_makes_a_pass_at_once_then_one_an_hour_and_more_near_the_end(ground: Ground) -> None:
    """While an erasure waits for Flink."""
    ground.store.put_erasure(erasure())
    clock = [LATER]
    passes = Passes(ground, threading.Event(), now=lambda: clock[0])

    def passed(after: timedelta) -> bool:
        """Whether a look so long after ASKED makes a pass: the receipt of the archive is written anew."""
        clock[0] = ASKED + after
        ground.store.put_part("one", ErasedPart.ARCHIVE, PartReceipt(told="before"))
        passes.look()
        (found,) = ground.store.erasures(limit=1)
        return found.parts[ErasedPart.ARCHIVE].told != "before"

    minutes = {1: True, 2: False, 60: False, 61: True, 121: True, 23 * 60: True, 23 * 60 + 4: False, 23 * 60 + 5: True}
    assert minutes == {minute: passed(timedelta(minutes=minute)) for minute in minutes}
