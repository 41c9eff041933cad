"""`segue train`: archive → interactions → factors and embeddings → evaluation → published version → pointer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from backend.ports.encoder import TextEncoder
from backend.ports.vectors import Vectors
from backend.settings import Settings
from backend.versions.codec import Ranking
from training import likeness, wiring
from training.content.embed import EmbeddingCache
from training.content.export import DIMENSION, ENCODER_NAME, export_encoder, is_exported
from training.content.topics import FoundTopics
from training.data.catalogue import Catalogue
from training.data.dataset import interactions
from training.drift_report import drift_from
from training.engines.trainer import AlsSettings, Trainer
from training.evaluation.metrics import Estimate
from training.judging.drift import DECILES_FILE, PROFILE_FILE, Drift, deciles_to_file
from training.judging.drift import profile as window_profile
from training.judging.judge import Judge
from training.judging.published import earlier_factors, published
from training.material import Material, data_window, with_labels
from training.publishing import erasing
from training.publishing.lock import training_lock
from training.publishing.manifest import SNAPSHOT_FILE, DataWindow, VersionFacts
from training.publishing.mlflow import log_training
from training.publishing.promote import Promoter
from training.ranking.version import Words, learn, with_sound
from training.stopwatch import Report, Stopwatch
from training.topics import TopicFinder, files_of
from training.tuned import Tuned, tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """What a training made. `reason` says why it was not promoted, "" where it was; `seconds` is by step.

    `settings_from` is "defaults", "given", or the file of `segue tune`; `clusters` counts clusters of tracks, which are
    the topics of the upper level, `topics` those of both; `drift` is what moved since the version that served before,
    None where none did.
    """

    version: str
    promoted: bool
    reason: str
    warnings: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    baseline: Mapping[str, Estimate]
    data: DataWindow
    settings: AlsSettings
    settings_from: str
    clusters: int
    topics: int
    drift: Drift | None
    seconds: Mapping[str, float]


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

    Settings are `als`, else what `segue tune` found, else the defaults. The same archive, catalogue, seed and
    `threads=1` give the same version files, unless `training_warm_start` begins from the factors that serve.
    Judging always begins anew, because those factors saw the held-out plays.
    Raises NotFound (no archive), InvalidInput (nothing to learn from), Unavailable (another training runs, a part is
    down), ModelRefused.
    """
    chosen = Tuned(als=als, source="given") if als else tuned(wiring.tuning_folder(settings))
    workshop = Workshop(
        material=lambda: wiring.material(settings),
        promoter=wiring.promoter(settings),
        embeddings=settings.cache / "embeddings",
        encoder=settings.encoder,
        open_encoder=lambda: wiring.encoder(settings),
        topics=lambda trainer: wiring.topic_finder(settings, trainer),
        label_weight=settings.training_label_weight,
        # Factors that serve may have learned from somebody who is being erased: no training begins from those.
        warm_start=settings.training_warm_start and not _is_somebody_erased(settings),
        mlflow_url=settings.mlflow_url,
        experiment=settings.tenant,
    )
    with training_lock(workshop.promoter.locks), wiring.trainer(settings, threads=threads) as trainer:
        trained = train_with(workshop, trainer, chosen, now=now, seed=seed, watch=Stopwatch(report))
        with wiring.erasures(settings) as erasures:
            erased = erasing.erase(erasures, workshop.promoter, now=datetime.now(UTC))
    if erased.done or erased.removed:
        report(f"erased listeners: {erased.removed} versions that learned from them removed")
    return trained


def _is_somebody_erased(settings: Settings) -> bool:
    with wiring.erasures(settings) as erasures:
        return bool(erasing.open_for_models(erasures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What a training works with: plays and catalogue when asked for, who publishes, folders, and what is wanted.

    `embeddings` keeps vectors of texts from one training to the next, `encoder` is the exported encoder's folder and
    `open_encoder` opens it, `topics` finds them by the trainer's engine. Runs are logged to MLflow as `experiment`
    where `mlflow_url` is not "".
    """

    material: Callable[[], Material]
    promoter: Promoter
    embeddings: Path
    encoder: Path
    open_encoder: Callable[[], TextEncoder]
    topics: Callable[[Trainer], TopicFinder]
    label_weight: float
    warm_start: bool
    mlflow_url: str
    experiment: str


def train_with(
    workshop: Workshop, trainer: Trainer, tuned: Tuned, *, now: datetime, seed: int, watch: Stopwatch
) -> TrainingReport:
    """As `train`, with the parts of a workshop; the caller keeps other trainings away."""
    current = published(workshop.promoter.models)
    finder = workshop.topics(trainer)
    with watch.step("reading the play archive"):
        material = workshop.material()
    trainer = with_labels(trainer, material.catalogue, weight=workshop.label_weight)
    with watch.step("embedding the catalogue"):
        prepare_encoder(workshop.encoder, watch.report)
        content_ids, content = _embed(material.catalogue, workshop, watch.report)
    with watch.step("judging on held-out plays"):
        words = Words(track_ids=content_ids, vectors=content, artist_of=material.catalogue.artist_of)
        judgement = Judge(trainer=trainer, words=words, seed=seed).judge(material.plays, tuned.als, current=current)
    with watch.step("learning from all plays"):
        earlier = earlier_factors(current, tuned.als) if workshop.warm_start else None
        pairs = interactions(material.plays)
        factors = trainer.fit(pairs, settings=tuned.als, seed=seed, earlier=earlier)
    with watch.step("finding topics and drift"):
        topics = finder.find(material, current, seed=seed, report=watch.report)
        drift = None if current is None else drift_from(current, material, after=current.until)
    with watch.step("learning what ranks beside the factors"):
        learned = learn(pairs, factors, words)
    with watch.step("learning how tracks are alike"):
        heard = likeness.heard(material, seed, watch.report)
        weighed = likeness.weighed(judgement, heard, material, seed)
    ranking = Ranking(
        encoder_name=ENCODER_NAME,
        encoder_dimension=DIMENSION,
        parts=learned.parts,
        newcomers=learned.newcomers,
        weights=learned.weights if judgement.fusion is None else judgement.fusion.weights,
        notes=() if judgement.fusion is None else judgement.fusion.notes,
        sound=None if heard is None else heard.sound,
        alike={} if weighed is None else weighed.weights,
        alike_figures={} if weighed is None else weighed.figures,
    )
    facts = VersionFacts(
        created_at=now,
        engine=trainer.name,
        seed=seed,
        settings=tuned.als,
        label_weight=workshop.label_weight,
        judgement=judgement,
        data=data_window(material),
        settings_from=tuned.source,
        drift=drift,
        topics=None if topics is None else topics.choice,
    )
    with watch.step("publishing"):
        further = _further(material, learned.vectors.track_ids, topics)
        against = current.version if current else None
        vectors = learned.vectors if heard is None else with_sound(learned.vectors, heard.track_ids, heard.spaces)
        released = workshop.promoter.release(
            vectors, ranking, facts, further, judged_against=against, facets=material.catalogue.facets
        )
    warnings = (*released.warnings, *_logged(workshop, released.version, watch))
    return TrainingReport(
        version=released.version,
        promoted=not released.objections,
        reason="; ".join(released.objections),
        warnings=warnings,
        metrics=judgement.metrics,
        baseline=judgement.baseline,
        data=facts.data,
        settings=tuned.als,
        settings_from=tuned.source,
        clusters=0 if topics is None else sum(not one.parent_id for one in topics.topics),
        topics=0 if topics is None else len(topics.topics),
        drift=drift,
        seconds=watch.seconds,
    )


def prepare_encoder(folder: Path, report: Report = lambda _: None) -> None:
    """Export the text encoder where it is not yet there; the server needs it to search by words."""
    if not is_exported(folder):
        report("exporting the text encoder (once)")
        export_encoder(folder)


def _embed(catalogue: Catalogue, workshop: Workshop, report: Report) -> tuple[Sequence[str], Vectors]:
    cache = EmbeddingCache(workshop.embeddings / ENCODER_NAME)
    texts = list(catalogue.texts.values())
    return list(catalogue.texts), cache.embed(texts, workshop.open_encoder(), report=report)


def _logged(workshop: Workshop, version: str, watch: Stopwatch) -> tuple[str, ...]:
    """Log to MLflow where that is asked for; what went wrong, if anything."""
    if not workshop.mlflow_url:
        return ()
    manifest = workshop.promoter.models.load(version).manifest
    with watch.step("logging to MLflow"):
        seconds = sum(watch.seconds.values())
        warning = log_training(workshop.mlflow_url, experiment=workshop.experiment, manifest=manifest, seconds=seconds)
    return (warning,) if warning else ()


def _further(material: Material, track_ids: Sequence[str], topics: FoundTopics | None) -> dict[str, bytes]:
    """Files of the version beside its arrays: what it was learned from, in numbers, and its topics."""
    profile, deciles = window_profile(material.plays, material.feature_ids, material.features)
    place = dict(zip(material.plays.track_ids, deciles.tolist(), strict=True))
    spread = np.array([place.get(track_id, -1) for track_id in track_ids], dtype=np.int8)
    files = {
        SNAPSHOT_FILE: material.snapshot.to_file(),
        PROFILE_FILE: profile.to_file(),
        DECILES_FILE: deciles_to_file(spread),
    }
    return files if topics is None else {**files, **files_of(topics, material, track_ids)}
