"""Moves the pointer, and tells the streaming job whose clusters count from now on.

The pointer moves first: a version serves without its clusters, and the record can be appended again by promoting once
more. A version without clusters leaves those of the last one that had some: tracks sound as they did.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backend import wiring
from backend.domain.errors import NotFound, Overloaded, Unavailable
from backend.ports.event_log import Topic
from backend.ports.models import ModelRepository
from backend.ports.records import clusters_record
from backend.settings import Settings
from backend.versions.codec import Ranking, VersionVectors
from training.judging.published import published
from training.publishing import publish
from training.publishing.lock import lock_folder, pointer_lock
from training.publishing.manifest import VersionFacts

APPEND_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """Who serves now and who did before; `warning` says what could not be told to the streaming job, else ""."""

    current: str
    previous: str | None
    warning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A published version; it serves unless there are `objections`. `warnings` do not keep it from serving."""

    version: str
    objections: tuple[str, ...]
    warnings: tuple[str, ...]


def release(
    settings: Settings,
    vectors: VersionVectors,
    ranking: Ranking,
    facts: VersionFacts,
    further: Mapping[str, bytes],
    *,
    judged_against: str | None,
) -> Release:
    """Publish, then point unless the judgement objects, then prune. Hold the training lock meanwhile.

    A pointer that somebody moved since the judgement stays where it is: what the new version was compared with does not
    serve any more, and a rollback made in need must hold.
    """
    models, index = wiring.models(settings), wiring.vector_index(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="version-", dir=settings.home) as folder:
        version = publish.write_version(Path(folder), vectors, ranking, facts, further)
        publish.publish(Path(folder), version, vectors, index=index, models=models)
    objections, warnings = facts.judgement.objections, tuple[str, ...]()
    with pointer_lock(lock_folder(settings)):
        serves = models.current()
        if serves != judged_against:
            objections = (*objections, f"meanwhile {serves} became current, it was judged against {judged_against}")
        if not objections:
            warning = point(settings, models, version).warning
            warnings = (warning,) if warning else ()
        publish.prune(settings.keep_models, index=index, models=models)
    return Release(version=version, objections=objections, warnings=warnings)


def promote(settings: Settings, version: str) -> Promotion:
    """Point to a version. Raises NotFound, ModelRefused, Unavailable (the pointer is held too long)."""
    models = wiring.models(settings)
    with pointer_lock(lock_folder(settings)):
        return point(settings, models, version)


def roll_back(settings: Settings) -> Promotion:
    """Point to the version that served before. Raises NotFound, ModelRefused, Unavailable."""
    models = wiring.models(settings)
    with pointer_lock(lock_folder(settings)):
        previous = models.previous()
        if previous is None:
            raise NotFound("there is no version to go back to: see what was published with `segue models list`")
        return point(settings, models, previous)


def point(settings: Settings, models: ModelRepository, version: str) -> Promotion:
    """As `promote`, for a caller who holds the pointer lock."""
    models.point(version)
    reason = _tell(settings, models, version)
    warning = f"track clusters were not sent on: {reason}; later, `segue models promote {version}`" if reason else ""
    return Promotion(current=version, previous=models.previous(), warning=warning)


def _tell(settings: Settings, models: ModelRepository, version: str) -> str:
    """Append the version's clusters, if it has any; why it failed, "" where it did not."""
    pointed = published(models, version)
    clusters = None if pointed is None else pointed.clusters()
    if clusters is None:
        return ""
    event_log = wiring.event_log(settings)
    try:
        (confirmed,) = event_log.append(Topic.CLUSTERS, [clusters_record(clusters)], timeout_seconds=APPEND_SECONDS)
    except (Unavailable, Overloaded) as error:
        return str(error)
    finally:
        event_log.close(timeout_seconds=1.0)
    return "" if confirmed else f"{settings.kafka_servers} did not confirm within {APPEND_SECONDS:.0f} s"
