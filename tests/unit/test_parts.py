"""A part of an answer gets its share of the call's time, and is left alone when it was too slow again and again."""

import threading
import time

import pytest

from backend.domain.errors import NotFound, Unavailable
from backend.domain.listeners import Profile, RecentPlay
from backend.services.last_read import LastRead
from backend.services.parts import Parts, TooSlow
from tests.unit.test_retrieve import NOON


def test_a_slow_part_costs_its_share() -> None:
    """Of what is left of the call's time; how long it took is told."""
    turn, hangs = Parts().within(0.4), threading.Event()
    began = time.monotonic()
    with pytest.raises(TooSlow, match=r"index took longer than its 0\.20 s"):
        turn.ask("index", hangs.wait, share=0.5)
    assert 0.15 < time.monotonic() - began < 0.39
    assert 150 < turn.latencies["index"] < 390
    assert "quick" == turn.ask("store", lambda: "quick", share=0.5)
    hangs.set()


def test_a_part_that_was_too_slow_three_times_is_left_alone() -> None:
    """At once, and without a thread; others are asked all the same."""
    parts, hangs, asked = Parts(threads=8), threading.Event(), []
    for _ in range(3):
        with pytest.raises(TooSlow):
            parts.within(0.02).ask("index", hangs.wait, share=1.0)
    with pytest.raises(Unavailable, match="3 times in a row"):
        parts.within(5).ask("index", lambda: asked.append(1), share=1.0)
    assert [] == asked
    assert 7 == parts.within(1).ask("store", lambda: 7, share=1.0)
    hangs.set()


def test_what_a_part_raises_is_raised() -> None:
    """Only being down counts against it."""
    parts = Parts()

    def missing() -> None:
        raise NotFound("gone")

    for _ in range(4):
        with pytest.raises(NotFound, match="gone"):
            parts.within(1).ask("index", missing, share=1.0)
    assert 1 == parts.within(1).ask("index", lambda: 1, share=1.0)


def test_two_parts_work_at_the_same_time() -> None:
    """One is begun, the other done here, then the first is waited for."""
    turn, met = Parts().within(5), threading.Barrier(2)
    begun = turn.begin("index", lambda: met.wait(2))
    turn.here("linear", lambda: met.wait(2))
    turn.answer("index", begun, share=1.0)
    assert {"index", "linear"} == turn.latencies.keys()


def profile(listener_id: str, plays: int) -> Profile:
    """Of so many plays."""
    recent = [
        RecentPlay(event_id=str(one), track_id="t", played_at=NOON, milliseconds_played=1) for one in range(plays)
    ]
    return Profile(listener_id=listener_id, recent=tuple(recent))


def test_profiles_that_were_read_last_are_bounded_by_what_they_hold() -> None:
    """The oldest go, one of nothing takes no room, and whoever is erased is gone."""
    held = LastRead(most_events=10)
    for one in (profile("a", 4), profile("b", 4), profile("none", 0), profile("c", 4)):
        held.put(one)
    assert [False, True, False, True] == [held.get(one) is not None for one in ("a", "b", "none", "c")]
    held.put(profile("b", 6))
    assert (6, True) == (len(held.get("b").recent), held.get("c") is not None)  # type: ignore[union-attr]
    held.forget(lambda listener_id: listener_id == "b")
    assert held.get("b") is None
    held.put(profile("d", 6))
    assert held.get("c") is not None
