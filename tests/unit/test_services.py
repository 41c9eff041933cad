"""The small parts the services share: bounded maps, breaker, live profiles, the current model, watching."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from backend.domain.errors import Unavailable
from backend.domain.feedback import FeedbackKind
from backend.domain.listeners import Profile, merge
from backend.domain.plays import Timing
from backend.domain.tables import ArtistEngagement, Span
from backend.ports.models import ModelVersion
from backend.ports.store import TableQuery
from backend.ranking.foldin import FoldIn
from backend.services.bounded import BoundedMap
from backend.services.breaker import FAILURES, OPEN_SECONDS, Breaker
from backend.services.model import CurrentModel
from backend.services.profiles import FRESH_SECONDS, Profiles
from backend.services.report import SIGN_OF_LIFE_SECONDS, NamedPage, watch
from tests.memory import HandedModels, MemoryStore
from tests.unit.test_heartbeat import Clock
from tests.unit.test_listeners import play, word

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def test_a_bounded_map_forgets_what_was_used_longest_ago() -> None:
    """Reading counts as using."""
    kept: BoundedMap[str, int] = BoundedMap(2)
    kept.put("a", 1)
    kept.put("b", 2)
    kept.get("a")
    kept.put("c", 3)
    assert (1, None, 3, 2) == (kept.get("a"), kept.get("b"), kept.get("c"), len(kept))


def test_a_bounded_map_forgets_what_is_old(clock: Clock) -> None:
    """Reading does not make it younger."""
    kept: BoundedMap[str, int] = BoundedMap(2, seconds=10, clock=clock)
    kept.put("a", 1)
    clock.seconds += 9
    assert 1 == kept.get("a")
    clock.seconds += 2
    assert None is kept.get("a")


def fail(breaker: Breaker) -> None:
    """One failing call."""
    with pytest.raises(Unavailable, match="as the test asked"), breaker.guard():
        raise Unavailable("down, as the test asked")


def test_a_part_that_keeps_failing_is_left_alone_for_a_while(clock: Clock) -> None:
    """Then one call tries; its success closes the circuit, its failure opens it again."""
    breaker = Breaker("part", clock=clock)
    for _ in range(FAILURES):
        fail(breaker)
    with pytest.raises(Unavailable, match="in a row"), breaker.guard():
        pytest.fail("the part was asked although its circuit is open")
    clock.seconds += OPEN_SECONDS + 1
    fail(breaker)
    with pytest.raises(Unavailable, match="in a row"), breaker.guard():
        pytest.fail("the part was asked although its circuit is open")
    clock.seconds += OPEN_SECONDS + 1
    with breaker.guard():
        pass
    fail(breaker)
    with breaker.guard():
        pass


def test_a_profile_holds_what_was_accepted_a_moment_ago(clock: Clock) -> None:
    """Until the sink has had the time to store it."""
    store = MemoryStore()
    profiles = Profiles(store, clock=clock)
    assert Profile(listener_id="l") == profiles.of("l")
    profiles.plays_accepted([play(1), play(2), play(3, listener="m")])
    profiles.feedback_accepted([word(FeedbackKind.HIDE)])
    assert (["t2", "t1"], {"t"}) == ([one.track_id for one in profiles.of("l").recent], profiles.of("l").hidden)
    store.put_profiles([profiles.of("l")])
    assert 2 == len(profiles.of("l").recent)
    clock.seconds += FRESH_SECONDS + 1
    assert 2 == len(profiles.of("l").recent)
    assert () == profiles.of("m").recent


def row(number: int) -> ArtistEngagement:
    """A row of an artist."""
    return ArtistEngagement(
        artist_id=f"a{number}",
        span=Span.HOUR,
        window_start=NOON,
        plays=1,
        unique_listeners=1,
        returning_share=None,
        milliseconds_played=1,
        completion_rate=None,
        skips=0,
        likes=0,
    )


def test_a_watch_tells_changes_page_by_page_and_gives_signs_of_life(clock: Clock) -> None:
    """Every look asks for what was written after the one before."""
    asked: list[TableQuery] = []
    pages: Iterator[NamedPage[ArtistEngagement]] = iter(
        NamedPage(
            rows=tuple(row(number) for number in rows),
            next_page_token=token,
            as_of=NOON + timedelta(seconds=second),
            artists={},
            tracks={},
        )
        for rows, token, second in [([1], "more", 0), ([], "", 0), ([2], "on", 5), ([3], "", 6), ([], "", 6)]
    )

    def page(query: TableQuery) -> NamedPage[ArtistEngagement]:
        asked.append(query)
        return next(pages)

    looks = iter([1.0, 1.0, SIGN_OF_LIFE_SECONDS])

    def wait() -> bool:
        passed = next(looks, None)
        clock.seconds += passed or 0
        return passed is not None

    told = [[one.artist_id for one in seen.rows] for seen in watch(page, TableQuery(), wait=wait, clock=clock)]
    assert [["a1"], ["a2"], ["a3"], []] == told
    assert [None, NOON, NOON, NOON, NOON + timedelta(seconds=5)] == [query.written_after for query in asked]


def test_a_version_that_cannot_be_loaded_is_passed_over(tmp_path: Path) -> None:
    """It is marked, and the next one that is whole answers."""
    formula = FoldIn(gram=np.eye(2), unobserved_weight=1, regularization=1, confidence_scale=1)
    version = ModelVersion(
        version="v1", dimension=2, encoder_name="e", encoder_dimension=2, parts={"factors": formula}, manifest={}
    )
    repository = HandedModels(tmp_path)
    model = CurrentModel(repository)
    model.refresh()
    assert (None, False) == (model.version, model.refused)
    repository.hand_in(version)
    repository.altered = True
    model.refresh()
    assert (None, True) == (model.version, model.refused)
    repository.altered = False
    model.refresh()
    assert (version, False) == (model.version, model.refused)


def test_a_profile_holds_what_another_server_accepted(clock: Clock) -> None:
    """Once, however often the log's tail tells of it, and also of what this process accepted itself."""
    profiles = Profiles(MemoryStore(), clock=clock)
    profiles.plays_accepted([play(1)])
    profiles.plays_accepted([play(1), play(2), play(2)])
    assert ["t2", "t1"] == [one.track_id for one in profiles.of("l").recent]
    clock.seconds += FRESH_SECONDS + 1
    assert () == profiles.of("l").recent


def test_of_contrary_words_the_one_given_last_holds_whoever_took_it_in(clock: Clock) -> None:
    """In whatever order they come: the store's, those accepted here, and those that the log's tail tells of."""
    like = replace(word(FeedbackKind.LIKE), event_id="1")
    hide = replace(word(FeedbackKind.HIDE), event_id="2", given_at=like.given_at + timedelta(minutes=1))
    store = MemoryStore()
    store.put_profiles([merge(Profile(listener_id="l"), [], [hide])])
    profiles = Profiles(store, clock=clock)
    profiles.feedback_accepted([like])
    assert ({"t"}, set()) == (profiles.of("l").hidden, profiles.of("l").liked)
    profiles.feedback_accepted([replace(like, event_id="3", given_at=hide.given_at + timedelta(minutes=1)), hide])
    assert (set(), {"t"}) == (profiles.of("l").hidden, profiles.of("l").liked)


def test_a_flood_of_events_is_forgotten_from_its_beginning(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an import does not fill the memory."""
    monkeypatch.setattr("backend.services.profiles.FRESH_EVENTS", 3)
    profiles = Profiles(MemoryStore(), clock=clock)
    profiles.plays_accepted([play(number, listener="m" if number == 1 else "l") for number in range(1, 6)])
    assert ["t5", "t4", "t3"] == [one.track_id for one in profiles.of("l").recent]
    assert () == profiles.of("m").recent


def test_an_import_does_not_make_the_last_track_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of history within the minute leaves live plays, and the newest of the history, where they are."""
    monkeypatch.setattr("backend.services.profiles.FRESH_EVENTS", 3)
    profiles = Profiles(MemoryStore(), clock=clock)
    profiles.plays_accepted([play(9)])
    profiles.plays_accepted([replace(play(number, listener="m"), timing=Timing.HISTORY) for number in range(5)])
    assert ["t9"] == [one.track_id for one in profiles.of("l").recent]
    assert ["t4", "t3", "t2"] == [one.track_id for one in profiles.of("m").recent]
