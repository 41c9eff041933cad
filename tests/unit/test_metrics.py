"""The metric code agrees with a second, plain one."""

import math

import numpy as np
import pytest
import scipy.sparse as sp

from training.data.dataset import PlayColumns, interactions
from training.data.split import random_split
from training.evaluation import metrics
from training.evaluation.evaluate import evaluate, popularity_scorer

K = 10


def naive(ranked: list[int], relevant: set[int], k: int) -> dict[str, float]:
    """Each metric of one listener in loops, straight from its definition."""
    top = ranked[:k]
    gains = sum(1.0 / math.log2(place + 2) for place, track in enumerate(top) if track in relevant)
    ideal = sum(1.0 / math.log2(place + 2) for place in range(min(k, len(relevant))))
    precisions = [
        sum(1 for other in top[: place + 1] if other in relevant) / (place + 1)
        for place, track in enumerate(top)
        if track in relevant
    ]
    first = next((place for place, track in enumerate(top) if track in relevant), None)
    return {
        "recall": len(precisions) / len(relevant),
        "ndcg": gains / ideal,
        "map": sum(precisions) / min(k, len(relevant)),
        "mrr": 0.0 if first is None else 1.0 / (first + 1),
        "hit_rate": 1.0 if precisions else 0.0,
    }


def random_pairs(seed: int) -> PlayColumns:
    """Some hundreds of plays by lot."""
    rng = np.random.default_rng(seed)
    return PlayColumns(
        listener_ids=[f"l{number}" for number in range(30)],
        track_ids=[f"t{number}" for number in range(80)],
        listeners=rng.integers(0, 30, 900).astype(np.int32),
        tracks=np.minimum(rng.exponential(20, 900), 79).astype(np.int32),
        counts=np.ones(900, dtype=np.float32),
        played_at=np.zeros(900, dtype=np.int64),
    )


@pytest.mark.parametrize("seed", range(5))
def test_full_ranking_metrics_equal_the_plain_recount(seed: int) -> None:
    """Scores by lot, training tracks left out, every metric of every listener recounted."""
    split = random_split(interactions(random_pairs(seed)), held_out=0.3, seed=seed)
    scores = np.random.default_rng(seed).normal(size=(30, 80)).astype(np.float32)
    result = evaluate(split, lambda listeners: scores[listeners].copy(), k=K, seed=0)
    known, held = split.train.matrix(), split.test.matrix()
    for place, listener in enumerate(result.listeners):
        ranked = [t for t in np.argsort(-scores[listener]).tolist() if t not in set(known[listener].indices)]
        expected = naive(ranked, set(held[listener].indices.tolist()), K)
        for name, value in expected.items():
            assert value == pytest.approx(result.per_listener[f"{name}@{K}"][place]), name


def test_best_breaks_ties_by_number_and_leaves_out_minus_infinity() -> None:
    """Equal scores keep the order of the catalogue, also across the last place; a list may be shorter than k."""
    scores = np.array([[1, 2, 1, 2, 1], [-np.inf, 3, -np.inf, -np.inf, -np.inf]], dtype=np.float32)
    assert [[1, 3, 0], [1, -1, -1]] == metrics.best(scores, 3).tolist()


def test_beyond_accuracy_metrics_on_a_case_counted_by_hand() -> None:
    """Novelty, popularity bias, diversity and coverage of two lists."""
    lists = np.array([[0, 1], [2, -1]], dtype=np.int32)
    assert [1.5, 3.0] == metrics.novelty(lists, np.array([0.5, 0.25, 0.125])).tolist()
    bias = metrics.popularity_bias(lists, np.array([4.0, 2.0, 1.0]), np.array([1.5, 2.0]))
    assert [1.0, -0.5] == bias.tolist()
    vectors = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    assert [1.0, 1.0] == metrics.diversity(lists, vectors).tolist()
    assert [0.0] == metrics.diversity(np.array([[0, 2]], dtype=np.int32), vectors).tolist()
    assert pytest.approx(0.75) == metrics.coverage(lists, 4)


def test_hits_ignore_empty_places() -> None:
    """-1 is no track, even where the last track is relevant."""
    relevant = sp.csr_matrix(np.array([[0, 0, 1]]))
    assert [[True, False]] == metrics.hits(np.array([[2, -1]], dtype=np.int32), relevant).tolist()


def test_interval_holds_the_mean_and_narrows_with_more_listeners() -> None:
    """A bootstrap over 16 times as many listeners is about a quarter as wide."""
    rng = np.random.default_rng(1)
    few = metrics.bootstrap({"m": rng.random(100)}, seed=0)["m"]
    many = metrics.bootstrap({"m": rng.random(1600)}, seed=0)["m"]
    assert few.low < few.value < few.high
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4, rel=0.25)


def test_popularity_ranks_by_listeners_not_plays() -> None:
    """A track one listener played often stands below a track two listeners played once."""
    plays = random_pairs(0)
    train = interactions(plays)
    scores = popularity_scorer(train)(np.array([0], dtype=np.int32))[0]
    assert np.bincount(train.tracks, minlength=80).tolist() == scores.tolist()


def test_slices_split_the_judged_listeners_into_thirds() -> None:
    """Few, some and many tracks in training, and every judged listener in one slice."""
    split = random_split(interactions(random_pairs(2)), held_out=0.3, seed=2)
    result = evaluate(split, popularity_scorer(split.train), k=K, seed=0)
    assert ["few", "some", "many"] == list(result.slices)
    mean = np.average([part[f"ndcg@{K}"].value for part in result.slices.values()], weights=[10, 10, 10])
    assert result.metrics[f"ndcg@{K}"].value == pytest.approx(mean)
