"""A version's manifest: reading it, and checking the files against it, wherever they are kept."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from backend.domain.errors import ModelRefused
from backend.ports.models import ModelSummary
from backend.versions.codec import MANIFEST

FORMAT = 1


def parse(content: bytes, *, where: str) -> dict[str, Any]:
    """The manifest. Raises ModelRefused, naming `where` it is kept, where it is none, or of another format."""
    try:
        manifest: dict[str, Any] = json.loads(content)
    except ValueError as error:
        raise ModelRefused(f"{where} has no readable {MANIFEST}: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelRefused(f"{where}/{MANIFEST} is not of format {FORMAT}")
    return manifest


def check_names(manifest: Mapping[str, Any], present: Iterable[str], *, where: str) -> dict[str, str]:
    """The hashes of all files but the manifest, by name. Raises ModelRefused for one that is missing or unlisted."""
    listed = manifest.get("files")
    if not isinstance(listed, dict) or not listed:
        raise ModelRefused(f"{where}/{MANIFEST} must list its files and their SHA-256 under files")
    found = set(present) - {MANIFEST}
    if found != set(listed):
        raise ModelRefused(f"{where}: missing or unlisted files {sorted(found ^ set(listed))}")
    return listed


def check_digest(digest: str, wanted: str, *, where: str) -> None:
    """Raises ModelRefused where a file's SHA-256 is not the published one."""
    if digest != wanted:
        raise ModelRefused(f"{where} is not the file that was published")


def checked(content: bytes, wanted: str, *, where: str) -> bytes:
    """`content`. Raises ModelRefused where its SHA-256 is not the published one."""
    check_digest(hashlib.sha256(content).hexdigest(), wanted, where=where)
    return content


def summary(manifest: Mapping[str, Any], *, is_current: bool) -> ModelSummary:
    """A line of `segue models list`. Raises ModelRefused."""
    try:
        return ModelSummary(
            version=manifest["version"],
            created_at=manifest["created_at"],
            engine=manifest["engine"],
            is_current=is_current,
            metrics={name: float(value) for name, value in manifest["metrics"].items() if value is not None},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelRefused(f"a manifest is incomplete: {error!r}") from error
