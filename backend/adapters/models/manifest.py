"""A version folder's manifest: reading it, checking the files against it, and what the server keeps of it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backend.adapters.models.serving import fusion_levels, linear_model, newcomers
from backend.domain.errors import ModelRefused
from backend.domain.recommendations import CandidateSource
from backend.ports.models import FoldIn, ModelSummary, ModelVersion

FORMAT = 1
MANIFEST = "manifest.json"
NEEDED = ("gram.npy",)
"""Files the server itself reads."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest as it stands. Raises ModelRefused where there is none, or of another format."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{folder} has no readable {MANIFEST}: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelRefused(f"{folder / MANIFEST} is not of format {FORMAT}")
    return manifest


def verify(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Raises ModelRefused for a file that is missing, unlisted or altered."""
    listed = manifest.get("files")
    if not isinstance(listed, dict) or not set(NEEDED) <= set(listed):
        raise ModelRefused(f"{folder / MANIFEST} must list {', '.join(NEEDED)} under files")
    present = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {MANIFEST}
    if present != set(listed):
        raise ModelRefused(f"{folder}: missing or unlisted files {sorted(present ^ set(listed))}")
    for name, digest in listed.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise ModelRefused(f"{folder / name} is not the file that was published")


def read_file(path: Path, digest: str) -> bytes:
    """A file's bytes. Raises ModelRefused where it is missing or does not have that SHA-256."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"{path} cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelRefused(f"{path} is not the file that was published")
    return content


def model_version(folder: Path, manifest: Mapping[str, Any]) -> ModelVersion:
    """What the server holds of a version, verified. Raises ModelRefused."""
    verify(folder, manifest)
    try:
        factors, encoder = manifest["factors"], manifest["encoder"]
        gram = np.load(folder / "gram.npy")
        dimension = int(factors["dimension"])
        if gram.shape != (dimension, dimension) or gram.dtype != np.float64:
            raise ModelRefused(f"{folder}: gram.npy must be ({dimension}, {dimension}) float64")
        return ModelVersion(
            version=manifest["version"],
            dimension=dimension,
            encoder_name=encoder["name"],
            encoder_dimension=int(encoder["dimension"]),
            fold_in=FoldIn(
                gram=gram,
                unobserved_weight=float(factors["unobserved_weight"]),
                regularization=float(factors["regularization"]),
                confidence_scale=float(factors["confidence_scale"]),
                frequency_offset=float(factors.get("frequency_offset", 0.0)),
                frequency_power=float(factors.get("frequency_power", 0.0)),
            ),
            fusion={CandidateSource(source): float(weight) for source, weight in manifest["fusion"].items()},
            manifest=manifest,
            fusion_levels=fusion_levels(folder),
            linear=linear_model(folder),
            newcomers=newcomers(folder, dimension=dimension, words=int(encoder["dimension"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelRefused(f"{folder / MANIFEST} is incomplete: {error!r}") from error


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
