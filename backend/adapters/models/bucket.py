"""Published model versions in a bucket of an object store: versions/<version>/… and one pointer object.

Laid out as `FolderModelRepository` lays out its folder, and checked by it: each call brings what it needs into a
temporary folder, does there what a folder does, and puts back what that changed. Two things are done otherwise, since
objects appear one by one. A version is there when its manifest is, which is put last and goes first. And whoever moves
the pointer, or publishes, says which object it is to replace: another one's move in between is not overwritten.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.adapters.models.folder import FolderModelRepository
from backend.buckets import unreachable
from backend.domain.errors import ModelRefused, NotFound, Unavailable
from backend.ports.models import ModelSummary, ModelVersion
from backend.ports.vectors import Vectors
from backend.versions import codec

MANIFEST, POINTER, VERSIONS = "manifest.json", "pointer.json", "versions"
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 3},
    # Every server knows it; names of buckets before the host's are Amazon's.
    s3={"addressing_style": "path"},
)
_MISSING = frozenset({"NoSuchKey", "404"})
_ANOTHER = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class BucketModelRepository:
    """`ModelRepository` under `folder` of the bucket. Every call raises Unavailable where that does not answer."""

    def __init__(self, bucket: str, folder: str) -> None:
        self._bucket = bucket
        self.root = f"{folder}/" if folder else ""
        """What every object's name begins with."""
        self._client = boto3.Session().client("s3", config=_CONFIG)

    def publish(self, folder: Path) -> str:
        """See `ModelRepository.publish`. Raises ModelRefused, also where another version has that name."""
        version = _name_in(folder)
        with self._mirror() as mirror:
            known = self._fetch(mirror, _key(version, MANIFEST)) if version else None
            version = FolderModelRepository(mirror).publish(folder)
            if known is not None:
                return version
            # The copy was checked, so the copy is what readers get.
            home = mirror / VERSIONS / version
            files = sorted(file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file())
            for name in files:
                if name != MANIFEST:
                    with self._answers():
                        self._client.upload_file(str(home / name), self._bucket, self.root + _key(version, name))
            try:
                self._put(_key(version, MANIFEST), (home / MANIFEST).read_bytes(), replacing=None)
            except _Replaced as error:
                raise ModelRefused(f"another version {version} is published already") from error
        return version

    def point(self, version: str) -> None:
        """See `ModelRepository.point`. Raises Unavailable where somebody else moved the pointer meanwhile."""
        with self._mirror() as mirror:
            tag = self._fetch(mirror, POINTER)
            before = (mirror / POINTER).read_bytes() if tag else b""
            self._fetch_version(mirror, version)
            FolderModelRepository(mirror).point(version)
            after = (mirror / POINTER).read_bytes()
            if after == before:
                return
            try:
                self._put(POINTER, after, replacing=tag)
            except _Replaced as error:
                raise Unavailable(
                    "another promotion moved the pointer meanwhile: see `segue models list`, then try again"
                ) from error

    def current(self) -> str | None:
        """See `ModelRepository.current`."""
        with self._mirror(POINTER) as mirror:
            return FolderModelRepository(mirror).current()

    def previous(self) -> str | None:
        """See `ModelRepository.previous`."""
        with self._mirror(POINTER) as mirror:
            return FolderModelRepository(mirror).previous()

    def load(self, version: str) -> ModelVersion:
        """See `ModelRepository.load`."""
        with self._mirror() as mirror:
            self._fetch_version(mirror, version)
            return FolderModelRepository(mirror).load(version)

    def read(self, version: str, name: str) -> bytes:
        """See `ModelRepository.read`."""
        with self._mirror() as mirror:
            self._fetch_version(mirror, version, only=name)
            return FolderModelRepository(mirror).read(version, name)

    def listener_factors(self, version: str, listener_id: str) -> Vectors | None:
        """See `ModelRepository.listener_factors`."""
        with self._mirror() as mirror:
            for name in (codec.LISTENER_IDS_FILE, codec.LISTENER_FACTORS_FILE):
                self._fetch_version(mirror, version, only=name)
            return FolderModelRepository(mirror).listener_factors(version, listener_id)

    def summaries(self) -> Sequence[ModelSummary]:
        """See `ModelRepository.summaries`. A request per version."""
        with self._mirror(POINTER) as mirror:
            for version in self._names():
                self._fetch(mirror, _key(version, MANIFEST))
            return FolderModelRepository(mirror).summaries()

    def delete(self, version: str) -> None:
        """See `ModelRepository.delete`. Prune from one machine: nothing keeps another from pointing there meanwhile."""
        with self._mirror(POINTER) as mirror:
            self._fetch_version(mirror, version, only=MANIFEST)
            FolderModelRepository(mirror).delete(version)
        with self._answers():
            self._client.delete_object(Bucket=self._bucket, Key=self.root + _key(version, MANIFEST))
            for page in self._pages(Prefix=self.root + _key(version, "")):
                for one in page.get("Contents", ()):
                    self._client.delete_object(Bucket=self._bucket, Key=one["Key"])

    @contextmanager
    def _mirror(self, *keys: str) -> Iterator[Path]:
        """A temporary folder with these objects. What is refused there is told by its place in the bucket."""
        with tempfile.TemporaryDirectory(prefix="segue-models-") as folder:
            mirror = Path(folder)
            for key in keys:
                self._fetch(mirror, key)
            try:
                yield mirror
            except (ModelRefused, NotFound) as error:
                place = f"s3://{self._bucket}/{self.root}".rstrip("/")
                raise type(error)(str(error).replace(folder, place)) from error

    def _fetch_version(self, mirror: Path, version: str, *, only: str | None = None) -> None:
        """The manifest and the files that it lists, or only that one; nothing where there is no such version."""
        if not _is_plain(version) or self._fetch(mirror, _key(version, MANIFEST)) is None:
            return
        for name in _listed(mirror / _key(version, MANIFEST)):
            if only in (None, name):
                self._fetch(mirror, _key(version, name))

    def _fetch(self, mirror: Path, key: str) -> str | None:
        """Write the object to its place in the mirror; its tag, None where there is none."""
        try:
            with self._answers():
                answer = self._client.get_object(Bucket=self._bucket, Key=self.root + key)
                file = mirror / key
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as whole:
                    for chunk in answer["Body"].iter_chunks(1 << 20):
                        whole.write(chunk)
        except NotFound:
            return None
        return str(answer["ETag"])

    def _put(self, key: str, content: bytes, *, replacing: str | None) -> None:
        """Put the object in one step in the place of the one with that tag, or of none. Raises _Replaced."""
        place = {"Bucket": self._bucket, "Key": self.root + key}
        condition = {"IfNoneMatch": "*"} if replacing is None else {"IfMatch": replacing}
        try:
            with self._answers():
                self._client.put_object(**place, Body=content, **condition)
        except _Replaced:
            # What was put before its answer was lost, and was then tried again, stands there already.
            with self._answers():
                standing = self._client.get_object(**place)["Body"].read()
            if standing != content:
                raise

    def _names(self) -> Iterator[str]:
        prefix = f"{self.root}{VERSIONS}/"
        with self._answers():
            for page in self._pages(Prefix=prefix, Delimiter="/"):
                for one in page.get("CommonPrefixes", ()):
                    yield one["Prefix"].removeprefix(prefix).rstrip("/")

    def _pages(self, **options: str) -> Any:
        return self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **options)

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Raises NotFound for an object that is not there, _Replaced where a condition failed, else Unavailable."""
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _MISSING:
                raise NotFound(code) from error
            if code in _ANOTHER:
                raise _Replaced(code) from error
            raise Unavailable(unreachable(f"s3://{self._bucket}", code)) from error
        except (BotoCoreError, Boto3Error) as error:
            raise Unavailable(unreachable(f"s3://{self._bucket}", error)) from error


class _Replaced(Exception):
    """The object is not the one that was to be replaced."""


def _key(version: str, name: str) -> str:
    return f"{VERSIONS}/{version}/{name}"


def _is_plain(name: str) -> bool:
    """Whether it names one thing inside a folder."""
    return Path(name).name == name and name not in ("", ".", "..")


def _name_in(folder: Path) -> str:
    """The version's name as its manifest tells it; "" where it tells none: then publishing refuses it."""
    try:
        name = json.loads((folder / MANIFEST).read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return name if isinstance(name, str) and _is_plain(name) else ""


def _listed(manifest: Path) -> list[str]:
    """Names of files inside the version's folder; none where the manifest cannot be read: then loading refuses it."""
    try:
        names = list(json.loads(manifest.read_bytes())["files"])
    except (ValueError, KeyError, TypeError):
        return []
    return [name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()]
