"""Sources that know tracks by their tags and listeners by their friends; without these they score 0."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from training.dataset import Float32, Int32, Interactions
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings
from training.evaluate import Scorer, factors_scorer, silent_scorer
from training.side import SideInformation
from training.sources.matrix import log_counts, marks, rarity, require_plays, unit_rows


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
class TagNeighbours:
    """For each track, the listener's tracks by how near their tags are: cosine (TF-IDF) to the power `sharpness`.

    Where `TagProfile` mixes a listener's tastes into one, here a track near one of them is enough.
    """

    sharpness: float = 3.0
    name: str = "tag-knn"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part."""
        require_plays(pairs)
        described = described_tracks(pairs, side, damped=True)
        played = unit_rows(log_counts(pairs.matrix()))

        def score(listeners: Int32) -> Float32:
            part = played[listeners]
            met = np.unique(part.indices)
            near = sp.csr_matrix(described[met] @ described.T)
            near.data **= self.sharpness
            return _dense(part[:, met] @ near)

        return score


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
class TagCount:
    """log1p of how often a track was tagged, the same for all: how well known a track is that nobody played yet."""

    name: str = "tag-count"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part."""
        require_plays(pairs)
        tags = side.track_tags(len(pairs.track_ids))
        if tags is None:
            return silent_scorer(len(pairs.track_ids))
        counts = np.log1p(np.asarray(tags.sum(axis=0), dtype=np.float32).ravel())
        return lambda listeners: np.tile(counts, (len(listeners), 1))


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


def described_tracks(pairs: Interactions, side: SideInformation, *, damped: bool = False) -> sp.csr_matrix:
    """Tracks as unit vectors of their tags, (tracks, tags): listeners who gave a tag (`damped`: log1p) · its rarity."""
    tags = side.track_tags(len(pairs.track_ids))
    if tags is None:
        return sp.csr_matrix((len(pairs.track_ids), 1), dtype=np.float32)
    by_track = sp.csr_matrix(tags.T)
    weighted = log_counts(by_track) if damped else by_track
    return unit_rows(sp.csr_matrix(weighted @ sp.diags(rarity(marks(by_track)))))


def _dense(scores: sp.csr_matrix) -> Float32:
    return np.asarray(scores.toarray(), dtype=np.float32)
