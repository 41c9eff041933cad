"""Drift of what is played now against a published version's training window."""

from collections.abc import Callable

import numpy as np

from backend.domain.errors import NotFound
from backend.ports.models import ModelRepository
from training.data.dataset import PlayColumns, compact
from training.data.exclusions import DAY_MILLISECONDS
from training.judging.drift import DECILES_FILE, PROFILE_FILE, Drift, drift, read_deciles, read_profile
from training.judging.published import Published, published
from training.material import Material


def drift_now(models: ModelRepository, read: Callable[[], Material], *, version: str | None, days: int | None) -> Drift:
    """The last `days` of the plays that `read` gives, by default those since `version` (the one that serves) learned.

    Raises NotFound (no such version, or one from before profiles were kept), ModelRefused, and what `read` raises.
    """
    against = published(models, version)
    if against is None:
        raise NotFound("there is no version to compare with: run `segue train`")
    material = read()
    after = against.until if days is None else int(material.plays.played_at.max()) - days * DAY_MILLISECONDS
    found = drift_from(against, material, after=after)
    if found is None:
        raise NotFound(f"version {against.version} keeps no profile of its plays: run `segue train` for one that does")
    return found


def drift_from(against: Published, material: Material, *, after: int | None) -> Drift | None:
    """The plays after a moment (milliseconds since 1970 UTC; None: all) against a version; None without a profile."""
    kept, deciles = against.file(PROFILE_FILE), against.file(DECILES_FILE)
    if kept is None or deciles is None:
        return None
    return drift(
        _after(material.plays, after),
        material.feature_ids,
        material.features,
        version=against.version,
        then=read_profile(kept),
        deciles=read_deciles(deciles, against.lines("track_ids.txt")),
    )


def _after(plays: PlayColumns, moment: int | None) -> PlayColumns:
    return compact(plays.where(plays.played_at > (np.iinfo(np.int64).min if moment is None else moment)))
