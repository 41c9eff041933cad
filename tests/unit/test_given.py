"""Answers and tastes that are remembered: until something comes, and never of somebody who was erased."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from segue.v1 import ingest_pb2, play_pb2, privacy_pb2, recommend_pb2

from backend.adapters.vectors.kept import KeptNear
from backend.domain.errors import Unavailable
from backend.domain.feedback import FeedbackKind
from backend.domain.listeners import Profile, merge
from backend.domain.recommendations import Answer, AnswerPath, Recommendation
from backend.ranking.lists import KEPT
from backend.rpc.convert import timestamp_of
from backend.services.answers import AnswerPage, Answers
from backend.services.bounded import WeighedMap
from backend.services.given import Given, State
from backend.services.identities import digest_of
from backend.services.profiles import REMEMBERED_SECONDS, Profiles
from tests.memory import MemoryStore
from tests.rpc.conftest import World, running
from tests.rpc.test_recommend import answer, listen
from tests.unit.test_heartbeat import Clock
from tests.unit.test_listeners import play, word


class ReadStore(MemoryStore):
    """Counts how often profiles are read; `meanwhile` happens in the middle of it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.meanwhile: list[object] = []

    def profiles(self, listener_ids: list[str]) -> dict[str, Profile]:  # type: ignore[override]
        self.reads += 1
        found = super().profiles(listener_ids)
        for happens in self.meanwhile:
            happens()  # type: ignore[operator]
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server whose answers come from a model."""
    with running(tmp_path, with_model=True) as world:
        yield world


def test_a_taste_is_remembered_until_an_event_comes() -> None:
    """One read of the store; a play, a word, and time make it read again, those of others do not.

    What says the same as before is the same object.
    """
    store, clock = ReadStore(), Clock()
    profiles = Profiles(store, clock=clock)
    first = profiles.taste("l")
    assert first is profiles.taste("l")
    profiles.plays_accepted([play(1, listener="other")])
    assert (first, 1) == (profiles.taste("l"), store.reads)
    profiles.plays_accepted([play(1)])
    assert {"t1"} == profiles.taste("l").unwanted
    profiles.feedback_accepted([word(FeedbackKind.HIDE)])
    assert {"t", "t1"} == profiles.taste("l").unwanted
    profiles.forget_tastes()
    assert {"t", "t1"} == profiles.taste("l").unwanted
    clock.seconds += REMEMBERED_SECONDS + 1
    remembered = profiles.taste("l")
    assert frozenset() == remembered.unwanted
    clock.seconds += REMEMBERED_SECONDS + 1
    assert (remembered is profiles.taste("l"), store.reads) == (True, 6)


def test_what_comes_while_a_profile_is_read_is_not_lost() -> None:
    """A taste that was read before the play, and is ready after it, does not come to stay; nor one of the erased."""
    store = ReadStore()
    profiles = Profiles(store, clock=Clock())
    store.meanwhile.append(lambda: profiles.plays_accepted([play(1)]))
    profiles.taste("l")
    store.meanwhile.clear()
    assert {"t1"} == profiles.taste("l").unwanted
    store.put_profiles([merge(Profile(listener_id="gone"), [play(2, listener="gone")], [])])
    store.meanwhile.append(lambda: (store.drop_profiles(["gone"]), profiles.forget([digest_of("gone")])))
    profiles.taste("gone")
    store.meanwhile.clear()
    assert frozenset() == profiles.taste("gone").unwanted
    store.down = True
    with pytest.raises(Unavailable):
        profiles.taste("another")
    store.down = False
    assert profiles.taste("another") is profiles.taste("another")


def page(recommendation_id: str = "first") -> AnswerPage:
    """Of three tracks, two to a page."""
    ranked = tuple(Recommendation(track_id=one, score=1.0, reasons=()) for one in "abc")
    answer = Answer(
        recommendation_id=recommendation_id, recommendations=ranked, model_version="v", path=AnswerPath.HYBRID
    )
    return Answers(MemoryStore()).first_page(answer, page_size=2, question="q")


def test_an_answer_is_given_again_under_an_id_of_its_own() -> None:
    """While all that it depends on is the same object; its further pages are those that are kept, under the new id."""
    store, given, state = MemoryStore(), Given(), State((object(), "v"))
    answers = Answers(store)
    first = answers.first_page(page().answer, page_size=2, question="q")
    given.remember(("q", 2), "ann", state, first)
    again = given.page(("q", 2), State(state.parts), recommendation_id="second")
    assert again is not None
    assert ("second", first.recommendations) == (again.answer.recommendation_id, again.recommendations)
    last = answers.next_page(again.next_page_token, page_size=2, question="q")
    assert ("second", ["c"]) == (last.answer.recommendation_id, [one.track_id for one in last.recommendations])
    assert {"first"} == store.answers.keys()
    assert None is given.page(("q", 3), state, recommendation_id="x")
    assert None is given.page(("q", 2), State((object(), "v")), recommendation_id="x")


def test_nothing_is_given_again_of_somebody_who_was_erased() -> None:
    """Neither what was kept nor what was being answered then; others are left alone."""
    given, state = Given(), State(())
    for name in ("ann", "bob", ""):
        given.remember((name, 2), name, state, page())
    given.forget([digest_of("ann")])
    given.remember(("ann", 3), "ann", state, page())
    found = [given.page(asked, state, recommendation_id="x") for asked in (("ann", 2), ("ann", 3), ("bob", 2), ("", 2))]
    assert [None, None] == found[:2]
    assert all(found[2:])


def test_a_map_by_weight_lets_go_what_was_used_longest_ago() -> None:
    """As much of it as is too heavy; what is heavier than all stays not at all."""
    kept: WeighedMap[str, str] = WeighedMap(10)
    for name, weight in (("a", 4), ("b", 4)):
        kept.put(name, name, weight=weight)
    kept.get("a")
    kept.put("c", "c", weight=3)
    assert ["a", "c"] == [name for name, _ in kept.items()]
    kept.put("a", "again", weight=1)
    kept.put("d", "d", weight=11)
    assert 0 == len(kept)


def test_what_is_near_a_track_is_looked_for_once() -> None:
    """As far as enough is kept; those asked for longest ago go."""
    asked: list[int] = []

    def find(count: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(count)
        return np.arange(count), np.linspace(1, 0, count, dtype=np.float32)

    near = KeptNear(size=2)
    assert [KEPT, KEPT] == [len(near.near(7, count, find)[0]) for count in (10, 20)]
    assert KEPT + 5 == len(near.near(7, KEPT + 5, find)[0])
    near.near(8, 10, find)
    near.near(9, 10, find)
    near.near(7, 10, find)
    assert [KEPT, KEPT + 5, KEPT, KEPT, KEPT] == asked


def test_an_answer_is_given_again_until_a_play_comes(world: World) -> None:
    """Through the door, under another id; after a play or a hide other tracks; after an erasure nobody knows them."""
    listen(world, "ann", "t0", "t2", "t4")
    first, second = answer(world, page_size=5), answer(world, page_size=5)
    assert list(first.tracks) == list(second.tracks)
    assert first.recommendation_id != second.recommendation_id
    played, hidden = first.tracks[0].track_id, first.tracks[1].track_id
    listen(world, "ann", played)
    third = answer(world, page_size=5)
    assert (hidden, recommend_pb2.ANSWER_PATH_HYBRID) == (third.tracks[0].track_id, third.path)
    hide = play_pb2.Feedback(
        event_id=str(uuid.uuid4()),
        listener_id="ann",
        track_id=hidden,
        kind=play_pb2.FEEDBACK_KIND_HIDE,
        given_at=timestamp_of(datetime.now(UTC)),
    )
    world.ingest.RecordFeedback(ingest_pb2.RecordFeedbackRequest(feedback=[hide]))
    assert not {played, hidden} & {one.track_id for one in answer(world, page_size=5).tracks}
    world.privacy.EraseListener(privacy_pb2.EraseListenerRequest(listener_id="ann"))
    assert recommend_pb2.ANSWER_PATH_COLD_START == answer(world, page_size=5).path
