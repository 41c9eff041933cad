"""`segue train`: archive → interactions → factors and embeddings → evaluation → published version → pointer."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from backend import wiring
from backend.domain.errors import InvalidInput, Violation
from backend.domain.recommendations import CandidateSource
from backend.ports.models import ModelRepository
from backend.ports.vectors import Vectors
from backend.settings import Settings
from training import publish
from training.archive import ArchivedPlays, read_archive
from training.catalogue import Catalogue, read_catalogue
from training.dataset import Float32, PlayColumns, compact, interactions
from training.embed import EmbeddingCache, SentenceEncoder
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings, Factors, Trainer
from training.export import export_encoder, is_exported
from training.judge import judge
from training.lock import training_lock
from training.manifest import DataWindow, VersionFacts
from training.metrics import Estimate

FUSION: Mapping[CandidateSource, float] = {
    CandidateSource.FACTORS: 0.6,
    CandidateSource.CONTENT: 0.25,
    CandidateSource.TREND: 0.15,
}

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """What a training made. `reason` says why it was not promoted, "" where it was; `seconds` is by step."""

    version: str
    promoted: bool
    reason: str
    metrics: Mapping[str, Estimate]
    baseline: Mapping[str, Estimate]
    data: DataWindow
    seconds: Mapping[str, float]


class Stopwatch:
    """Seconds by step, in order; each step is reported as it begins."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        self.report(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def train(
    settings: Settings,
    *,
    now: datetime,
    seed: int,
    report: Report = lambda _: None,
    als: AlsSettings | None = None,
    threads: int | None = None,
) -> TrainingReport:
    """Train, publish and, where no guarded metric fell, point to a new version.

    The same archive, catalogue, seed and `threads=1` give the same version files. Raises NotFound (no archive),
    InvalidInput (nothing to learn from), Unavailable (another training runs, a part is down), ModelRefused.
    """
    trainer = LocalTrainer(threads=threads or os.cpu_count() or 1)
    with training_lock(settings.home):
        return _train(settings, trainer, als or AlsSettings(), now=now, seed=seed, watch=Stopwatch(report))


def _train(
    settings: Settings, trainer: Trainer, als: AlsSettings, *, now: datetime, seed: int, watch: Stopwatch
) -> TrainingReport:
    models = wiring.models(settings)
    with watch.step("reading the play archive"):
        catalogue = _catalogue(settings)
        plays, excluded = _allowed(read_archive(settings.archive), catalogue)
    with watch.step("embedding the catalogue"):
        content_ids, content = _embed(settings, catalogue, watch.report)
    with watch.step("judging on held-out plays"):
        judgement = judge(plays, trainer, als, current=_current_manifest(models), seed=seed)
    with watch.step("learning from all plays"):
        factors = trainer.fit(interactions(plays), settings=als, seed=seed)
    facts = VersionFacts(
        created_at=now,
        engine=trainer.name,
        seed=seed,
        settings=als,
        fold_in=factors.fold_in,
        encoder_name=SentenceEncoder.name,
        encoder_dimension=SentenceEncoder.dimension,
        fusion=FUSION,
        judgement=judgement,
        data=_window(plays, excluded),
    )
    with watch.step("publishing"):
        version = _publish(settings, models, _arrays(plays, factors, content_ids, content), facts)
    return TrainingReport(
        version=version,
        promoted=not judgement.objections,
        reason="; ".join(judgement.objections),
        metrics=judgement.metrics,
        baseline=judgement.baseline,
        data=facts.data,
        seconds=watch.seconds,
    )


def prepare_encoder(settings: Settings, report: Report = lambda _: None) -> None:
    """Export the text encoder where it is not yet there; the server needs it to search by words."""
    if not is_exported(settings.encoder):
        report("exporting the text encoder (once)")
        export_encoder(SentenceEncoder(), settings.encoder)


def _catalogue(settings: Settings) -> Catalogue:
    with closing(wiring.store(settings)) as store:
        return read_catalogue(store.all_tracks(), store.all_artists())


def _allowed(archive: ArchivedPlays, catalogue: Catalogue) -> tuple[PlayColumns, dict[str, int]]:
    """Plays of tracks that may be learned from, and what was left out."""
    plays = archive.plays
    withheld = np.array([track_id in catalogue.withheld for track_id in plays.track_ids], dtype=bool)
    allowed = compact(plays.where(~withheld[plays.tracks]))
    if len(allowed) == 0:
        raise InvalidInput(
            [Violation("archive", f"none of its plays may be learned from (left out: {dict(archive.excluded)})")]
        )
    return allowed, {**archive.excluded, "track_allow_training": len(plays) - len(allowed)}


def _embed(settings: Settings, catalogue: Catalogue, report: Report) -> tuple[Sequence[str], Vectors]:
    encoder = SentenceEncoder()
    cache = EmbeddingCache(settings.cache / "embeddings" / encoder.name)
    vectors = cache.embed(list(catalogue.texts.values()), encoder, report=report)
    if not is_exported(settings.encoder):
        report("exporting the text encoder (once)")
        export_encoder(encoder, settings.encoder)
    return list(catalogue.texts), vectors


def _window(plays: PlayColumns, excluded: Mapping[str, int]) -> DataWindow:
    first, last = (datetime.fromtimestamp(int(edge) / 1000, UTC) for edge in _edges(plays))
    return DataWindow(
        first_play=first.isoformat(),
        last_play=last.isoformat(),
        plays=len(plays),
        listeners=len(plays.listener_ids),
        tracks=len(plays.track_ids),
        excluded=excluded,
    )


def _edges(plays: PlayColumns) -> tuple[np.int64, np.int64]:
    return plays.played_at.min(), plays.played_at.max()


def _arrays(
    plays: PlayColumns, factors: Factors, content_ids: Sequence[str], content: Vectors
) -> publish.VersionArrays:
    """Factors and content over the union of played and described tracks; see VersionArrays for zero rows."""
    track_ids = sorted({*plays.track_ids, *content_ids})
    place = {track_id: number for number, track_id in enumerate(track_ids)}
    return publish.VersionArrays(
        track_ids=track_ids,
        listener_ids=plays.listener_ids,
        factors=Factors(
            listeners=factors.listeners,
            tracks=_spread(factors.tracks, [place[track_id] for track_id in plays.track_ids], len(track_ids)),
            fold_in=factors.fold_in,
        ),
        content=_spread(content, [place[track_id] for track_id in content_ids], len(track_ids)),
    )


def _spread(rows: Float32, places: Sequence[int], count: int) -> Float32:
    spread = np.zeros((count, rows.shape[1]), dtype=np.float32)
    spread[np.asarray(places, dtype=np.int64)] = rows
    return spread


def _publish(settings: Settings, models: ModelRepository, arrays: publish.VersionArrays, facts: VersionFacts) -> str:
    """Publish, then point unless the judgement objects, then prune; the new version's name."""
    index = wiring.vector_index(settings)
    with tempfile.TemporaryDirectory(prefix="version-", dir=settings.home) as folder:
        version = publish.write_version(Path(folder), arrays, facts)
        publish.publish(Path(folder), version, arrays, index=index, models=models)
    if not facts.judgement.objections:
        models.point(version)
    publish.prune(settings.keep_models, index=index, models=models)
    return version


def _current_manifest(models: ModelRepository) -> Mapping[str, object] | None:
    current = models.current()
    return None if current is None else models.load(current).manifest
