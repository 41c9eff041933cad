"""The training bench: its synthetic taste, one fit in a process of its own, and how many sweeps count as equal."""

import os
from pathlib import Path

import numpy as np
import pytest

from backend.domain.errors import Unavailable
from bench.taste import Shape, judged_split, load, save, shaped
from bench.training import SETTINGS, fewest_sweeps, run
from bench.training_fit import Fit, Request
from training.data.dataset import Interactions
from training.evaluation.evaluate import evaluate, popularity_scorer


@pytest.fixture(scope="module")
def pairs() -> Interactions:
    """A small set: 2,000 listeners, 1,000 tracks."""
    return shaped(Shape.of(100_000), seed=0)


def test_shaped_set_is_exact_skewed_and_repeatable(pairs: Interactions) -> None:
    """As many pairs as asked for, each once; few tracks hold much of it, and so do few listeners."""
    assert 100_000 == len(pairs) == len(np.unique(pairs.keys()))
    assert (np.diff(pairs.keys()) > 0).all()
    assert pairs.plays.min() >= 1
    for numbers, count in ((pairs.tracks, 1000), (pairs.listeners, 2000)):
        sizes = np.sort(np.bincount(numbers, minlength=count))[::-1]
        assert sizes[: count // 10].sum() > 0.25 * len(pairs)
    again = shaped(Shape.of(100_000), seed=0)
    assert pairs.keys().tobytes() == again.keys().tobytes()
    assert pairs.keys().tobytes() != shaped(Shape.of(100_000), seed=1).keys().tobytes()


def test_too_dense_a_shape_is_refused() -> None:
    """It could never be filled with draws."""
    with pytest.raises(ValueError, match="ask for more pairs"):
        shaped(Shape(pairs=1000, listeners=40, tracks=40), seed=0)


def test_a_fit_of_its_own_process_finds_the_planted_taste(pairs: Interactions, tmp_path: Path) -> None:
    """Far better than the most popular list, from the split that was saved."""
    split = judged_split(pairs, seed=0)
    save(split, tmp_path / "split.npz")
    assert split.test.keys().tobytes() == load(tmp_path / "split.npz").test.keys().tobytes()
    request = Request(engine="local", data=str(tmp_path / "split.npz"), sweeps=3, seed=0, settings=SETTINGS)
    fit = run(request, os.environ)
    popular = evaluate(split, popularity_scorer(split.train), k=20, seed=0).metrics["ndcg@20"].value
    assert fit.ndcg > 1.3 * popular
    assert len(split.train) == fit.pairs
    assert fit.peak_bytes > 50_000_000


def test_an_engine_that_fails_says_why(tmp_path: Path) -> None:
    """With what its process said last."""
    request = Request(engine="local", data=str(tmp_path / "none.npz"), sweeps=1, seed=0, settings=SETTINGS)
    with pytest.raises(Unavailable, match=r"none\.npz"):
        run(request, os.environ)


def test_equal_is_what_both_can_reach() -> None:
    """Each side stops at 99.5 % of the lower one of the two best metrics."""
    ours = trace("local", {1: 0.05, 2: 0.098, 3: 0.11})
    reference = trace("implicit", {2: 0.03, 4: 0.0985, 6: 0.1, 8: 0.099})
    assert (3, 6) == fewest_sweeps(ours, reference)


def trace(engine: str, metric: dict[int, float]) -> list[Fit]:
    """Fits by sweeps."""
    return [
        Fit(engine=engine, pairs=1, sweeps=sweeps, seconds=1.0, ndcg=value, peak_bytes=1)
        for sweeps, value in metric.items()
    ]
