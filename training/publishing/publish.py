"""Publish, then point: a version is written, checked and complete before any reader can meet it.

1. the version folder is written and hashed beside the repository's own folders;
2. both vector namespaces are created and counted;
3. the repository takes the folder in;
4. the pointer moves, unless `training.judging.guard` objects.
A crash between two steps leaves the old version serving and at most namespaces that no version owns; the next `prune`
removes those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import ModelRefused
from backend.files import write_whole
from backend.ports.models import CONTENT_NAMESPACE, FACTORS_NAMESPACE, ModelRepository
from backend.ports.vectors import VectorIndex, Vectors
from training.engines.trainer import Factors
from training.publishing.manifest import VersionFacts, write_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionArrays:
    """What a version holds, numbered by `track_ids` and `listener_ids` (sorted).

    `factors.tracks` (tracks, dimension) has a zero row for a track without plays whose place was not learned;
    `content` (tracks, dimension) has one for a track without text or without the right to be learned from. Zero rows do
    not go into the vector index.
    """

    track_ids: Sequence[str]
    listener_ids: Sequence[str]
    factors: Factors
    content: Vectors


def write_version(
    folder: Path, arrays: VersionArrays, facts: VersionFacts, further: Mapping[str, bytes] | None = None
) -> str:
    """Fill the empty `folder`, with the `further` files by name too; the version's name."""
    matrices: dict[str, NDArray[np.floating[Any]]] = {
        "gram.npy": arrays.factors.fold_in.gram,
        "track_factors.npy": arrays.factors.tracks,
        "track_content.npy": arrays.content,
        "listener_factors.npy": arrays.factors.listeners,
    }
    for name, matrix in matrices.items():
        if not np.isfinite(matrix).all():
            raise ModelRefused(f"{name} holds a number that is not finite: the training diverged")
        write_whole(folder / name, partial(np.save, arr=matrix, allow_pickle=False))
    for name, ids in (("track_ids.txt", arrays.track_ids), ("listener_ids.txt", arrays.listener_ids)):
        write_whole(folder / name, "".join(f"{line}\n" for line in ids).encode())
    for name, content in (further or {}).items():
        write_whole(folder / name, content)
    return write_manifest(folder, facts)


def publish(folder: Path, version: str, arrays: VersionArrays, *, index: VectorIndex, models: ModelRepository) -> None:
    """Create and count the namespaces, then hand the folder over. Raises ModelRefused and Unavailable."""
    for template, vectors in ((FACTORS_NAMESPACE, arrays.factors.tracks), (CONTENT_NAMESPACE, arrays.content)):
        _create(index, template.format(version=version), arrays.track_ids, vectors)
    models.publish(folder)


def _create(index: VectorIndex, namespace: str, ids: Sequence[str], vectors: Vectors) -> None:
    filled = np.flatnonzero(vectors.any(axis=1))
    index.create(namespace, [ids[number] for number in filled.tolist()], np.ascontiguousarray(vectors[filled]))
    held = index.count(namespace)
    if held != len(filled):
        raise ModelRefused(f"namespace {namespace} holds {held} vectors of {len(filled)}")


def prune(keep: int, *, index: VectorIndex, models: ModelRepository) -> list[str]:
    """Remove all but the newest `keep` versions, the current and the previous one, and namespaces without a version.

    The names of the removed versions, newest first. Hold the training lock meanwhile (a version being published has
    namespaces before it has a folder) and the pointer lock (a version being pointed to must not go).
    """
    names = [summary.version for summary in models.summaries()]
    kept = {*names[:keep], models.current(), models.previous()}
    removed = [name for name in names if name not in kept]
    for name in removed:
        models.delete(name)
    alive = set(names) - set(removed)
    for namespace in index.namespaces():
        if namespace.partition(".")[0] not in alive:
            index.delete(namespace)
    return removed
