"""From the archive and the catalogue to a version that serves, on the real store."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend import wiring
from backend.domain.errors import NotFound
from backend.domain.plays import Play
from backend.settings import Settings
from training.simulate import Simulation, simulate
from training.train import TrainingReport, train

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """A small service."""
    return simulate(3, now=NOW, artists=60, tracks=400, listeners=300, days=21, plays=20_000)


@pytest.fixture(scope="module")
def home(settings: Settings, simulation: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A tenant of its own: the simulation's catalogue in the store, its plays in an archive."""
    own = settings.model_copy(update={"home": tmp_path_factory.mktemp("training"), "tenant": "training-test"})
    own = own.model_copy(update={"vectors_url": "", "models_url": "", "archive_url": "", "encoder_folder": None})
    with closing(wiring.store(own)) as store:
        store.migrate()
        store.put_artists(simulation.artists)
        store.put_tracks(simulation.tracks)
    archive(own.home / "archive", simulation.plays)
    return own


def archive(folder: Path, plays: Sequence[Play]) -> None:
    """The plays as the streaming job leaves them: one folder per day."""
    for day, group in groupby(plays, key=lambda play: play.played_at.date()):
        path = folder / f"day={day.isoformat()}"
        path.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([asdict(play) for play in group]), path / "part-0")


@pytest.fixture(scope="module")
def report(home: Settings) -> TrainingReport:
    """The first training."""
    return train(home, now=NOW, seed=0, threads=1)


def test_training_publishes_a_version_that_beats_the_most_popular_list(home: Settings, report: TrainingReport) -> None:
    """The pointer moves to it, its vectors are complete, and its interval lies above the baseline."""
    assert (True, "") == (report.promoted, report.reason)
    assert report.version == wiring.models(home).current()
    assert report.metrics["ndcg@20"].low > 2 * report.baseline["ndcg@20"].value
    index = wiring.vector_index(home)
    assert report.data.tracks == index.count(f"{report.version}.factors")
    assert len(wiring.models(home).load(report.version).manifest["files"]) == 6  # type: ignore[arg-type]


def test_tracks_without_plays_can_be_found_by_content(
    home: Settings, report: TrainingReport, simulation: Simulation
) -> None:
    """Every track of the catalogue has a content vector."""
    assert len(simulation.tracks) == wiring.vector_index(home).count(f"{report.version}.content")


def test_the_same_training_gives_the_same_files(home: Settings, report: TrainingReport) -> None:
    """One thread, same seed and data, another moment: only the moment differs."""
    again = train(home, now=NOW.replace(hour=11), seed=0, threads=1)
    models = wiring.models(home)
    first, second = (models.load(version).manifest["files"] for version in (report.version, again.version))
    assert first == second
    assert report.version == models.previous()


def test_the_exported_encoder_is_ready_for_the_server(home: Settings, report: TrainingReport) -> None:
    """Search by words works after the first training."""
    assert report.promoted
    encoder = wiring.encoder(home)
    assert (1, encoder.dimension) == encoder.encode(["slow piano"]).shape


def test_training_without_an_archive_says_what_to_do(home: Settings, tmp_path: Path) -> None:
    """No archive yet: the next step, and nothing published."""
    empty = home.model_copy(update={"archive_url": tmp_path.as_uri()})
    before = len(wiring.models(home).summaries())
    with pytest.raises(NotFound, match="segue ingest"):
        train(empty, now=NOW, seed=0)
    assert before == len(wiring.models(home).summaries())
