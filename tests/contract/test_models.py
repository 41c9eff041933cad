"""The model repository's promise."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.adapters.models.folder import FolderModelRepository
from backend.domain.errors import ModelRefused, NotFound
from backend.ranking.foldin import FoldIn


def version_folder(folder: Path, version: str, *, created_at: str = "2026-03-01T00:00:00Z", **changes: Any) -> Path:
    """A version as training writes it, small; `changes` replace manifest fields."""
    folder = folder / f"made-{version}"
    folder.mkdir()
    np.save(folder / "gram.npy", np.eye(3))
    (folder / "track_ids.txt").write_text("t1\nt2\n")
    manifest: dict[str, Any] = {
        "format": 1,
        "version": version,
        "created_at": created_at,
        "engine": "local",
        "seed": 1,
        "factors": {"dimension": 3, "unobserved_weight": 0.1, "regularization": 0.01, "confidence_scale": 1.0},
        "encoder": {"name": "mini", "dimension": 4},
        "fusion": {"factors": 0.7, "content": 0.2, "trend": 0.1},
        "metrics": {"ndcg@20": 0.25},
        "files": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("gram.npy", "track_ids.txt")
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> FolderModelRepository:
    """An empty repository."""
    return FolderModelRepository(tmp_path / "models")


def test_a_published_version_is_loaded_as_it_was_written(models: FolderModelRepository, tmp_path: Path) -> None:
    """Fold-in, fusion and encoder come from the manifest and the Gram matrix; publishing again is no error."""
    folder = version_folder(tmp_path, "v1")
    assert "v1" == models.publish(folder) == models.publish(folder)
    model = models.load("v1")
    assert ("v1", 3, "mini", 4) == (model.version, model.dimension, model.encoder_name, model.encoder_dimension)
    assert 0.7 == model.weights.below["factors"]
    fold_in = model.parts["factors"]
    assert isinstance(fold_in, FoldIn)
    np.testing.assert_array_equal(np.eye(3), fold_in.gram)


def test_publishing_does_not_point(models: FolderModelRepository, tmp_path: Path) -> None:
    """Nothing is current before somebody points."""
    models.publish(version_folder(tmp_path, "v1"))
    assert (None, None) == (models.current(), models.previous())


def test_rollback_is_the_same_move_backwards(models: FolderModelRepository, tmp_path: Path) -> None:
    """The pointer remembers where it was; pointing at the current version again changes nothing."""
    for version in ("v1", "v2"):
        models.publish(version_folder(tmp_path, version))
        models.point(version)
    models.point("v2")
    assert ("v2", "v1") == (models.current(), models.previous())
    models.point("v1")
    assert ("v1", "v2") == (models.current(), models.previous())


def test_summaries_are_newest_first(models: FolderModelRepository, tmp_path: Path) -> None:
    """With metrics, and the current one marked."""
    assert [] == list(models.summaries())
    for day, version in enumerate(("b", "a"), 1):
        models.publish(version_folder(tmp_path, version, created_at=f"2026-03-0{day}T00:00:00Z"))
    models.point("b")
    assert [("a", False, 0.25), ("b", True, 0.25)] == [
        (one.version, one.is_current, one.metrics["ndcg@20"]) for one in models.summaries()
    ]


def test_an_altered_file_is_refused(models: FolderModelRepository, tmp_path: Path) -> None:
    """Before publishing, and after: such a version is never pointed to and the pointer stays."""
    models.publish(version_folder(tmp_path, "v1"))
    models.point("v1")
    folder = version_folder(tmp_path, "v2")
    models.publish(folder)
    (tmp_path / "models" / "versions" / "v2" / "track_ids.txt").write_text("t1\nt3\n")
    with pytest.raises(ModelRefused, match=r"track_ids\.txt is not the file that was published"):
        models.point("v2")
    assert "v1" == models.current()
    broken = version_folder(tmp_path, "v3")
    (broken / "gram.npy").write_bytes(b"")
    with pytest.raises(ModelRefused):
        models.publish(broken)
    assert ["v2", "v1"] == [one.version for one in models.summaries()]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format 1"),
        ({"version": "../evil"}, "cannot name a version"),
        ({"files": {}}, "must list"),
        ({"factors": {"dimension": 3}}, "incomplete"),
        ({"fusion": {"magic": 1.0}}, "incomplete"),
        ({"factors": {"dimension": 4, "unobserved_weight": 1, "regularization": 1, "confidence_scale": 1}}, "gram"),
    ],
)
def test_an_incomplete_manifest_is_refused(
    models: FolderModelRepository, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """Publishing says what is wrong, and leaves nothing behind."""
    folder = version_folder(tmp_path, "v1")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    with pytest.raises(ModelRefused, match=said):
        models.publish(folder)
    assert [] == list(models.summaries())


def test_another_version_of_the_same_name_is_refused(models: FolderModelRepository, tmp_path: Path) -> None:
    """What was published never changes."""
    models.publish(version_folder(tmp_path, "v1"))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ModelRefused, match="published already"):
        models.publish(version_folder(other, "v1", seed=2))


def test_only_versions_that_are_not_current_are_deleted(models: FolderModelRepository, tmp_path: Path) -> None:
    """The current one stays; an unknown one is not found."""
    for version in ("v1", "v2"):
        models.publish(version_folder(tmp_path, version))
    models.point("v1")
    with pytest.raises(ValueError, match="current"):
        models.delete("v1")
    models.delete("v2")
    for call in (models.load, models.point, models.delete):
        with pytest.raises(NotFound):
            call("v2")


def test_a_file_is_read_as_it_was_published(models: FolderModelRepository, tmp_path: Path) -> None:
    """Whole; a file that no manifest lists is not there, an altered one is refused."""
    models.publish(version_folder(tmp_path, "v1"))
    assert b"t1\nt2\n" == models.read("v1", "track_ids.txt")
    for version, name in (("v1", "manifest.json"), ("v1", "../../pointer.json"), ("v2", "track_ids.txt")):
        with pytest.raises(NotFound):
            models.read(version, name)
    (tmp_path / "models" / "versions" / "v1" / "track_ids.txt").write_text("t1\nt3\n")
    with pytest.raises(ModelRefused, match="not the file"):
        models.read("v1", "track_ids.txt")
