"""Published model versions in a folder: versions/<version>/ and one pointer file."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.adapters.models.manifest import model_version, read_file, read_manifest, summary, verify
from backend.domain.errors import ModelRefused, NotFound
from backend.files import remove_folder, whole_folder, write_whole
from backend.ports.models import ModelSummary, ModelVersion

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
        manifest = read_manifest(folder)
        version = str(manifest.get("version", ""))
        if not _NAME.fullmatch(version):
            raise ModelRefused(f"{folder}: {version!r} cannot name a version")
        verify(folder, manifest)
        home = self._versions / version
        if home.exists():
            if read_manifest(home) != manifest:
                raise ModelRefused(f"another version {version} is published already")
            return version
        with whole_folder(home) as draft:
            shutil.copytree(folder, draft, dirs_exist_ok=True)
            # The copy is what readers will get: check it, not the original.
            model_version(draft, read_manifest(draft))
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
        home = self._home(version)
        return model_version(home, read_manifest(home))

    def read(self, version: str, name: str) -> bytes:
        """See `ModelRepository.read`."""
        home = self._home(version)
        digest = read_manifest(home).get("files", {}).get(name)
        if digest is None:
            raise NotFound(f"version {version} has no file {name}")
        return read_file(home / name, digest)

    def summaries(self) -> Sequence[ModelSummary]:
        """See `ModelRepository.summaries`."""
        current = self.current()
        folders = self._versions.iterdir() if self._versions.exists() else ()
        found = [
            summary(read_manifest(folder), is_current=folder.name == current)
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
