"""Rankers that know tracks by their tags and listeners by their friends; without these they score 0."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from training.data.dataset import Float32, Interactions
from training.data.side import SideInformation
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings
from training.evaluation.evaluate import Scorer, factors_scorer, silent_scorer
from training.rankers.matrix import log_counts, rarity, require_plays, unit_rows


@dataclass(frozen=True, slots=True)
class TagProfile:
    """The cosine of a track's tags with the sum of those of the listener's tracks (TF-IDF, weighted by log1p(plays)).

    The plain content model, and the baseline for cold tracks.
    """

    name: str = "tag-profile"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part."""
        require_plays(pairs)
        described = described_tracks(pairs, side)
        profiles = unit_rows(sp.csr_matrix(unit_rows(log_counts(pairs.matrix())) @ described))
        return lambda listeners: _dense(profiles[listeners] @ described.T)


@dataclass(frozen=True, slots=True)
class TagRidge:
    """ALS factors of a track from its tags, by ridge regression on the tracks that are played.

    Each played track weighs as many as its listeners; tags of fewer than `tag_tracks` tracks are left out. Listeners
    keep their ALS factors.
    """

    als: AlsSettings = field(default_factory=AlsSettings)
    regularization: float = 80.0
    tag_tracks: int = 5
    threads: int = 1
    name: str = "tag-ridge"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says. Without tags every track scores 0."""
        factors = LocalTrainer(threads=self.threads).fit(pairs, settings=self.als, seed=seed)
        described = described_tracks(pairs, side)
        kept = described[:, np.bincount(described.indices, minlength=described.shape[1]) >= self.tag_tracks]
        weight = sp.diags(np.bincount(pairs.tracks, minlength=len(pairs.track_ids)).astype(np.float64))
        system = (kept.T @ weight @ kept).toarray() + self.regularization * np.eye(kept.shape[1])
        mapping = np.linalg.solve(system, kept.T @ (weight @ factors.tracks))
        return factors_scorer(factors.listeners, np.asarray(kept @ mapping, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Friends:
    """The share of a listener's friends who play a track, weighted by log1p(plays)."""

    name: str = "friends"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part."""
        require_plays(pairs)
        plays = log_counts(pairs.matrix())
        if side.friends is None:
            return silent_scorer(plays.shape[1])
        count = np.maximum(np.diff(side.friends.indptr), 1).astype(np.float32)
        share = sp.csr_matrix(sp.diags(1.0 / count) @ side.friends)
        return lambda listeners: _dense(share[listeners] @ plays)


def described_tracks(pairs: Interactions, side: SideInformation) -> sp.csr_matrix:
    """Tracks as unit vectors of their tags, (tracks, tags): listeners who gave a tag · its rarity."""
    tags = side.track_tags(len(pairs.track_ids))
    if tags is None:
        return sp.csr_matrix((len(pairs.track_ids), 1), dtype=np.float32)
    by_track = sp.csr_matrix(tags.T)
    return unit_rows(sp.csr_matrix(by_track @ sp.diags(rarity(by_track))))


def _dense(scores: sp.csr_matrix) -> Float32:
    return np.asarray(scores.toarray(), dtype=np.float32)
