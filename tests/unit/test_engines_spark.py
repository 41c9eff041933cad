"""The Spark engine on a play archive: the plays that the local reader keeps, their numbers, factors as Parquet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.domain.errors import InvalidInput
from backend.domain.plays import Lesson
from tests.lessons import LESSON_CASES
from training.content.clusters import FEATURES, Bounds, find_levels
from training.content.spark_clusters import find_levels_on
from training.data.archive import read_archive
from training.data.dataset import interactions
from training.data.exclusions import Withheld
from training.engines import spark_archive
from training.engines.spark import LISTENER_FACTORS, TRACK_FACTORS, SparkTrainer, read_factors
from training.engines.spark_session import linear_algebra, spark_session
from training.engines.trainer import AlsSettings, gram

pytestmark = pytest.mark.xdist_group("spark")
DAY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """Spark on one thread."""
    with spark_session("local[1]") as session:
        yield session


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of 300 plays each, some of them repeated, skipped or withheld."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(0)
    for day in range(2):
        numbers = np.concatenate([np.arange(300), rng.integers(0, 300, 40)])
        rows = [
            {
                "event_id": f"event-{day}-{number}",
                "listener_id": f"listener-{(number * 7) % 23}",
                "track_id": f"track-{(number * number) % 31}",
                "played_at": DAY + timedelta(days=day, seconds=int(number)),
                "milliseconds_played": 5_000 if number % 11 == 0 else 200_000,
                "track_milliseconds": 200_000,
                "allow_training": None if number % 13 == 0 else bool(number % 17),
            }
            for number in numbers.tolist()
        ]
        path = folder / f"day={(DAY + timedelta(days=day)).date()}"
        path.mkdir()
        pq.write_table(pa.Table.from_pylist(rows), path / "part-0")
        (path / "_unfinished").write_bytes(b"not Parquet")
    return folder


def test_spark_counts_the_same_pairs_under_the_same_numbers(session: Any, archive: Path) -> None:
    """Rights, repeats and skips as `read_archive` has them; numbers in the order of the ids."""
    plays = spark_archive.allowed(session.read.parquet(archive.as_uri()))
    listeners, tracks = (spark_archive.numbered(plays, name) for name in ("listener_id", "track_id"))
    counted = spark_archive.counted(plays, listeners, tracks).toArrow().to_pylist()
    expected = interactions(read_archive(archive.as_uri()).plays)
    triples = zip(expected.listeners.tolist(), expected.tracks.tolist(), expected.plays.tolist(), strict=True)
    assert sorted(triples) == sorted((row["listener"], row["track"], float(row["plays"])) for row in counted)
    assert list(expected.listener_ids) == [row["id"] for row in sorted(listeners.collect(), key=lambda row: row[1])]
    assert {"int"} == {dict(frame.dtypes)["number"] for frame in (listeners, tracks)}


def test_spark_keeps_positive_plays_only(session: Any, tmp_path: Path) -> None:
    """Those of the table of cases; a missing length is an unknown one."""
    lengths = [(case.name, case.heard, case.length) for case in LESSON_CASES]
    lengths += [("no-length", 29_999, None), ("no-length-heard-long", 30_000, None)]
    names, heard, length = zip(*lengths, strict=True)
    columns = {
        "event_id": names,
        "listener_id": names,
        "track_id": names,
        "milliseconds_played": pa.array(heard, pa.int32()),
        "track_milliseconds": pa.array(length, pa.int32()),
        "allow_training": [True] * len(names),
    }
    pq.write_table(pa.table(columns), tmp_path / "plays.parquet")
    kept = spark_archive.allowed(session.read.parquet(tmp_path.as_uri())).collect()
    positive = {case.name for case in LESSON_CASES if case.teaches is Lesson.POSITIVE}
    assert {*positive, "no-length-heard-long"} == {row["track_id"] for row in kept}


def test_factors_of_the_archive_stand_in_parquet_beside_their_ids(session: Any, archive: Path, tmp_path: Path) -> None:
    """They fold in what the in-memory fit of the same plays folds in."""
    settings = AlsSettings(dimension=4, sweeps=3)
    trainer = SparkTrainer(session)
    fold_in = trainer.fit_archive(archive.as_uri(), tmp_path, settings=settings, seed=1)
    pairs = interactions(read_archive(archive.as_uri()).plays)
    track_ids, tracks = read_factors(tmp_path / TRACK_FACTORS)
    listener_ids, listeners = read_factors(tmp_path / LISTENER_FACTORS)
    assert (list(pairs.track_ids), list(pairs.listener_ids)) == (track_ids, listener_ids)
    assert ((len(track_ids), 4), (len(listener_ids), 4)) == (tracks.shape, listeners.shape)
    assert gram(tracks) == pytest.approx(fold_in.gram)
    in_memory = trainer.fit(pairs, settings=settings, seed=1).fold_in
    assert in_memory.unobserved_weight == pytest.approx(fold_in.unobserved_weight)
    assert in_memory.regularization == pytest.approx(fold_in.regularization)


def test_what_was_taken_back_is_not_in_the_factors(session: Any, archive: Path) -> None:
    """Neither a listener who says so, nor tracks that are withheld, themselves or by an artist."""
    pairs = interactions(read_archive(archive.as_uri()).plays)
    listeners, tracks = sorted(pairs.listener_ids), sorted(pairs.track_ids)
    withheld = Withheld(
        listeners=frozenset(listeners[:1]), tracks=frozenset(tracks[:1]), of_artists=frozenset(tracks[1:2])
    )
    kept = spark_archive.allowed(session.read.parquet(archive.as_uri()), withheld).collect()
    assert set(listeners[1:]) == {row["listener_id"] for row in kept}
    assert set(tracks[2:]) == {row["track_id"] for row in kept}


def test_an_archive_without_a_play_to_learn_from_is_said(session: Any, archive: Path, tmp_path: Path) -> None:
    """All rights withheld."""
    table = pq.read_table(next(archive.glob("*/part-0")))
    column = table.schema.get_field_index("allow_training")
    withheld = table.set_column(column, "allow_training", pa.array([False] * len(table)))
    (tmp_path / "archive").mkdir()
    pq.write_table(withheld, tmp_path / "archive" / "part-0")
    with pytest.raises(InvalidInput, match="ingest plays first"):
        SparkTrainer(session).fit_archive(
            (tmp_path / "archive").as_uri(), tmp_path, settings=AlsSettings(dimension=4, sweeps=1), seed=0
        )


def test_clusters_are_those_of_the_local_engine(session: Any) -> None:
    """Three groups far apart, the largest of two near each other: both levels are the same, and all silhouettes.

    The row that is not whole is left out, and a feature that hardly varies decides on neither.
    """
    rng = np.random.default_rng(4)
    centres = rng.uniform(0, 10, (4, len(FEATURES)))
    centres[1] = centres[0] + 0.3
    table = centres[np.repeat(np.arange(4), (50, 40, 30, 20))] + rng.normal(0, 0.01, (140, len(FEATURES)))
    table[:, 4] = 0.5 + rng.normal(size=140) * 1e-9
    broken = np.full((1, len(FEATURES)), np.nan)
    bounds = Bounds(least=2, most=3, within=2)
    found = find_levels_on(session, np.vstack([table, broken]), bounds, 0)
    expected = find_levels(table, bounds, seed=0)
    assert found is not None
    assert expected is not None
    assert expected.means == pytest.approx(found.means)
    assert expected.deviations == pytest.approx(found.deviations)
    assert expected.top.centroids == pytest.approx(found.top.centroids)
    assert 3 == len(found.top.centroids)
    assert expected.top.scores == pytest.approx(found.top.scores)
    (inside, *whole), (inside_here, *whole_here) = expected.within, found.within
    assert [None, None] == whole == whole_here
    assert inside is not None
    assert inside_here is not None
    assert inside.centroids == pytest.approx(inside_here.centroids)
    assert find_levels_on(session, table[:39], bounds, 0) is None


def test_the_session_says_what_its_algebra_runs_on(session: Any) -> None:
    """Java's own classes where no system library is in reach."""
    loaded = linear_algebra(session)
    assert loaded.blas in {"JNIBLAS", "VectorBLAS", "Java11BLAS", "F2jBLAS"}
    assert loaded.lapack in {"JNILAPACK", "F2jLAPACK"}
