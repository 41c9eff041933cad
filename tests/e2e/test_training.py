"""From the archive and the catalogue to a version that serves, on the real store."""

import json
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend import wiring
from backend.domain.errors import NotFound
from backend.files import sha256
from backend.ports.event_log import Topic
from backend.ports.records import clusters_from_value
from backend.settings import Settings
from bench.serving import archive
from training import wiring as training_wiring
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
    log = wiring.event_log(own)
    log.create_topics()
    log.close(timeout_seconds=1)
    archive(own.home / "archive", simulation.plays)
    return own


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
    files = wiring.models(home).load(report.version).manifest["files"]
    assert {"clusters.json", "profile.json", "snapshot.json", "track_deciles.npy", "track_factors.npy"} <= set(files)  # type: ignore[call-overload]


def test_what_was_learned_from_is_recorded(home: Settings, report: TrainingReport, simulation: Simulation) -> None:
    """The simulator's stream farm is left out by what it does; the snapshot names every archive file by its hash."""
    farm = simulation.ground_truth.stream_farm
    manifest = wiring.models(home).load(report.version).manifest
    data = manifest["data"]
    assert isinstance(data, dict)
    assert home.training_label_weight == manifest["label_weight"]
    assert len(farm.listener_ids) == data["flagged_listeners"]
    assert data["excluded"]["flagged_listener"] > 300 * len(farm.listener_ids)
    snapshot = json.loads(wiring.models(home).read(report.version, "snapshot.json"))
    written = {str(path.relative_to(home.home / "archive")): sha256(path) for path in home.home.glob("archive/*/*")}
    assert written == {file["name"]: file["sha256"] for file in snapshot}
    assert data["snapshot"]["files"] == len(written)


def test_clusters_of_the_version_that_serves_are_in_the_log(home: Settings, report: TrainingReport) -> None:
    """Appended at each promotion, and again when a rollback makes an older version serve."""
    assert () == report.warnings
    assert 6 <= report.clusters <= 12
    assert report.topics > report.clusters
    again = train(home, now=NOW.replace(minute=30), seed=1, threads=1)
    assert again.promoted
    back = training_wiring.promoter(home).roll_back()
    assert (report.version, again.version, "") == (back.current, back.previous, back.warning)
    versions = [clusters_from_value(value).version for value in logged(home, 3)]
    assert [report.version, again.version, report.version] == versions[-3:]


def logged(home: Settings, at_least: int) -> list[bytes]:
    """Values of topic clusters, in order: one key, so one partition."""
    found: list[bytes] = []
    log = wiring.event_log(home)
    with log.reader([Topic.CLUSTERS], {}) as reader:
        deadline = time.monotonic() + 30
        while len(found) < at_least and time.monotonic() < deadline:
            found += [record.value for record in reader.poll(max_records=100, timeout_seconds=1) if record.value]
    log.close(timeout_seconds=1)
    return found


def test_a_pointer_that_moved_meanwhile_stays(home: Settings, report: TrainingReport) -> None:
    """Somebody promotes or rolls back while a training runs: what it was judged against does not serve any more."""
    other = next(one.version for one in wiring.models(home).summaries() if one.version != report.version)
    serves = wiring.models(home).current()
    moved = other if serves == report.version else report.version

    def move(step: str) -> None:
        if step == "publishing":
            assert moved == training_wiring.promoter(home).promote(moved).current

    late = train(home, now=NOW.replace(minute=45), seed=2, threads=1, report=move)
    assert (False, moved) == (late.promoted, wiring.models(home).current())
    assert f"meanwhile {moved} became current" in late.reason
    training_wiring.promoter(home).promote(report.version)


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
