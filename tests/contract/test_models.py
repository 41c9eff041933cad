"""The model repository's promise, on every implementation."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import numpy as np
import pytest

from backend.adapters.models.bucket import BucketModelRepository
from backend.adapters.models.folder import FolderModelRepository
from backend.domain.errors import ModelRefused, NotFound, Unavailable
from backend.ports.models import ModelRepository
from backend.ranking.foldin import FoldIn
from tests.memory import HandedModels
from tests.s3_server import BUCKET, s3_server


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


def listener_version(folder: Path, version: str, listener_ids: Sequence[str], **changes: Any) -> Path:
    """A version that knows these listeners: the n-th has factors n, n + 0.25, n + 0.5."""
    factors = np.arange(len(listener_ids), dtype=np.float32)[:, None] + np.array([0, 0.25, 0.5], dtype=np.float32)
    made = version_folder(folder, version)
    np.save(made / "listener_factors.npy", changes.get("factors", factors))
    (made / "listener_ids.txt").write_text("".join(f"{one}\n" for one in listener_ids))
    manifest = json.loads((made / "manifest.json").read_text())
    for name in ("listener_factors.npy", "listener_ids.txt"):
        manifest["files"][name] = hashlib.sha256((made / name).read_bytes()).hexdigest()
    (made / "manifest.json").write_text(json.dumps(manifest))
    return made


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3-protocol server: the variables that lead to it."""
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as variables:
        yield variables


@pytest.fixture
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> BucketModelRepository:
    """An empty repository in a folder of its own of that server's bucket."""
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return BucketModelRepository(BUCKET, f"{uuid4().hex}/segue")


@pytest.fixture(params=["folder", "bucket", "handed"])
def models(request: pytest.FixtureRequest, tmp_path: Path) -> ModelRepository:
    """An empty repository of each technology, and the one that tests hand versions to."""
    if request.param != "bucket":
        return (FolderModelRepository if request.param == "folder" else HandedModels)(tmp_path / "models")
    repository: BucketModelRepository = request.getfixturevalue("bucket")
    return repository


Alter = Callable[[str, str, bytes], object]


@pytest.fixture
def alter(models: ModelRepository, tmp_path: Path) -> Alter:
    """Overwrites a file of a version behind the repository's back: version, name, content."""
    if isinstance(models, BucketModelRepository):
        client, root = boto3.client("s3"), models.root
        return lambda version, name, content: client.put_object(
            Bucket=BUCKET, Key=f"{root}versions/{version}/{name}", Body=content
        )
    folder = tmp_path / "models" / "versions"
    return lambda version, name, content: (folder / version / name).write_bytes(content)


def test_a_published_version_is_loaded_as_it_was_written(models: ModelRepository, tmp_path: Path) -> None:
    """Fold-in, fusion and encoder come from the manifest and the Gram matrix; publishing again is no error."""
    folder = version_folder(tmp_path, "v1")
    assert "v1" == models.publish(folder) == models.publish(folder)
    model = models.load("v1")
    assert ("v1", 3, "mini", 4) == (model.version, model.dimension, model.encoder_name, model.encoder_dimension)
    assert 0.7 == model.weights.below["factors"]
    fold_in = model.parts["factors"]
    assert isinstance(fold_in, FoldIn)
    np.testing.assert_array_equal(np.eye(3), fold_in.gram)


def test_publishing_does_not_point(models: ModelRepository, tmp_path: Path) -> None:
    """Nothing is current before somebody points."""
    models.publish(version_folder(tmp_path, "v1"))
    assert (None, None) == (models.current(), models.previous())


def test_rollback_is_the_same_move_backwards(models: ModelRepository, tmp_path: Path) -> None:
    """The pointer remembers where it was; pointing at the current version again changes nothing."""
    for version in ("v1", "v2"):
        models.publish(version_folder(tmp_path, version))
        models.point(version)
    models.point("v2")
    assert ("v2", "v1") == (models.current(), models.previous())
    models.point("v1")
    assert ("v1", "v2") == (models.current(), models.previous())


def test_summaries_are_newest_first(models: ModelRepository, tmp_path: Path) -> None:
    """With metrics, and the current one marked."""
    assert [] == list(models.summaries())
    for day, version in enumerate(("b", "a"), 1):
        models.publish(version_folder(tmp_path, version, created_at=f"2026-03-0{day}T00:00:00Z"))
    models.point("b")
    assert [("a", False, 0.25), ("b", True, 0.25)] == [
        (one.version, one.is_current, one.metrics["ndcg@20"]) for one in models.summaries()
    ]


def test_an_altered_file_is_refused(models: ModelRepository, alter: Alter, tmp_path: Path) -> None:
    """Before publishing, and after: such a version is never pointed to and the pointer stays."""
    models.publish(version_folder(tmp_path, "v1"))
    models.point("v1")
    folder = version_folder(tmp_path, "v2")
    models.publish(folder)
    alter("v2", "track_ids.txt", b"t1\nt3\n")
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
    models: ModelRepository, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """Publishing says what is wrong, and leaves nothing behind."""
    folder = version_folder(tmp_path, "v1")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    with pytest.raises(ModelRefused, match=said):
        models.publish(folder)
    assert [] == list(models.summaries())


def test_another_version_of_the_same_name_is_refused(models: ModelRepository, tmp_path: Path) -> None:
    """What was published never changes."""
    models.publish(version_folder(tmp_path, "v1"))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ModelRefused, match="published already"):
        models.publish(version_folder(other, "v1", seed=2))


def test_only_versions_that_are_not_current_are_deleted(models: ModelRepository, tmp_path: Path) -> None:
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


def test_a_file_is_read_as_it_was_published(models: ModelRepository, alter: Alter, tmp_path: Path) -> None:
    """Whole; a file that no manifest lists is not there, an altered one is refused."""
    models.publish(version_folder(tmp_path, "v1"))
    assert b"t1\nt2\n" == models.read("v1", "track_ids.txt")
    for version, name in (("v1", "manifest.json"), ("v1", "../../pointer.json"), ("v2", "track_ids.txt")):
        with pytest.raises(NotFound):
            models.read(version, name)
    alter("v1", "track_ids.txt", b"t1\nt3\n")
    with pytest.raises(ModelRefused, match="not the file"):
        models.read("v1", "track_ids.txt")


def test_a_version_in_a_bucket_is_there_when_its_manifest_is(bucket: BucketModelRepository, tmp_path: Path) -> None:
    """What a killed publication left is no version, and is no obstacle to publishing it again."""
    folder = version_folder(tmp_path, "v1")
    boto3.client("s3").upload_file(str(folder / "gram.npy"), BUCKET, f"{bucket.root}versions/v1/gram.npy")
    assert [] == list(bucket.summaries())
    with pytest.raises(NotFound, match="no model version v1"):
        bucket.load("v1")
    bucket.publish(folder)
    assert ["v1"] == [one.version for one in bucket.summaries()]


def test_a_deleted_version_leaves_no_object(bucket: BucketModelRepository, tmp_path: Path) -> None:
    """Nothing to pay for."""
    bucket.publish(version_folder(tmp_path, "v1"))
    bucket.delete("v1")
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=bucket.root)


class _Overtaken(BucketModelRepository):
    """Somebody else points to v3 after this one has read the pointer and before it moves it."""

    def _fetch_version(self, mirror: Path, version: str, *, only: str | None = None) -> None:
        super()._fetch_version(mirror, version, only=only)
        BucketModelRepository(BUCKET, self.root.rstrip("/")).point("v3")


@pytest.mark.parametrize("first", [True, False])
def test_a_pointer_that_moved_meanwhile_is_not_moved_back(
    bucket: BucketModelRepository, tmp_path: Path, first: bool
) -> None:
    """The later one of two machines is told, also where there was no pointer before."""
    for version in ("v1", "v2", "v3"):
        bucket.publish(version_folder(tmp_path, version))
    if not first:
        bucket.point("v1")
    with pytest.raises(Unavailable, match="another promotion moved the pointer meanwhile"):
        _Overtaken(BUCKET, bucket.root.rstrip("/")).point("v2")
    assert ("v3", None if first else "v1") == (bucket.current(), bucket.previous())


def test_a_refusal_names_the_place_in_the_bucket(bucket: BucketModelRepository, tmp_path: Path) -> None:
    """Not the temporary folder where it was found out."""
    bucket.publish(version_folder(tmp_path, "v1"))
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=f"{bucket.root}versions/v1/gram.npy")
    with pytest.raises(ModelRefused, match=f"^s3://{BUCKET}/{bucket.root}versions/v1: missing or unlisted files"):
        bucket.load("v1")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}, "credentials"),
    ],
)
def test_a_bucket_out_of_reach_is_unavailable_without_secrets(
    bucket: BucketModelRepository,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: dict[str, str],
    cause: str,
) -> None:
    """Every call says which bucket, why, and what to check."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    away = BucketModelRepository(BUCKET, bucket.root.rstrip("/"))
    folder = version_folder(tmp_path, "v1")
    calls = (away.current, away.previous, away.summaries, lambda: away.load("v1"), lambda: away.publish(folder))
    for call in calls:
        with pytest.raises(Unavailable, match=f"^s3://{BUCKET} cannot be reached .*{cause}.*check the network") as told:
            call()
        assert "s3cret" not in str(told.value)


def test_a_bucket_that_is_not_there_is_unavailable(bucket: BucketModelRepository, tmp_path: Path) -> None:
    """Publishing never makes one."""
    assert bucket.current() is None
    away = BucketModelRepository(f"{BUCKET}-none", "segue")
    with pytest.raises(Unavailable, match=f"^s3://{BUCKET}-none cannot be reached .*NoSuchBucket"):
        away.publish(version_folder(tmp_path, "v1"))


def test_a_version_that_a_test_hands_in_is_pointed_to_like_any_other(tmp_path: Path) -> None:
    """It loads as it was given; rollback goes to what was published, and an altered version is refused."""
    models = HandedModels(tmp_path / "models")
    models.publish(version_folder(tmp_path, "v1"))
    models.point("v1")
    given = replace(models.load("v1"), version="given")
    models.hand_in(given)
    assert ("given", "v1") == (models.current(), models.previous())
    assert models.load("given") is given
    models.point("v1")
    assert ("v1", "given") == (models.current(), models.previous())
    models.altered = True
    for version in ("v1", "given"):
        with pytest.raises(ModelRefused, match="altered"):
            models.load(version)


def test_a_listeners_factors_are_found_by_their_pseudonym(models: ModelRepository, tmp_path: Path) -> None:
    """The first, one in the middle, the last; None for others, and where the version knows no listeners."""
    listeners = [f"listener-{number:05}" for number in range(3_000)]
    models.publish(listener_version(tmp_path, "known", listeners))
    models.publish(version_folder(tmp_path, "nobody"))
    for number in (0, 1_234, 2_999):
        found = models.listener_factors("known", listeners[number])
        assert found is not None
        assert [number, number + 0.25, number + 0.5] == found.tolist()
    assert models.listener_factors("known", "listener-0000") is None
    assert models.listener_factors("nobody", listeners[0]) is None
    with pytest.raises(NotFound):
        models.listener_factors("unheard-of", listeners[0])


def test_factors_of_another_shape_are_refused(models: ModelRepository, tmp_path: Path) -> None:
    """Nothing is told of an array that is not what its ids say."""
    for version, factors in (("short", np.zeros((1, 3), np.float32)), ("double", np.zeros((2, 3)))):
        models.publish(listener_version(tmp_path, version, ["ann", "bob"], factors=factors))
        with pytest.raises(ModelRefused, match=r"listener_factors\.npy"):
            models.listener_factors(version, "bob")
