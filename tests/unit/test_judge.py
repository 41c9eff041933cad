"""A training is promoted unless the held-out plays, or their number, speak against it."""

import io
from dataclasses import asdict, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.memory import MemoryModels
from training.data.dataset import Float32, PlayColumns, interactions
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings
from training.evaluation.evaluate import Evaluation
from training.evaluation.metrics import Estimate, bootstrap
from training.judging import guard
from training.judging.judge import judge
from training.judging.served import Served

ALS = AlsSettings(dimension=8)
TRAINER = LocalTrainer(threads=1)
NOTHING = np.zeros((0, 8), dtype=np.float32)


def evaluation(ndcg: list[float]) -> Evaluation:
    """An evaluation of as many listeners as there are numbers; recall is the same number."""
    values = {name: np.array(ndcg) for name in guard.GUARDED}
    return Evaluation(
        metrics=bootstrap(values, seed=0),
        slices={},
        coverage=Estimate(1.0, 1.0, 1.0),
        listeners=np.arange(len(ndcg), dtype=np.int32),
        activity=np.zeros(len(ndcg), dtype=np.int8),
        per_listener=values,
    )


class OneVersion(MemoryModels):
    """Holds the arrays of one version, numbered as the fixture `plays`."""

    def __init__(self, tracks: Float32, listeners: Float32) -> None:
        super().__init__()
        self.arrays = {"track_factors.npy": tracks, "listener_factors.npy": listeners}
        self.ids = {"track_ids.txt": ids("t", 400), "listener_ids.txt": ids("l", 120)}

    def read(self, version: str, name: str) -> bytes:
        if name in self.ids:
            return "".join(f"{line}\n" for line in self.ids[name]).encode()
        buffer = io.BytesIO()
        np.save(buffer, self.arrays[name])
        return buffer.getvalue()


def ids(letter: str, count: int) -> list[str]:
    """Names such as l000, l001."""
    return [f"{letter}{number:03d}" for number in range(count)]


def served(
    *, settings: dict[str, object], until: int | None = None, tracks: Float32 = NOTHING, listeners: Float32 = NOTHING
) -> Served:
    """A current version with these settings and factors, learned from 6000 plays up to a moment."""
    last = "" if until is None else datetime.fromtimestamp(until / 1000, UTC).isoformat()
    manifest = {"engine": "local", "settings": settings, "data": {"plays": 6000, "to": last}}
    return Served(version="v1", manifest=manifest, models=OneVersion(tracks, listeners))  # type: ignore[abstract]  # never published to


@pytest.fixture(scope="module")
def plays() -> PlayColumns:
    """Listeners of four tastes over four hundred tracks; the later plays follow the same tastes."""
    rng = np.random.default_rng(0)
    listeners = rng.integers(0, 120, 6000)
    tracks = 4 * rng.integers(0, 100, 6000) + listeners % 4
    return PlayColumns(
        listener_ids=ids("l", 120),
        track_ids=ids("t", 400),
        listeners=listeners.astype(np.int32),
        tracks=tracks.astype(np.int32),
        counts=np.ones(6000, dtype=np.float32),
        played_at=np.arange(6000, dtype=np.int64),
    )


def test_small_losses_are_chance_and_large_ones_are_not() -> None:
    """Only where the paired interval lies below 0 is the new version behind."""
    rng = np.random.default_rng(1)
    current = rng.random(200)
    wobble = evaluation((current + rng.normal(0, 0.1, 200)).tolist())
    worse = evaluation((current - 0.05).tolist())
    assert [] == list(guard.behind_current(wobble, evaluation(current.tolist()), seed=0))
    assert 2 == len(guard.behind_current(worse, evaluation(current.tolist()), seed=0))


def test_versions_are_compared_on_the_same_listeners_only() -> None:
    """Two different splits say nothing about two versions."""
    other = replace(evaluation([0.1, 0.2]), listeners=np.array([3, 4], dtype=np.int32))
    with pytest.raises(ValueError, match="different listeners"):
        guard.behind_current(evaluation([0.1, 0.2]), other, seed=0)


def test_a_model_behind_the_most_popular_list_is_not_promoted() -> None:
    """However good the reason: such a model has learned nothing."""
    assert [] == list(guard.behind_popularity(evaluation([0.2, 0.4]), evaluation([0.3, 0.3])))
    assert 2 == len(guard.behind_popularity(evaluation([0.1, 0.2]), evaluation([0.3, 0.3])))


def test_a_lost_archive_is_noticed() -> None:
    """Fewer than half the plays of the current version; without a current version nothing is known."""
    assert 1 == len(guard.lost_plays(49, {"plays": 100}))
    assert [] == [*guard.lost_plays(51, {"plays": 100}), *guard.lost_plays(1, {})]


def test_a_good_training_has_no_objection(plays: PlayColumns) -> None:
    """First version, and again with the same settings."""
    first = judge(plays, TRAINER, ALS, current=None, seed=0)
    assert () == first.objections
    assert first.metrics["ndcg@20"].value > first.baseline["ndcg@20"].value
    again = judge(plays, TRAINER, ALS, current=served(settings=asdict(ALS)), seed=0)
    assert ((), ()) == (again.objections, again.comparisons)
    assert {"ndcg@20", "ndcg@20.low", "ndcg@20.high", "popular.ndcg@20"} <= set(first.numbers())


def test_worse_settings_are_found_on_the_same_plays(plays: PlayColumns) -> None:
    """The current version's settings are fitted beside the new ones, which cannot tell four tastes apart."""
    spoiled = replace(ALS, dimension=1)
    judgement = judge(plays, TRAINER, spoiled, current=served(settings=asdict(ALS)), seed=0)
    assert any("with the current version's settings" in objection for objection in judgement.objections)
    (comparison,) = judgement.comparisons
    assert comparison.by == "settings"
    assert comparison.current["ndcg@20"].value > comparison.new["ndcg@20"].value


def test_the_factors_that_serve_are_judged_on_plays_they_never_saw(plays: PlayColumns) -> None:
    """Same settings, but the data that the new version learns from is spoiled: only the served factors can tell."""
    earlier = plays.where(plays.played_at < 4000)
    factors = TRAINER.fit(interactions(earlier), settings=ALS, seed=0)
    current = served(settings=asdict(ALS), until=3999, tracks=factors.tracks, listeners=factors.listeners)
    good = judge(plays, TRAINER, ALS, current=current, seed=0)
    assert ["factors"] == [comparison.by for comparison in good.comparisons]
    assert () == good.objections
    rng = np.random.default_rng(3)
    mixed = np.where(plays.played_at < 4000, rng.integers(0, 400, 6000), plays.tracks).astype(np.int32)
    spoiled = judge(replace(plays, tracks=mixed), TRAINER, ALS, current=current, seed=0)
    assert any("the current version on the plays since it learned" in objection for objection in spoiled.objections)


def test_too_few_new_plays_are_no_comparison(plays: PlayColumns) -> None:
    """A training minutes after the last one has nobody to ask."""
    factors = TRAINER.fit(interactions(plays), settings=ALS, seed=0)
    current = served(settings=asdict(ALS), until=5990, tracks=factors.tracks, listeners=factors.listeners)
    assert () == judge(plays, TRAINER, ALS, current=current, seed=0).comparisons


def test_plays_that_leave_nobody_to_judge_are_no_objection(plays: PlayColumns) -> None:
    """A service with one play per listener publishes without metrics."""
    judgement = judge(plays.where(np.arange(len(plays)) < 3), TRAINER, ALS, current=None, seed=0)
    assert ({}, ()) == (judgement.metrics, judgement.objections)
