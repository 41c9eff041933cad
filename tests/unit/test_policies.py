"""What may be asked of the order of an answer, on literals."""

import numpy as np
import pytest

from backend.ranking.mmr import likeness, marginal
from backend.ranking.policies import capped, damped, with_share
from backend.ranking.profile import LIKE_PLAYS, SEEDS, Taste, with_seeds


def test_marginal_relevance_is_the_formula_of_its_paper() -> None:
    """Against a slow one that is written as the formula is."""
    chance = np.random.default_rng(5)
    rows = chance.normal(size=(12, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    alike, relevance = rows @ rows.T, np.sort(chance.uniform(size=12))[::-1]
    scaled = (relevance - relevance.min()) / (relevance.max() - relevance.min())
    for diversity in (0.0, 0.3, 0.7, 1.0):
        chosen: list[int] = []
        while len(chosen) < 12:
            left = [one for one in range(12) if one not in chosen]
            value = {
                one: (1 - diversity) * scaled[one]
                - diversity * max((alike[one][other] for other in chosen), default=0.0)
                for one in left
            }
            chosen.append(max(left, key=lambda one: (round(value[one], 9), -one)))
        assert chosen == marginal(relevance, alike, diversity=diversity)


def test_without_diversity_the_order_stays() -> None:
    """And one track or none has but one."""
    assert [0, 1, 2] == marginal(np.array([3.0, 2.0, 1.0]), np.ones((3, 3)), diversity=0.0)
    assert ([0], []) == (
        marginal(np.ones(1), np.ones((1, 1)), diversity=0.5),
        marginal(np.ones(0), np.ones((0, 0)), diversity=0.5),
    )


def test_likeness_is_the_mean_over_the_spaces_that_hold_both() -> None:
    """A track without a vector is like none."""
    east, north = np.array([2, 0], dtype=np.float32), np.array([0, 1], dtype=np.float32)
    found = likeness([[east, east, None, None], [east, north, north, None]], 4)
    np.testing.assert_allclose([[1, 0.5, 0, 0], [0.5, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]], found, atol=1e-7)


def test_damping_divides_by_plays_to_a_power() -> None:
    """Of equals by id."""
    found = damped({"a": 1.0, "b": 0.9, "c": 0.3}, {"a": 99, "b": 8}, power=0.5)
    assert {"b": 0.3, "c": 0.3, "a": 0.1} == pytest.approx(found)
    assert ["b", "c", "a"] == list(found)


def test_a_cap_counts_in_the_whole_list() -> None:
    """What is counted by nothing is not capped."""
    of = {"a1": "a", "a2": "a", "b1": "b", "a3": "a"}
    assert ["a1", "x", "b1", "y"] == capped(["a1", "x", "a2", "b1", "a3", "y"], 1, of.get)


def test_a_share_of_known_ones_and_then_the_rest() -> None:
    """New ones where known ones are used up, and the other way round, but for a share of none."""
    known = {"k1", "k2", "k3"}
    ranked = ["k1", "k2", "n1", "k3", "n2", "n3"]
    assert ["n1", "k1", "n2", "k2", "n3", "k3"] == with_share(ranked, known, 0.5)
    assert ["n1", "n2", "n3"] == with_share(ranked, known, 0.0)
    assert ["k1", "k2", "k3", "n1", "n2", "n3"] == with_share(ranked, known, 1.0)


def test_seeds_stand_before_as_many_of_the_listeners_own_tracks() -> None:
    """The latest; alone, before none; and no seed comes in an answer."""
    own = Taste(plays={f"t{one}": 1 for one in range(9)}, last=["t0", "t1"], unwanted=frozenset({"t0"}))
    both = with_seeds(own, {"s1": 1.0, "s2": 0.5}, alone=False)
    assert {"s1": LIKE_PLAYS, "s2": LIKE_PLAYS / 2, "t0": 1, "t1": 1} == both.plays
    assert ["s1", "s2", "t0", "t1"] == list(both.last)
    assert {"s1", "s2", "t0"} == both.unwanted
    alone = with_seeds(own, {f"s{one}": 1.0 for one in range(9)}, alone=True)
    assert ({f"s{one}" for one in range(9)}, SEEDS) == (alone.plays.keys(), len(alone.last))
