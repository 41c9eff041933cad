"""Moves the pointer, and tells the streaming job whose clusters count from now on.

The pointer moves first: a version serves without its clusters, and the record can be appended again by promoting once
more. A version without clusters leaves those of the last one that had some: tracks sound as they did.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import NotFound, Overloaded, Unavailable
from backend.ports.event_log import EventLog, Topic
from backend.ports.models import ModelRepository
from backend.ports.records import clusters_record
from backend.ports.vectors import Facets, VectorIndex
from backend.versions.codec import Ranking, VersionVectors
from training.judging.published import published
from training.publishing import publish
from training.publishing.lock import pointer_lock
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoter:
    """Publishes, points and prunes. `event_log` opens the log, closed again here; `drafts` holds unfinished folders.

    `locks` is the folder of the locks, `keep` how many versions stay beside the current and the previous one.
    """

    models: ModelRepository
    index: VectorIndex
    event_log: Callable[[], EventLog]
    locks: Path
    drafts: Path
    keep: int

    def release(
        self,
        vectors: VersionVectors,
        ranking: Ranking,
        facts: VersionFacts,
        further: Mapping[str, bytes],
        *,
        judged_against: str | None,
        facets: Mapping[str, Facets] | None = None,
    ) -> Release:
        """Publish, then point unless the judgement objects, then prune. Hold the training lock meanwhile.

        A pointer that somebody moved since the judgement stays where it is: what the new version was compared with does
        not serve any more, and a rollback made in need must hold.
        """
        self.drafts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="version-", dir=self.drafts) as folder:
            version = publish.write_version(Path(folder), vectors, ranking, facts, further)
            publish.publish(Path(folder), version, vectors, index=self.index, models=self.models, facets=facets)
        objections, warnings = facts.judgement.objections, tuple[str, ...]()
        with pointer_lock(self.locks):
            serves = self.models.current()
            if serves != judged_against:
                moved = f"meanwhile {serves} became current, it was judged against {judged_against}"
                objections = (*objections, moved)
            if not objections:
                warning = self._point(version).warning
                warnings = (warning,) if warning else ()
            publish.prune(self.keep, index=self.index, models=self.models)
        return Release(version=version, objections=objections, warnings=warnings)

    def promote(self, version: str) -> Promotion:
        """Point to a version. Raises NotFound, ModelRefused, Unavailable (the pointer is held too long)."""
        with pointer_lock(self.locks):
            return self._point(version)

    def roll_back(self) -> Promotion:
        """Point to the version that served before. Raises NotFound, ModelRefused, Unavailable."""
        with pointer_lock(self.locks):
            previous = self.models.previous()
            if previous is None:
                raise NotFound("there is no version to go back to: see what was published with `segue models list`")
            return self._point(previous)

    def _point(self, version: str) -> Promotion:
        """As `promote`, for a caller who holds the pointer lock."""
        self.models.point(version)
        reason = self._tell(version)
        warning = (
            f"track clusters were not sent on: {reason}; later, `segue models promote {version}`" if reason else ""
        )
        return Promotion(current=version, previous=self.models.previous(), warning=warning)

    def _tell(self, version: str) -> str:
        """Append the version's clusters, if it has any; why it failed, "" where it did not."""
        pointed = published(self.models, version)
        clusters = None if pointed is None else pointed.clusters()
        if clusters is None:
            return ""
        event_log = self.event_log()
        try:
            (confirmed,) = event_log.append(Topic.CLUSTERS, [clusters_record(clusters)], timeout_seconds=APPEND_SECONDS)
        except (Unavailable, Overloaded) as error:
            return str(error)
        finally:
            event_log.close(timeout_seconds=1.0)
        return "" if confirmed else f"the event log did not confirm within {APPEND_SECONDS:.0f} s"
