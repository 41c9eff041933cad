"""What training works on: the plays of one archive snapshot, and the catalogue, both without what must be left out."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from backend.ports.store import CatalogueStore
from training.content.clusters import Float64, feature_table
from training.data.archive import Snapshot, read_archive
from training.data.catalogue import Catalogue, read_catalogue
from training.data.dataset import PlayColumns
from training.data.exclusions import Limits, Withheld, choose
from training.engines.labelled import LabelledTrainer
from training.engines.trainer import Trainer
from training.publishing.manifest import DataWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Plays to learn from and what was left out, by reason.

    `feature_ids` and `features` (n, 9) are the audio features of tracks that may be learned from, see
    `training.content.clusters.feature_table`.
    """

    plays: PlayColumns
    excluded: dict[str, int]
    flagged_listeners: int
    limits: Limits
    snapshot: Snapshot
    catalogue: Catalogue
    feature_ids: list[str]
    features: Float64


def read_material(
    store: CatalogueStore, archive_url: str, limits: Limits, *, listeners: frozenset[str] = frozenset()
) -> Material:
    """`listeners` are the pseudonyms of those who let nobody learn from them.

    Raises NotFound (no archive), InvalidInput (nothing to learn from), Unavailable (the store is down).
    """
    catalogue = read_catalogue(store.all_tracks(), store.all_artists())
    archive = read_archive(archive_url)
    chosen = choose(archive.plays, withheld=withheld_by(catalogue, listeners), limits=limits)
    feature_ids, features = feature_table(catalogue.sounds)
    return Material(
        plays=chosen.plays,
        excluded={**archive.excluded, **chosen.excluded},
        flagged_listeners=chosen.flagged_listeners,
        limits=limits,
        snapshot=archive.snapshot,
        catalogue=catalogue,
        feature_ids=feature_ids,
        features=features,
    )


def withheld_by(catalogue: Catalogue, listeners: frozenset[str]) -> Withheld:
    """What these listeners and the catalogue do not let anybody learn from."""
    return Withheld(listeners=listeners, tracks=catalogue.withheld, of_artists=catalogue.of_withheld)


def with_labels(trainer: Trainer, catalogue: Catalogue, *, weight: float) -> Trainer:
    """`trainer`, told what the catalogue says of the tracks; itself where that has no `weight`."""
    if weight == 0:
        return trainer
    return LabelledTrainer(trainer=trainer, labels_of=catalogue.labels_of, weight=weight)


def data_window(material: Material) -> DataWindow:
    """As the manifest tells it."""
    plays = material.plays
    first, last = (datetime.fromtimestamp(int(edge) / 1000, UTC) for edge in _edges(plays))
    return DataWindow(
        first_play=first.isoformat(),
        last_play=last.isoformat(),
        plays=len(plays),
        listeners=len(plays.listener_ids),
        tracks=len(plays.track_ids),
        excluded=material.excluded,
        flagged_listeners=material.flagged_listeners,
        limits=material.limits.numbers(),
        files=len(material.snapshot.files),
        size=material.snapshot.size,
        sha256=material.snapshot.sha256,
        sounds=len(material.catalogue.sounds),
        estimated_sounds=material.catalogue.estimated,
    )


def _edges(plays: PlayColumns) -> tuple[np.int64, np.int64]:
    return plays.played_at.min(), plays.played_at.max()
