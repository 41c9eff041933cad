"""Fusion and diversity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.recommendations import Candidate
from backend.ranking.diverse import DIVERSE_FIRST, PER_ARTIST, diverse_among
from backend.ranking.fuse import RANK_OFFSET, fuse

FACTORS, CONTENT, TREND = "factors", "content", "trend"
WEIGHTS = {FACTORS: 0.6, CONTENT: 0.3, TREND: 0.1}


def listed(source: str, *track_ids: str) -> list[Candidate]:
    """A source's list, best first."""
    return [
        Candidate(track_id=track_id, source=source, rank=rank, score=1 / rank, because=f"{source} says so")
        for rank, track_id in enumerate(track_ids, 1)
    ]


def test_a_score_is_the_weighted_sum_of_reciprocal_ranks() -> None:
    """And the shares are its parts."""
    ranked = fuse(
        [*listed(FACTORS, "a", "b"), *listed(CONTENT, "b"), *listed(TREND, "c")], WEIGHTS, exclude=frozenset()
    )
    parts = (0.6 / (RANK_OFFSET + 2), 0.3 / (RANK_OFFSET + 1))
    best = ranked[0]
    assert ("b", pytest.approx(sum(parts))) == (best.track_id, best.score)
    assert [FACTORS, CONTENT] == [reason.source for reason in best.reasons]
    assert pytest.approx([part / sum(parts) for part in parts]) == [reason.share for reason in best.reasons]
    assert ["b", "a", "c"] == [one.track_id for one in ranked]


def test_weights_are_those_of_the_sources_present() -> None:
    """A single source keeps its order at full weight, whatever its weight was."""
    ranked = fuse(listed(TREND, "x", "y"), WEIGHTS, exclude=frozenset())
    assert [("x", 1 / (RANK_OFFSET + 1)), ("y", 1 / (RANK_OFFSET + 2))] == [(one.track_id, one.score) for one in ranked]


def test_excluded_tracks_and_sources_without_weight_do_not_come() -> None:
    """Neither from one list nor from another."""
    lists = [*listed(FACTORS, "a", "b"), *listed("linear", "z")]
    assert ["b"] == [one.track_id for one in fuse(lists, WEIGHTS, exclude=frozenset({"a"}))]
    assert [] == fuse(listed("linear", "z"), WEIGHTS, exclude=frozenset())


track_ids = st.lists(st.sampled_from([f"t{number}" for number in range(40)]), unique=True, max_size=30)


@given(track_ids, track_ids, track_ids)
def test_fusion_is_a_ranking_of_what_was_listed(first: list[str], second: list[str], third: list[str]) -> None:
    """Each track once, scores falling, shares summing to 1; the order of the lists does not matter."""
    lists = [*listed(FACTORS, *first), *listed(CONTENT, *second), *listed(TREND, *third)]
    ranked = fuse(lists, WEIGHTS, exclude=frozenset({"t0"}))
    assert {*first, *second, *third} - {"t0"} == {one.track_id for one in ranked}
    assert len({one.track_id for one in ranked}) == len(ranked)
    assert sorted((one.score for one in ranked), reverse=True) == [one.score for one in ranked]
    assert all(abs(sum(reason.share for reason in one.reasons) - 1) < 1e-9 for one in ranked)
    assert [one.track_id for one in ranked] == [
        one.track_id for one in fuse(lists[::-1], WEIGHTS, exclude=frozenset({"t0"}))
    ]


@given(st.lists(st.integers(0, 14), max_size=80))
def test_diversity_moves_tracks_but_loses_none(artists: list[int]) -> None:
    """At most two of an artist among the first twenty wherever there are enough others."""
    names = [f"a{artist}" for artist in artists]
    shown = diverse_among(names)
    assert list(range(len(artists))) == sorted(shown)
    enough = sum(min(artists.count(artist), PER_ARTIST) for artist in set(artists)) >= DIVERSE_FIRST
    first = [names[one] for one in shown[:DIVERSE_FIRST]]
    assert not enough or max(first.count(artist) for artist in first) <= PER_ARTIST


def test_what_is_diverse_already_stays_as_it_is() -> None:
    """Diversity is no second ranking."""
    assert list(range(50)) == diverse_among([f"a{at}" for at in range(50)])


def test_tracks_without_an_artist_are_in_no_answer() -> None:
    """Nobody knows them; the others keep their places."""
    assert [0, 3] == diverse_among(["a", None, None, "b"])
