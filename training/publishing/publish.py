"""Publish, then point: a version is written, checked and complete before any reader can meet it.

1. the version folder is written and hashed beside the repository's own folders;
2. the vector namespaces, one for each space, are created and counted;
3. the repository takes the folder in;
4. the pointer moves, unless `training.judging.guard` objects.
A crash between two steps leaves the old version serving and at most namespaces that no version owns; the next `prune`
removes those.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from backend.domain.errors import ModelRefused
from backend.files import write_whole
from backend.ports.models import NAMESPACE, ModelRepository
from backend.ports.vectors import Facets, VectorIndex, Vectors
from backend.ranking.lists import CONTENT_SPACE, FACTORS_SPACE
from backend.versions import codec
from backend.versions.codec import Ranking, VersionVectors
from training.publishing.manifest import VersionFacts, write_manifest


def write_version(
    folder: Path,
    vectors: VersionVectors,
    ranking: Ranking,
    facts: VersionFacts,
    further: Mapping[str, bytes] | None = None,
) -> str:
    """Fill the empty `folder`, with the `further` files by name too; the version's name. Raises ModelRefused."""
    stored = codec.store(ranking)
    # A chain, not a tuple: one array's bytes at a time.
    for name, content in chain(codec.vector_files(vectors), stored.files.items(), (further or {}).items()):
        write_whole(folder / name, content)
    return write_manifest(folder, facts, stored.manifest)


def publish(
    folder: Path,
    version: str,
    vectors: VersionVectors,
    *,
    index: VectorIndex,
    models: ModelRepository,
    facets: Mapping[str, Facets] | None = None,
) -> None:
    """Create and count the namespaces, then hand the folder over. Raises ModelRefused and Unavailable.

    `facets` are those of tracks by id, as far as they are known.
    """
    for space, rows in {FACTORS_SPACE: vectors.tracks, CONTENT_SPACE: vectors.content, **vectors.sound}.items():
        _create(index, NAMESPACE.format(version=version, space=space), vectors.track_ids, rows, facets or {})
    models.publish(folder)


def _create(
    index: VectorIndex, namespace: str, ids: Sequence[str], vectors: Vectors, facets: Mapping[str, Facets]
) -> None:
    filled = np.flatnonzero(vectors.any(axis=1))
    named = [ids[number] for number in filled.tolist()]
    known = [facets.get(one, Facets()) for one in named]
    index.create(namespace, named, np.ascontiguousarray(vectors[filled]), facets=known)
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
