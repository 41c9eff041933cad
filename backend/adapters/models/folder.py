"""Published model versions in a folder: versions/<version>/ and one pointer file."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.domain.errors import ModelRefused, NotFound
from backend.files import remove_folder, sha256, whole_folder, write_whole
from backend.ports.models import ModelSummary, ModelVersion
from backend.ports.vectors import Vectors
from backend.ranking.stored import Files
from backend.versions import codec, manifest, rows

PIECE = 1 << 20
"""Bytes that are read at once of a file that is not wanted whole."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class FolderModelRepository:
    """`ModelRepository` on a folder.

    `pointer.json` names the current and the previous version and is replaced in one step; a version's folder appears
    under its name only when its copy is complete and matches its manifest.
    """

    def __init__(self, folder: Path) -> None:
        self._versions = folder / "versions"
        self._pointer = folder / "pointer.json"

    def publish(self, folder: Path) -> str:
        """See `ModelRepository.publish`. Raises ModelRefused, also where another version has that name."""
        told = _told(folder)
        version = str(told.get("version", ""))
        if not _NAME.fullmatch(version):
            raise ModelRefused(f"{folder}: {version!r} cannot name a version")
        _verify(folder, told)
        home = self._versions / version
        if home.exists():
            if _told(home) != told:
                raise ModelRefused(f"another version {version} is published already")
            return version
        with whole_folder(home) as draft:
            shutil.copytree(folder, draft, dirs_exist_ok=True)
            # The copy is what readers will get: check it, not the original.
            _loaded(draft)
        return version

    def point(self, version: str) -> None:
        """See `ModelRepository.point`."""
        self.load(version)
        pointed = self._pointed()
        if pointed.get("current") == version:
            return
        write_whole(self._pointer, json.dumps({"current": version, "previous": pointed.get("current")}) + "\n")

    def current(self) -> str | None:
        """See `ModelRepository.current`."""
        return self._pointed().get("current")

    def previous(self) -> str | None:
        """See `ModelRepository.previous`."""
        return self._pointed().get("previous")

    def load(self, version: str) -> ModelVersion:
        """See `ModelRepository.load`."""
        return _loaded(self._home(version))

    def read(self, version: str, name: str) -> bytes:
        """See `ModelRepository.read`."""
        home = self._home(version)
        digest = _told(home).get("files", {}).get(name)
        if digest is None:
            raise NotFound(f"version {version} has no file {name}")
        return manifest.checked(_bytes(home / name), digest, where=str(home / name))

    def listener_factors(self, version: str, listener_id: str) -> Vectors | None:
        """See `ModelRepository.listener_factors`."""
        home = self._home(version)
        files = _told(home).get("files", {})
        if not {codec.LISTENER_IDS_FILE, codec.LISTENER_FACTORS_FILE} <= set(files):
            return None
        return rows.listener_factors(lambda name: _pieces(home / name, files[name]), listener_id)

    def summaries(self) -> Sequence[ModelSummary]:
        """See `ModelRepository.summaries`."""
        current = self.current()
        folders = self._versions.iterdir() if self._versions.exists() else ()
        found = [
            manifest.summary(_told(folder), is_current=folder.name == current)
            for folder in folders
            if _NAME.fullmatch(folder.name)
        ]
        return sorted(found, key=lambda one: (one.created_at, one.version), reverse=True)

    def delete(self, version: str) -> None:
        """See `ModelRepository.delete`."""
        home = self._home(version)
        if version == self.current():
            raise ValueError(f"version {version} is current: point to another one first")
        remove_folder(home)

    def _home(self, version: str) -> Path:
        home = self._versions / version
        if not _NAME.fullmatch(version) or not home.exists():
            raise NotFound(f"there is no model version {version}: see them with `segue models list`")
        return home

    def _pointed(self) -> Mapping[str, str | None]:
        try:
            pointed: Mapping[str, str | None] = json.loads(self._pointer.read_text())
        except FileNotFoundError:
            return {}
        return pointed


def _told(folder: Path) -> dict[str, Any]:
    return manifest.parse(_bytes(folder / codec.MANIFEST), where=str(folder))


def _verify(folder: Path, told: Mapping[str, Any]) -> None:
    present = [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()]
    for name, digest in manifest.check_names(told, present, where=str(folder)).items():
        manifest.check_digest(sha256(folder / name), digest, where=str(folder / name))


def _loaded(folder: Path) -> ModelVersion:
    told = _told(folder)
    _verify(folder, told)
    return codec.load(Files(manifest=told, read=lambda name: _bytes(folder / name), where=str(folder)))


def _pieces(path: Path, digest: str) -> Iterator[bytes]:
    """The file's bytes, piece by piece. Raises ModelRefused at their end where they are not those of the digest."""
    seen = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                seen.update(piece)
                yield piece
    except OSError as error:
        raise ModelRefused(f"{path} cannot be read: {error}") from error
    manifest.check_digest(seen.hexdigest(), digest, where=str(path))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"{path} cannot be read: {error}") from error
