"""Versions are published whole, pointed to only when they hold, and pruned."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from backend import wiring
from backend.domain.errors import ModelRefused
from backend.domain.tracks import Track
from backend.files import sha256
from backend.ports.models import ModelRepository
from backend.ports.vectors import Facets, Filter, VectorIndex, facets_of
from backend.ranking.foldin import FoldIn
from backend.ranking.weights import FusionWeights
from backend.settings import Settings
from backend.versions.codec import Ranking, VersionVectors
from training.engines.trainer import AlsSettings, gram
from training.evaluation.metrics import Estimate
from training.judging.judge import Judgement
from training.publishing import publish
from training.publishing.manifest import DataWindow, VersionFacts

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with everything below a folder of the test's own."""
    return Settings(home=tmp_path)


@pytest.fixture
def index(settings: Settings) -> VectorIndex:
    """The embedded vector index."""
    return wiring.vector_index(settings)


@pytest.fixture
def models(settings: Settings) -> ModelRepository:
    """The folder repository."""
    return wiring.models(settings)


def vectors() -> VersionVectors:
    """Three tracks: one played and described, one only described, one only played."""
    return VersionVectors(
        track_ids=["a", "b", "c"],
        listener_ids=["l"],
        tracks=np.array([[1, 2], [0, 0], [3, 4]], dtype=np.float32),
        listeners=np.ones((1, 2), dtype=np.float32),
        content=np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.float32),
    )


def ranking(held: VersionVectors) -> Ranking:
    """What ranks among `vectors`."""
    fold_in = FoldIn(gram=gram(held.tracks), unobserved_weight=0.1, regularization=2.0, confidence_scale=1.0)
    return Ranking(
        encoder_name="all-MiniLM-L6-v2",
        encoder_dimension=3,
        parts={"factors": fold_in},
        weights=FusionWeights(below={"factors": 0.75, "content": 0.25}),
    )


def facts(*, created_at: datetime = NOW) -> VersionFacts:
    """What else the manifest says."""
    return VersionFacts(
        created_at=created_at,
        engine="local",
        seed=7,
        settings=AlsSettings(dimension=2),
        judgement=Judgement(metrics={"ndcg@20": Estimate(0.3, 0.2, 0.4)}, baseline={}, objections=()),
        data=DataWindow(
            first_play="",
            last_play="",
            plays=9,
            listeners=1,
            tracks=2,
            excluded={"skip": 4},
            flagged_listeners=1,
            limits={"day_plays": 500},
            files=2,
            size=1000,
            sha256="5a",
            sounds=7,
            estimated_sounds=3,
        ),
        settings_from="defaults",
        drift=None,
    )


@pytest.fixture
def release(tmp_path: Path, index: VectorIndex, models: ModelRepository) -> Callable[[int], str]:
    """Publishes the version of a given minute and points to it."""

    def at(minute: int) -> str:
        folder = tmp_path / f"draft-{minute}"
        folder.mkdir()
        held = vectors()
        version = publish.write_version(folder, held, ranking(held), facts(created_at=NOW + timedelta(minutes=minute)))
        publish.publish(folder, version, held, index=index, models=models)
        models.point(version)
        return version

    return at


def test_published_version_is_what_was_written(
    release: Callable[[int], str], index: VectorIndex, models: ModelRepository
) -> None:
    """The repository loads it, and the namespaces hold the rows that are not empty."""
    version = release(0)
    loaded = models.load(version)
    assert (2, "all-MiniLM-L6-v2") == (loaded.dimension, loaded.encoder_name)
    assert (0.3, 0.2) == (models.summaries()[0].metrics["ndcg@20"], models.summaries()[0].metrics["ndcg@20.low"])
    fold_in = loaded.parts["factors"]
    assert isinstance(fold_in, FoldIn)
    assert [[10.0, 14.0], [14.0, 20.0]] == fold_in.gram.tolist()
    assert {"factors": 0.75, "content": 0.25} == loaded.weights.below
    assert ["a", "c"] == sorted(index.fetch(f"{version}.factors", ["a", "b", "c"]))
    assert ["a", "b"] == sorted(index.fetch(f"{version}.content", ["a", "b", "c"]))


def test_published_vectors_can_be_filtered_by_what_the_catalogue_knows(
    tmp_path: Path, index: VectorIndex, models: ModelRepository
) -> None:
    """Both namespaces hold the facets of their tracks; of a track that has none nothing is known."""
    held = vectors()
    folder = tmp_path / "draft"
    folder.mkdir()
    version = publish.write_version(folder, held, ranking(held), facts())
    track = Track(track_id="a", title="A", artist_ids=("x",), released_on="1957-09-15", tags=("jazz",))
    assert Facets(tags=("jazz",), year=1957, artists=("x",), source="first_party") == facets_of(track)
    assert facets_of(replace(track, released_on="unknown")).year is None
    publish.publish(folder, version, held, index=index, models=models, facets={"a": facets_of(track)})
    where = Filter(tags=frozenset({"jazz"}), first_year=1950, last_year=1959)
    for space, query in (("factors", held.tracks[0]), ("content", held.content[0])):
        found = index.search(f"{version}.{space}", query, limit=3, exclude=frozenset(), where=where)
        assert ["a"] == [one.id for one in found]


def test_same_content_and_moment_have_the_same_name_and_bytes(tmp_path: Path) -> None:
    """A version's name is its moment and a hash of its files; a changed file changes it."""
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    held = vectors()
    first, second = (publish.write_version(folder, held, ranking(held), facts()) for folder in folders[:2])
    held.tracks[0, 0] = 9
    third = publish.write_version(folders[2], held, ranking(held), facts())
    assert first == second != third
    assert first.startswith("20261121T101500Z-")
    assert (folders[0] / "manifest.json").read_bytes() == (folders[1] / "manifest.json").read_bytes()


def test_manifest_lists_the_hash_of_every_file(tmp_path: Path) -> None:
    """Nothing in the folder is unlisted, and each hash fits."""
    held = vectors()
    publish.write_version(tmp_path, held, ranking(held), facts())
    listed = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert {path.name for path in tmp_path.iterdir()} - {"manifest.json"} == set(listed)
    assert all(sha256(tmp_path / name) == digest for name, digest in listed.items())


def test_factors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    """A diverged training never becomes a version."""
    held = vectors()
    held.tracks[0, 0] = np.nan
    with pytest.raises(ModelRefused, match=r"track_factors\.npy"):
        publish.write_version(tmp_path, held, ranking(held), facts())


def test_prune_keeps_the_newest_the_current_and_the_previous(
    release: Callable[[int], str], index: VectorIndex, models: ModelRepository
) -> None:
    """Versions go with their vectors, and so do namespaces that a crash left behind."""
    versions = [release(minute) for minute in range(5)]
    models.point(versions[0])
    index.create("20261121T000000Z-dead00.factors", ["a"], np.ones((1, 2), dtype=np.float32))
    assert [versions[2], versions[1]] == publish.prune(2, index=index, models=models)
    kept = {versions[0], versions[3], versions[4]}
    assert kept == {summary.version for summary in models.summaries()}
    assert kept == {namespace.partition(".")[0] for namespace in index.namespaces()}


def test_further_files_belong_to_the_version(tmp_path: Path, index: VectorIndex, models: ModelRepository) -> None:
    """They are hashed like the arrays, and can be read from the published version."""
    folder, held = tmp_path / "draft", vectors()
    folder.mkdir()
    version = publish.write_version(folder, held, ranking(held), facts(), {"profile.json": b"{}"})
    publish.publish(folder, version, held, index=index, models=models)
    assert b"{}" == models.read(version, "profile.json")


def test_manifest_says_what_was_learned_from_and_by_which_code(tmp_path: Path) -> None:
    """Snapshot, limits, where the settings came from, and the commit."""
    held = vectors()
    publish.write_version(tmp_path, held, ranking(held), facts())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {"files": 2, "size": 1000, "sha256": "5a"} == manifest["data"]["snapshot"]
    assert {"tracks": 7, "estimated": 3} == manifest["data"]["audio_features"]
    assert (1, {"day_plays": 500}) == (manifest["data"]["flagged_listeners"], manifest["data"]["limits"])
    assert ("defaults", []) == (manifest["settings_from"], manifest["comparisons"])
    assert manifest["code"].startswith("segue 0.1.0")
