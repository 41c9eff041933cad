"""A training is promoted unless the held-out plays, or their number, speak against it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from backend.adapters.models.folder import FolderModelRepository
from backend.versions.codec import Ranking, store, vector_files
from training.data.dataset import PlayColumns, interactions
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings
from training.evaluation.evaluate import Evaluation
from training.evaluation.metrics import Estimate, bootstrap
from training.judging import guard
from training.judging.judge import Judge, Judgement
from training.judging.published import Published
from training.ranking.version import Words, learn

ALS = AlsSettings(dimension=8)
TRAINER = LocalTrainer(threads=1)
ARTIST_OF = {f"t{number:04d}": f"a{number:04d}" for number in range(3000)}
WORDS = Words(track_ids=[], vectors=np.zeros((0, 1), dtype=np.float32), artist_of=ARTIST_OF)


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


class OneVersion(FolderModelRepository):
    """Holds the files of one version."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(Path("no folder: files are handed in"))
        self.files = files

    def read(self, version: str, name: str) -> bytes:
        return self.files[name]


def ids(letter: str, count: int) -> list[str]:
    """Names such as l0000, l0001."""
    return [f"{letter}{number:04d}" for number in range(count)]


def current(*, settings: dict[str, object], learned: PlayColumns | None = None) -> Published:
    """A current version with these settings, as if learned from 6000 plays; with files where `learned` from some."""
    manifest: dict[str, object] = {"version": "v1", "settings": settings, "data": {"plays": 6000, "to": ""}}
    files: dict[str, bytes] = {}
    if learned is not None:
        pairs = interactions(learned)
        version = learn(pairs, TRAINER.fit(pairs, settings=ALS, seed=0), WORDS)
        stored = store(Ranking(encoder_name="none", encoder_dimension=1, parts=version.parts))
        files = {**dict(vector_files(version.vectors)), **stored.files}
        until = datetime.fromtimestamp(int(learned.played_at.max()) / 1000, UTC).isoformat()
        manifest |= {**stored.manifest, "data": {"plays": 6000, "to": until}, "files": dict.fromkeys(files, "")}
    return Published(version="v1", manifest=manifest, models=OneVersion(files))


def judge(plays: PlayColumns, als: AlsSettings, version: Published | None) -> Judgement:
    """The judgement of a training without words."""
    return Judge(trainer=TRAINER, words=WORDS, seed=0).judge(plays, als, current=version)


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
    first = judge(plays, ALS, None)
    assert () == first.objections
    assert first.metrics["ndcg@20"].value > first.baseline["ndcg@20"].value
    again = judge(plays, ALS, current(settings=asdict(ALS)))
    assert ((), ()) == (again.objections, again.comparisons)
    assert {"ndcg@20", "ndcg@20.low", "ndcg@20.high", "popular.ndcg@20"} <= set(first.numbers())


def on_a_circle(count: int, *, listeners: int, tracks: int, kappa: float, seed: int = 0) -> PlayColumns:
    """Listeners spread around a circle of tracks, each playing what is near; 6000 moments for `count` plays."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, listeners, count)
    where = who / listeners + rng.vonmises(0, kappa, count) / (2 * np.pi)
    return PlayColumns(
        listener_ids=ids("l", listeners),
        track_ids=ids("t", tracks),
        listeners=who.astype(np.int32),
        tracks=np.floor(where % 1 * tracks).astype(np.int32),
        counts=np.ones(count, dtype=np.float32),
        played_at=np.arange(count, dtype=np.int64) * 6000 // count,
    )


def test_worse_settings_are_found_on_the_same_plays() -> None:
    """The current version's settings are fitted beside the new ones, whose one dimension holds no circle.

    There are so few plays of a track that links cannot make up for it.
    """
    spoiled = replace(ALS, dimension=1)
    thin = on_a_circle(12_000, listeners=600, tracks=3000, kappa=20)
    judgement = judge(thin, spoiled, current(settings=asdict(ALS)))
    assert any("with the current version's settings" in objection for objection in judgement.objections)
    (comparison,) = judgement.comparisons
    assert comparison.by == "settings"
    assert comparison.current["ndcg@20"].value > comparison.new["ndcg@20"].value


def test_the_version_that_serves_is_judged_on_plays_it_never_saw() -> None:
    """Same settings, but what serves learned from ten times the plays that the new version has: its answers tell."""
    thin = on_a_circle(6000, listeners=300, tracks=1200, kappa=30)
    same = judge(thin, ALS, current(settings=asdict(ALS), learned=thin.where(thin.played_at < 4000)))
    assert ["answers"] == [comparison.by for comparison in same.comparisons]
    assert () == same.objections
    rich = on_a_circle(60_000, listeners=300, tracks=1200, kappa=30, seed=1)
    lost = judge(thin, ALS, current(settings=asdict(ALS), learned=rich.where(rich.played_at < 4000)))
    assert any("the current version on the plays since it learned" in objection for objection in lost.objections)


def test_too_few_new_plays_are_no_comparison(plays: PlayColumns) -> None:
    """A training minutes after the last one has nobody to ask."""
    serving = current(settings=asdict(ALS), learned=plays.where(plays.played_at <= 5990))
    assert () == judge(plays, ALS, serving).comparisons


def test_plays_that_leave_nobody_to_judge_are_no_objection(plays: PlayColumns) -> None:
    """A service with one play per listener publishes without metrics."""
    judgement = judge(plays.where(np.arange(len(plays)) < 3), ALS, None)
    assert ({}, ()) == (judgement.metrics, judgement.objections)
