"""Every step down from the best answer: a part that is down or slow, or a listener of whom nothing is known."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from segue.v1 import recommend_pb2

from backend.domain.listeners import Profile
from backend.services import parts
from tests.memory import MemoryStore
from tests.rpc.conftest import BreakableVectorIndex, World
from tests.rpc.test_options import Filter, Options, ids, listen
from tests.rpc.test_recommend import COLD_START, DEGRADED, HYBRID, make_popular, until
from tests.rpc.test_topics import make_rising
from tests.rpc.wide import wide

DEADLINE = 1.5
HANGS = 2.5
"""Seconds: what a call has, and what a slow part takes."""


class SimulatedSlowVectorIndex(BreakableVectorIndex):
    """The embedded index, but each call waits before it is answered, once a test says so."""

    seconds = 0.0

    def search(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(self.seconds)
        return super().search(*args, **kwargs)

    def fetch(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(self.seconds)
        return super().fetch(*args, **kwargs)

    def near_tracks(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(self.seconds)
        return super().near_tracks(*args, **kwargs)


class SimulatedSlowStore(MemoryStore):
    """The store in memory, but profiles, charts and the catalogue are waited for, once a test says so."""

    seconds = 0.0

    def profiles(self, *args: Any, **kwargs: Any) -> dict[str, Profile]:
        time.sleep(self.seconds)
        return super().profiles(*args, **kwargs)

    def page(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(self.seconds)
        return super().page(*args, **kwargs)

    def tracks(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(self.seconds)
        return super().tracks(*args, **kwargs)


@pytest.fixture
def slow_index(tmp_path: Path) -> Iterator[World]:
    """A server whose index can be made slow; it holds the factors of its version in memory."""
    with wide(tmp_path, vectors=SimulatedSlowVectorIndex(tmp_path / "vectors")) as world:
        until(lambda: world.services.local_factors.space(world.models.load("20260301-test")) is not None)
        yield world
        SimulatedSlowVectorIndex.seconds = 0.0


@pytest.fixture
def slow_store(tmp_path: Path) -> Iterator[World]:
    """A server whose store can be made slow."""
    with wide(tmp_path, store=SimulatedSlowStore()) as world:
        yield world
        SimulatedSlowStore.seconds = 0.0


def ask(
    world: World, listener: str, options: Options | None = None, **fields: object
) -> recommend_pb2.RecommendResponse:
    """An answer within the deadline."""
    request = recommend_pb2.RecommendRequest(listener_id=listener, options=options, **fields)
    response: recommend_pb2.RecommendResponse = world.recommend.Recommend(request, timeout=DEADLINE)
    return response


def told(response: recommend_pb2.RecommendResponse) -> set[tuple[str, str]]:
    """The steps down, in words; each has a sentence."""
    assert all(one.text for one in response.fallbacks)
    return {
        (
            recommend_pb2.FallbackReason.Name(one.reason).removeprefix("FALLBACK_REASON_"),
            recommend_pb2.FallbackTo.Name(one.to).removeprefix("FALLBACK_TO_"),
        )
        for one in response.fallbacks
    }


def kinds(response: recommend_pb2.RecommendResponse) -> set[str]:
    """Of music: jazz, techno."""
    return {one.title.split()[0] for one in response.tracks}


def test_an_answer_in_health_names_no_step_down(slow_index: World) -> None:
    """And comes from everything."""
    make_popular(slow_index, "t1", "t3")
    listen(slow_index, "ann", 0, 2, 4)
    response = ask(slow_index, "ann")
    assert (set(), HYBRID) == (told(response), response.path)


def test_a_slow_index_costs_its_share_and_never_the_answer(slow_index: World) -> None:
    """Factors in memory stand in, within the deadline; after three calls nobody waits for the index any more."""
    listen(slow_index, "ann", 0, 2, 4)
    SimulatedSlowVectorIndex.seconds = HANGS
    for _ in range(3):
        began = time.monotonic()
        response = ask(slow_index, "ann")
        assert time.monotonic() - began < DEADLINE
        assert {("INDEX_SLOW", "LOCAL_FACTORS")} == told(response)
        assert (DEGRADED, 20, {"jazz"}) == (response.path, len(response.tracks), kinds(response))
    began = time.monotonic()
    response = ask(slow_index, "ann", Options(filter=Filter(tags=["techno"])))
    assert time.monotonic() - began < DEADLINE / 3
    assert ({("INDEX_DOWN", "LOCAL_FACTORS")}, {"techno"}) == (told(response), kinds(response))


def test_an_index_that_is_down_is_answered_without_by_local_factors(slow_index: World) -> None:
    """By the same formula as the index would be; diversity, which needs its vectors, is left out and that is said."""
    listen(slow_index, "ann", 0, 2, 4)
    whole = ask(slow_index, "ann", page_size=200)
    slow_index.vectors.down = True
    response = ask(slow_index, "ann", Options(diversity=0.5), page_size=200)
    slow_index.vectors.down = False
    assert DEGRADED == response.path
    assert ("INDEX_DOWN", "LOCAL_FACTORS") in told(response)
    found = [
        {one.track_id: reason.rank for one in each.tracks for reason in one.reasons if reason.source == 1}
        for each in (whole, response)
    ]
    assert len(found[1]) > 100
    assert {one: found[1][one] for one in found[0].keys() & found[1].keys()} == {
        one: found[0][one] for one in found[0].keys() & found[1].keys()
    }


def test_a_store_that_is_down_is_answered_without_by_the_last_snapshot(slow_store: World) -> None:
    """Of profile and charts; who was never read gets what needs no profile."""
    make_popular(slow_store, "t1", "t3")
    listen(slow_store, "ann", 0, 2, 4)
    assert set() == told(ask(slow_store, "ann"))
    listen(slow_store, "ann", 6)
    slow_store.store.down = True
    response = ask(slow_store, "ann")
    stranger = ask(slow_store, "stranger")
    slow_store.store.down = False
    assert (DEGRADED, {"jazz"}) == (response.path, kinds(response))
    assert {("STORE_DOWN", "SNAPSHOT")} == told(response)
    assert not {"t0", "t2", "t4", "t6"} & {*ids(response)}
    assert ("STORE_DOWN", "OTHER_PARTS") in told(stranger)
    assert ["t1", "t3"] == ids(stranger)


def test_a_slow_store_costs_its_share_and_never_the_answer(slow_store: World) -> None:
    """The profile as it was read last stands in, with what was played since."""
    make_popular(slow_store, "t1", "t3")
    listen(slow_store, "ann", 0, 2, 4)
    ask(slow_store, "ann")
    listen(slow_store, "ann", 6)
    SimulatedSlowStore.seconds = HANGS
    began = time.monotonic()
    response = ask(slow_store, "ann")
    assert time.monotonic() - began < DEADLINE
    assert {("STORE_SLOW", "SNAPSHOT")} == told(response)
    assert (DEGRADED, {"jazz"}, 20) == (response.path, kinds(response), len(response.tracks))
    assert not {"t0", "t2", "t4", "t6"} & {*ids(response)}


def test_a_part_that_hangs_holds_no_more_than_the_threads_that_there_are(slow_index: World) -> None:
    """However many calls come."""
    listen(slow_index, "ann", 0, 2, 4)
    SimulatedSlowVectorIndex.seconds = 2.0
    for _ in range(20):
        assert 20 == len(ask(slow_index, "ann").tracks)
    assert sum(one.name.startswith("parts") for one in threading.enumerate()) <= parts.THREADS


def test_who_is_unknown_goes_down_the_chain(slow_store: World) -> None:
    """Seeds, then topics that the filter names, then what rises, then what is popular."""
    make_popular(slow_store, "t10", "t21", "t12")
    popular = ask(slow_store, "stranger")
    assert ({("NOTHING_KNOWN", "POPULAR")}, ["t10", "t21", "t12"]) == (told(popular), ids(popular))
    by_topic = ask(slow_store, "stranger", Options(filter=Filter(topic_ids=["techno"])), page_size=5)
    assert ("NOTHING_KNOWN", "TOPIC") in told(by_topic)
    assert ["t21", "t1999", "t1997", "t1995", "t1993"] == ids(by_topic)
    assert recommend_pb2.CANDIDATE_SOURCE_TOPIC == by_topic.tracks[1].reasons[0].source
    seeds = [recommend_pb2.SeedTrack(track_id="t0")]
    by_seeds = ask(slow_store, "stranger", Options(seeds=seeds, filter=Filter(topic_ids=["jazz"])), page_size=5)
    assert ({("NOTHING_KNOWN", "SEEDS")}, HYBRID) == (told(by_seeds), by_seeds.path)
    assert {COLD_START} == {popular.path, by_topic.path}


def test_without_a_model_the_answer_says_so(cold_world: World) -> None:
    """What rises comes before what is popular."""
    make_popular(cold_world, "t7", "t3")
    make_rising(cold_world, "t9")
    response = ask(cold_world, "ann")
    assert ({("NO_MODEL", "TRENDS")}, ["t9", "t7", "t3"]) == (told(response), ids(response))
