"""Every engine finds the checkerboard's exact answer and holds a floor on real data."""

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.domain.errors import InvalidInput
from bench.taste import Shape, judged_split, shaped
from bench.training import SETTINGS as BENCHED
from bench.training_fit import judge
from training.data.dataset import Interactions, PlayColumns, interactions
from training.data.split import random_split
from training.engines.labelled import LEAST_TRACKS, LabelledTrainer
from training.engines.local import LocalTrainer
from training.engines.spark import SparkTrainer
from training.engines.spark_session import spark_session
from training.engines.trainer import AlsSettings, Earlier, Factors, Trainer
from training.evaluation.evaluate import evaluate, factors_scorer

pytestmark = pytest.mark.xdist_group("spark")
HETREC = Path(__file__).parents[2] / "../shared/data/lastfm-hetrec2011/user_artists.dat"

SMALL = AlsSettings(dimension=16)
SETTLED = {"local": 200, "spark": 5}
"""Sweeps after which a listener's factors fit the tracks': MLlib solves the listeners last, the local engine first."""


@pytest.fixture(scope="module", params=["local", "spark"])
def trainer(request: pytest.FixtureRequest) -> Iterator[Trainer]:
    """Every engine on one thread."""
    if request.param == "local":
        yield LocalTrainer(threads=1)
        return
    with spark_session("local[1]") as session:
        yield SparkTrainer(session)


def checkerboard(size: int) -> Interactions:
    """Listener i played track j where i + j is even, but nobody met the track of their own number."""
    pairs = [(i, j) for i in range(size) for j in range(size) if (i + j) % 2 == 0 and i != j]
    return columns([i for i, _ in pairs], [j for _, j in pairs], [1.0] * len(pairs))


def columns(listeners: list[int], tracks: list[int], counts: list[float]) -> Interactions:
    """Interactions of numbered listeners and tracks."""
    return interactions(
        PlayColumns(
            listener_ids=[str(number) for number in range(max(listeners) + 1)],
            track_ids=[str(number) for number in range(max(tracks) + 1)],
            listeners=np.array(listeners, dtype=np.int32),
            tracks=np.array(tracks, dtype=np.int32),
            counts=np.array(counts, dtype=np.float32),
            played_at=np.zeros(len(counts), dtype=np.int64),
        )
    )


def test_checkerboard_recommends_exactly_the_missing_square(trainer: Trainer) -> None:
    """Of the tracks a listener has not met, the one of their own colour comes first, for every listener."""
    board = checkerboard(50)
    factors = trainer.fit(board, settings=SMALL, seed=7)
    scores = factors.listeners @ factors.tracks.T
    scores[board.matrix().nonzero()] = -np.inf
    assert list(range(50)) == scores.argmax(axis=1).tolist()


def test_same_seed_and_data_give_the_same_bytes(trainer: Trainer) -> None:
    """On one thread; another seed starts elsewhere."""
    board = checkerboard(30)
    first, second, other = (trainer.fit(board, settings=replace(SMALL, sweeps=2), seed=seed) for seed in (1, 1, 2))
    assert first.tracks.tobytes() == second.tracks.tobytes()
    assert first.listeners.tobytes() == second.listeners.tobytes()
    assert first.tracks.tobytes() != other.tracks.tobytes()


def test_fold_in_finds_the_factors_of_a_known_listener(trainer: Trainer) -> None:
    """Solving a listener by the published formula gives what the engine has for it."""
    rng = np.random.default_rng(5)
    pairs = columns(rng.integers(0, 60, 1500).tolist(), rng.integers(0, 40, 1500).tolist(), [1.0] * 1500)
    factors = trainer.fit(pairs, settings=AlsSettings(dimension=8, sweeps=SETTLED[trainer.name]), seed=0)
    plays = pairs.matrix()
    for listener in range(10):
        folded = fold_in(factors, plays[listener].indices, plays[listener].data)
        assert folded == pytest.approx(factors.listeners[listener], rel=0.01, abs=1e-3)


def fold_in(factors: Factors, tracks: np.ndarray, plays: np.ndarray) -> np.ndarray:
    """The formula of backend.ports.models.FoldIn, solved directly."""
    known = factors.fold_in
    y = factors.tracks[tracks].astype(np.float64)
    confidence = known.confidence_scale * np.log1p(plays.astype(np.float64))
    system = known.unobserved_weight * known.gram + (y.T * confidence) @ y
    system += known.regularization_for(len(tracks)) * np.eye(y.shape[1])
    return np.linalg.solve(system, y.T @ (confidence + known.unobserved_weight))


def test_nothing_to_learn_from_is_said(trainer: Trainer) -> None:
    """No interactions: an error with the next step instead of empty factors."""
    board = checkerboard(4)
    with pytest.raises(InvalidInput, match="ingest plays first"):
        trainer.fit(board.where(np.zeros(len(board), dtype=bool)), settings=SMALL, seed=0)


@pytest.mark.skipif(not HETREC.exists(), reason="needs HetRec Last.fm in ../shared/data")
def test_every_engine_holds_its_floor_on_hetrec(trainer: Trainer) -> None:
    """NDCG@20, 80/20 per listener, full ranking over 17,632 artists; MLlib in a size that a test can wait for."""
    settings, floor = {
        "local": (AlsSettings(), 0.285),
        "spark": (AlsSettings(dimension=32, sweeps=6), 0.24),
    }[trainer.name]
    split = random_split(hetrec(), held_out=0.2, seed=0)
    factors = trainer.fit(split.train, settings=settings, seed=0)
    result = evaluate(split, factors_scorer(factors.listeners, factors.tracks), k=20, seed=0)
    assert result.metrics["ndcg@20"].value > floor


@pytest.mark.parametrize("trainer", ["spark"], indirect=True)
def test_mllib_finds_what_the_local_engine_finds(trainer: Trainer) -> None:
    """Where some tracks have hundreds of times the listeners of others, which a λ for listeners alone would silence."""
    split = judged_split(shaped(Shape.of(200_000), seed=0), seed=0)
    settings = replace(BENCHED, dimension=16, sweeps=6)
    ours, theirs = (
        judge(split, factors.listeners, factors.tracks)
        for factors in (one.fit(split.train, settings=settings, seed=0) for one in (LocalTrainer(threads=1), trainer))
    )
    assert theirs > 0.9 * ours > 0.08


def hetrec() -> Interactions:
    """All plays of HetRec Last.fm."""
    with HETREC.open(newline="") as file:
        rows = [tuple(map(int, row)) for row in list(csv.reader(file, delimiter="\t"))[1:]]
    numbered = np.array(rows, dtype=np.int64)
    listeners, tracks = (np.unique(numbered[:, side], return_inverse=True)[1] for side in (0, 1))
    return columns(listeners.tolist(), tracks.tolist(), numbered[:, 2].tolist())


def test_local_engine_gives_the_same_bytes_on_any_number_of_threads() -> None:
    """Rows are independent, and sums are taken in an order that the data gives."""
    rng = np.random.default_rng(3)
    pairs = columns(rng.integers(0, 900, 20_000).tolist(), rng.integers(0, 500, 20_000).tolist(), [1.0] * 20_000)
    one, three = (LocalTrainer(threads=threads).fit(pairs, settings=SMALL, seed=1) for threads in (1, 3))
    assert one.tracks.tobytes() == three.tracks.tobytes()
    assert one.listeners.tobytes() == three.listeners.tobytes()


def test_a_warm_start_keeps_the_answers_and_takes_in_who_is_new() -> None:
    """From a board's own factors, one sweep answers a larger board exactly: the old squares and the new ones."""
    trainer = LocalTrainer(threads=1)
    small, large = checkerboard(40), checkerboard(50)
    earlier = Earlier.of(small, trainer.fit(small, settings=SMALL, seed=7))
    factors = trainer.fit(large, settings=replace(SMALL, warm_sweeps=1), seed=7, earlier=earlier)
    scores = factors.listeners @ factors.tracks.T
    scores[large.matrix().nonzero()] = -np.inf
    assert list(range(50)) == scores.argmax(axis=1).tolist()


def test_a_warm_start_whose_listeners_are_all_new_goes_on_from_the_tracks() -> None:
    """Nobody of before is there: solved first, the tracks would lose what they knew."""
    trainer, board = LocalTrainer(threads=1), checkerboard(40)
    gone = [f"left-{name}" for name in board.listener_ids]
    earlier = replace(Earlier.of(board, trainer.fit(board, settings=SMALL, seed=7)), listener_ids=gone)
    factors = trainer.fit(board, settings=replace(SMALL, warm_sweeps=1), seed=7, earlier=earlier)
    scores = factors.listeners @ factors.tracks.T
    scores[board.matrix().nonzero()] = -np.inf
    assert list(range(40)) == scores.argmax(axis=1).tolist()


def test_an_earlier_version_of_other_tracks_is_left_aside() -> None:
    """Begun from factors of tracks that nobody plays any more, all would become zero."""
    trainer, board = LocalTrainer(threads=1), checkerboard(40)
    cold = trainer.fit(board, settings=SMALL, seed=7)
    gone = [f"gone-{name}" for name in board.track_ids]
    warm = trainer.fit(board, settings=SMALL, seed=7, earlier=replace(Earlier.of(board, cold), track_ids=gone))
    assert np.array_equal(cold.tracks, warm.tracks)
    assert cold.tracks.any(axis=1).all()


def test_earlier_factors_of_another_dimension_are_refused() -> None:
    """The caller decides whether to begin anew."""
    board = checkerboard(10)
    earlier = Earlier(
        listener_ids=[], track_ids=[], listeners=np.zeros((0, 4), np.float32), tracks=np.zeros((0, 4), np.float32)
    )
    with pytest.raises(ValueError, match="have 4 dimensions, 16 are wanted"):
        LocalTrainer(threads=1).fit(board, settings=SMALL, seed=0, earlier=earlier)


def test_labels_join_tracks_that_no_listener_joins(trainer: Trainer) -> None:
    """Each listener played one track of their own; the tracks carry a colour: those of the own colour come first."""
    alone = columns(list(range(20)), list(range(20)), [1.0] * 20)
    colours = {str(track): (("even", "odd")[track % 2], f"only {track}") for track in range(20)}
    labelled = LabelledTrainer(trainer=trainer, labels_of=colours, weight=1.0)
    factors = labelled.fit(alone, settings=replace(SMALL, dimension=2), seed=7)
    scores = factors.listeners @ factors.tracks.T
    assert (trainer.name, (20, 20)) == (labelled.name, scores.shape)
    for listener, row in enumerate(scores):
        own, other = row[listener % 2 :: 2], row[1 - listener % 2 :: 2]
        assert own.min() > other.max()


def test_labels_of_few_tracks_change_nothing() -> None:
    """Nor do those of tracks that nobody plays."""
    board, trainer = checkerboard(20), LocalTrainer(threads=1)
    rare = {**{str(track): ("rare",) for track in range(LEAST_TRACKS - 1)}, "gone": ("rare",)}
    plain = trainer.fit(board, settings=SMALL, seed=7)
    labelled = LabelledTrainer(trainer=trainer, labels_of=rare, weight=1.0).fit(board, settings=SMALL, seed=7)
    assert plain.tracks.tobytes() == labelled.tracks.tobytes()
    assert plain.listeners.tobytes() == labelled.listeners.tobytes()


def test_a_warm_start_keeps_listeners_apart_from_labels() -> None:
    """Their factors are known by id; those of labels begin anew."""
    board, settings = checkerboard(40), replace(SMALL, warm_sweeps=1)
    colours = {str(track): (("even", "odd")[track % 2],) for track in range(40)}
    trainer = LabelledTrainer(trainer=LocalTrainer(threads=1), labels_of=colours, weight=1.0)
    earlier = Earlier.of(board, trainer.fit(board, settings=settings, seed=7))
    scores = (warm := trainer.fit(board, settings=settings, seed=7, earlier=earlier)).listeners @ warm.tracks.T
    scores[board.matrix().nonzero()] = -np.inf
    assert list(range(40)) == scores.argmax(axis=1).tolist()


KERNELS = """
import sys
import numpy as np
from training.engines.kernel import row_solver, row_sums

at, first, ones = np.array([0, 5]), np.arange(5, dtype=np.int32), np.ones(5, np.float32)
for n in map(int, sys.argv[1:]):
    table = np.arange(1, 5 * n + 1, dtype=np.float32).reshape(5, n) / n
    sums, rows = np.zeros((1, n), np.float32), np.zeros((1, n), np.float32)
    row_sums(n)(0, 1, at, first, ones, table, sums)
    row_solver(n, n)(0, 1, at, first, ones, ones[0], ones[:1], ones[0] * np.ones(n, np.float32), table, rows)
    exact = np.linalg.solve(2 * np.eye(n) + table.T @ table, 2 * table.sum(axis=0))
    assert np.allclose(table.sum(axis=0), sums[0]), n
    assert np.allclose(exact, rows[0], rtol=1e-2, atol=1e-2), (n, exact, rows[0])
"""


def test_kernels_that_other_processes_compiled_are_found_again_and_right(tmp_path: Path) -> None:
    """Sizes compiled apart, as by two trainings, are read together without taking each other's loops."""
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}

    def kept_after(*sizes: str) -> list[str]:
        subprocess.run([sys.executable, "-c", KERNELS, *sizes], check=True, env=env)
        return sorted(file.name for file in tmp_path.rglob("*.nbc"))

    kept_after("3")
    kept = kept_after("8")
    assert kept == kept_after("8", "3")
    assert ["row_solver_3_3", "row_solver_8_8", "row_sums_3", "row_sums_8"] == sorted(
        name.partition("-")[0].rpartition(".")[2] for name in kept
    )
