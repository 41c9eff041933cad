"""What ranks in a version, as files and manifest entries, and back. `read` gives a file's checked bytes by its name."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.domain.errors import ModelRefused
from backend.ports.models import TRACK_FACTORS_FILE, TRACK_IDS_FILE, ModelVersion
from backend.ports.vectors import Vectors
from backend.ranking import newcomers, sound
from backend.ranking.lists import AUDIO_SPACE, LATENT_SPACE
from backend.ranking.newcomers import Newcomers
from backend.ranking.sound import Sound
from backend.ranking.sources import ALL, LIKENESSES, NAMES
from backend.ranking.stored import Files, Stored, array_bytes, lines_bytes
from backend.ranking.weights import FusionLevel, FusionWeights
from backend.versions.topics import read_topics

MANIFEST = "manifest.json"
FUSION_FILE = "fusion.json"
LISTENER_IDS_FILE = "listener_ids.txt"
LISTENER_FACTORS_FILE = "listener_factors.npy"
TRACK_CONTENT_FILE = "track_content.npy"
TRACK_SOUND_FILE = "track_{space}.npy"
SIMILAR = "similar"
"""What a version's manifest says of tracks like one: the weights of the hybrid approach, and the figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionVectors:
    """The vectors of a version, numbered by `track_ids` and `listener_ids` (sorted), float32.

    `tracks` (tracks, dimension) has a zero row for a track without plays whose place was not learned; `content`
    (tracks, words) has one for a track without text or without the right to be learned from. `listeners` is
    (listeners, dimension). `sound` has vectors by audio features, (tracks, dimension) by space, each row of length 1 or
    zero; spaces that the version has not are not in it.
    """

    track_ids: Sequence[str]
    listener_ids: Sequence[str]
    tracks: Vectors
    listeners: Vectors
    content: Vectors
    sound: Mapping[str, Vectors] = field(default_factory=dict)


def vector_files(vectors: VersionVectors) -> Iterator[tuple[str, bytes]]:
    """Names and contents, one file in memory at a time. Raises ModelRefused for a number that is not finite."""
    for name, matrix in (
        (TRACK_FACTORS_FILE, vectors.tracks),
        (TRACK_CONTENT_FILE, vectors.content),
        (LISTENER_FACTORS_FILE, vectors.listeners),
        *((TRACK_SOUND_FILE.format(space=space), rows) for space, rows in vectors.sound.items()),
    ):
        if not np.isfinite(matrix).all():
            raise ModelRefused(f"{name} holds a number that is not finite: the training diverged")
        yield name, array_bytes(matrix)
    yield TRACK_IDS_FILE, lines_bytes(vectors.track_ids)
    yield LISTENER_IDS_FILE, lines_bytes(vectors.listener_ids)


def read_vectors(files: Files) -> VersionVectors:
    """The inverse. Raises ModelRefused where arrays and ids do not fit each other."""
    track_ids, listener_ids = files.lines(TRACK_IDS_FILE), files.lines(LISTENER_IDS_FILE)
    with _complete(files):
        dimension, words = _dimensions(files.manifest)
    return VersionVectors(
        track_ids=track_ids,
        listener_ids=listener_ids,
        tracks=files.array(TRACK_FACTORS_FILE, (len(track_ids), dimension), np.float32),
        listeners=files.array(LISTENER_FACTORS_FILE, (len(listener_ids), dimension), np.float32),
        content=files.array(TRACK_CONTENT_FILE, (len(track_ids), words), np.float32),
        sound={
            space: files.array(name, (len(track_ids), None), np.float32)
            for space in (AUDIO_SPACE, LATENT_SPACE)
            if files.holds(name := TRACK_SOUND_FILE.format(space=space))
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What ranks beside the vectors: parts by source, places for newcomers, fusion, how audio features become vectors.

    `notes` say for people what each level was chosen by; nobody reads them back. `alike` weighs the approaches to
    tracks like one ({} where nothing was learned), with `alike_figures` for people.
    """

    encoder_name: str
    encoder_dimension: int
    parts: Mapping[str, object]
    newcomers: Newcomers | None = None
    weights: FusionWeights = field(default_factory=FusionWeights)
    notes: Sequence[Mapping[str, object]] = ()
    sound: Sound | None = None
    alike: Mapping[str, float] = field(default_factory=dict)
    alike_figures: Mapping[str, object] = field(default_factory=dict)


def store(ranking: Ranking) -> Stored:
    """Files and manifest entries."""
    stored = [source.store(ranking.parts[source.name]) for source in ALL if source.name in ranking.parts]
    if ranking.newcomers is not None:
        stored.append(newcomers.store(ranking.newcomers))
    if ranking.sound is not None:
        stored.append(sound.store(ranking.sound))
    notes = ranking.notes or [{} for _ in ranking.weights.levels]
    levels = [
        {"tracks": level.tracks, "weights": dict(level.weights), **note}
        for level, note in zip(ranking.weights.levels, notes, strict=True)
    ]
    files = {name: content for each in stored for name, content in each.files.items()}
    manifest = {key: value for each in stored for key, value in each.manifest.items()}
    return Stored(
        files=files | {FUSION_FILE: json.dumps({"levels": levels}, indent=1).encode()},
        manifest=manifest
        | {
            "encoder": {"name": ranking.encoder_name, "dimension": ranking.encoder_dimension},
            "fusion": dict(ranking.weights.below),
            SIMILAR: {"weights": dict(ranking.alike), **ranking.alike_figures},
        },
    )


def load(files: Files) -> ModelVersion:
    """What the server holds of a version. Raises ModelRefused."""
    manifest = files.manifest
    with _complete(files):
        dimension, words = _dimensions(manifest)
        parts = {source.name: source.load(files) for source in ALL}
        return ModelVersion(
            version=manifest["version"],
            dimension=dimension,
            encoder_name=manifest["encoder"]["name"],
            encoder_dimension=words,
            parts={name: part for name, part in parts.items() if part is not None},
            weights=FusionWeights(levels=_levels(files), below=_weights(manifest["fusion"])),
            newcomers=newcomers.load(files, dimension=dimension, words=words),
            sound=sound.load(files),
            alike=_weights(manifest.get(SIMILAR, {}).get("weights", {}), LIKENESSES),
            topics=read_topics(files),
            manifest=manifest,
        )


def _levels(files: Files) -> tuple[FusionLevel, ...]:
    """Fewest tracks first; () where the version has none."""
    if not files.holds(FUSION_FILE):
        return ()
    try:
        levels = [
            FusionLevel(tracks=int(level["tracks"]), weights=_weights(level["weights"]))
            for level in json.loads(files.read(FUSION_FILE))["levels"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise files.refused(FUSION_FILE, f" is incomplete: {error!r}") from error
    return tuple(sorted(levels, key=lambda level: level.tracks))


def _weights(listed: Mapping[str, Any], names: Iterable[str] = NAMES) -> dict[str, float]:
    unknown = sorted(set(listed) - set(names))
    if unknown:
        raise ValueError(f"there is no candidate source {', '.join(unknown)}")
    return {source: float(weight) for source, weight in listed.items()}


def _dimensions(manifest: Mapping[str, Any]) -> tuple[int, int]:
    return int(manifest["factors"]["dimension"]), int(manifest["encoder"]["dimension"])


@contextmanager
def _complete(files: Files) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise files.refused(MANIFEST, f" is incomplete: {error!r}") from error
