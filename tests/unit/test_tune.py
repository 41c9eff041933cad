"""The search for settings looks at validation plays only, goes on where it was, and hands its best to training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.domain.errors import InvalidInput
from backend.settings import Settings
from training import tune
from training.data.dataset import Interactions, PlayColumns
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings, Factors, Trainer
from training.judging.judge import HELD_OUT
from training.tune import Trial, Tuning
from training.tuned import DEFAULTS, best_file, tuned
from training.wiring import tuning_folder


class Watching(LocalTrainer):
    """Remembers the newest play that it was ever shown."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.newest = 0

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int, **further: Any) -> Factors:
        self.newest = max(self.newest, int(pairs.last_played_at.max()))
        return super().fit(
            pairs, settings=replace(settings, dimension=min(settings.dimension, 8)), seed=seed, **further
        )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with everything below a folder of the test's own."""
    return Settings(home=tmp_path)


@pytest.fixture(scope="module")
def plays() -> PlayColumns:
    """Listeners of three tastes."""
    rng = np.random.default_rng(0)
    listeners = rng.integers(0, 60, 2500)
    tracks = 3 * rng.integers(0, 60, 2500) + listeners % 3
    return PlayColumns(
        listener_ids=[f"l{number:02d}" for number in range(60)],
        track_ids=[f"t{number:03d}" for number in range(180)],
        listeners=listeners.astype(np.int32),
        tracks=tracks.astype(np.int32),
        counts=np.ones(2500, dtype=np.float32),
        played_at=np.arange(2500, dtype=np.int64) * 1000,
    )


class KnowsOneDimension(Watching):
    """Learns with factors of one dimension only; whatever else it is told, it puts the tracks in the wrong order."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int, **further: Any) -> Factors:
        factors = super().fit(pairs, settings=settings, seed=seed, **further)
        return factors if settings.dimension == self.dimension else replace(factors, tracks=-factors.tracks)


def searched(
    settings: Settings, plays: PlayColumns, trials: int, *, restart: bool = False, trainer: Trainer | None = None
) -> tuple[Tuning, list[Trial]]:
    """A search, and its trials as they were told."""
    told: list[Trial] = []
    asked = trainer or Watching()
    found = tune.tune(
        settings, plays, asked, trials=trials, timeout_seconds=None, seed=0, restart=restart, each=told.append
    )
    return found, told


@pytest.mark.parametrize("dimension", [128, 32])
def test_the_best_trial_becomes_the_settings_of_the_next_training(
    settings: Settings, plays: PlayColumns, dimension: int
) -> None:
    """The first trial is the defaults; the best has the dimension that alone learns, whether that is theirs or not."""
    assert DEFAULTS == tuned(tuning_folder(settings)).source
    found, told = searched(settings, plays, 12, trainer=KnowsOneDimension(dimension))
    assert (AlsSettings(), told[0].value) == (told[0].settings, found.default_value)
    assert {dimension} < {trial.settings.dimension for trial in told}
    assert (dimension, max(told, key=lambda trial: trial.value)) == (found.best.settings.dimension, found.best)
    kept = tuned(tuning_folder(settings))
    assert (found.best.settings, str(best_file(tuning_folder(settings)))) == (kept.als, kept.source)


def test_plays_that_versions_are_judged_by_are_never_looked_at(settings: Settings, plays: PlayColumns) -> None:
    """Nor are those that validate ever learned from."""
    trainer = Watching()
    tune.tune(settings, plays, trainer, trials=1, timeout_seconds=None, seed=0)
    assert trainer.newest <= np.quantile(plays.played_at, (1 - HELD_OUT) ** 2) + 1000
    later = replace(plays, tracks=np.where(plays.played_at > 2_000_000, 0, plays.tracks).astype(np.int32))
    other = settings.model_copy(update={"home": settings.home / "other"})
    assert searched(settings, plays, 1, restart=True)[0].best.value == searched(other, later, 1)[0].best.value


def test_an_interrupted_search_goes_on_with_the_same_plays(settings: Settings, plays: PlayColumns) -> None:
    """New plays came meanwhile: trials of both runs are of the plays that the study began with."""
    first, _ = searched(settings, plays.where(plays.played_at < 2_000_000), 2)
    second, told = searched(settings, plays, 2)
    assert (first.until, first.plays, 4, 2) == (second.until, second.plays, second.trials, second.made)
    assert [2, 3] == [trial.number for trial in told]
    fresh, told = searched(settings, plays, 1, restart=True)
    assert (1, True) == (fresh.trials, fresh.until > first.until)
    assert AlsSettings() == told[0].settings


def test_same_seed_asks_the_same_questions(settings: Settings, plays: PlayColumns) -> None:
    """And gets the same answers."""
    other = settings.model_copy(update={"home": settings.home / "other"})
    assert searched(settings, plays, 3)[1] == searched(other, plays, 3)[1]


def test_a_killed_search_leaves_no_lock_behind(settings: Settings, plays: PlayColumns) -> None:
    """The journal's own lock file outlives a process; the next search does not wait for it."""
    found, _ = searched(settings, plays, 1)
    Path(f"{found.study}.lock").touch()
    assert 2 == searched(settings, plays, 1)[0].trials


def test_plays_without_new_tracks_cannot_be_searched_on(settings: Settings, plays: PlayColumns) -> None:
    """Said with what to do."""
    with pytest.raises(InvalidInput, match="ingest more plays"):
        searched(settings, plays.where(plays.played_at < 3000), 1)


def test_a_best_file_of_another_release_is_refused(settings: Settings) -> None:
    """With what to do; a training on unknown settings would be worse."""
    best_file(tuning_folder(settings)).parent.mkdir(parents=True)
    best_file(tuning_folder(settings)).write_text('{"settings": {"rank": 3}}')
    with pytest.raises(InvalidInput, match="segue tune"):
        tuned(tuning_folder(settings))
