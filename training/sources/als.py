"""Implicit ALS as a source: plain, with tags stacked under the listeners, and the plain uses of `implicit`."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from training.dataset import Interactions
from training.engines.native import solve
from training.engines.trainer import AlsSettings, weights
from training.evaluate import Scorer, factors_scorer
from training.side import SideInformation
from training.sources.matrix import log_counts, require_plays


@dataclass(frozen=True, slots=True)
class Als:
    """The engine's ALS (`training.engines.local`), its scores averaged over `runs` seeds.

    `even_listeners` scales confidences so that every listener has the same mean; `damping` multiplies them by
    popularity^-`damping` (listeners of the track), their mean kept: known tracks of the many say less of a taste.
    With `tag_weight` above 0 every tag of at least `tag_tracks` tracks stands in the matrix as one more listener, who
    "played" the tracks that carry it: confidence `tag_weight` · log1p(n), n the listeners who gave the tag, or with
    `tag_shares` ten times their share of all that tag the track (out of ten at least, so that one stray tag says
    little). Shares suit tracks with plays, counts those without: how often a track is tagged tells how well known it
    is. The weights of unobserved pairs and of regularisation stay those of the listeners alone.
    """

    als: AlsSettings = field(default_factory=AlsSettings)
    even_listeners: bool = False
    damping: float = 0.0
    tag_weight: float = 0.0
    tag_shares: bool = True
    tag_tracks: int = 5
    runs: int = 1
    threads: int = 1
    name: str = "ials"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says. Without tags in `side` it is plain ALS."""
        require_plays(pairs)
        plays = self._confidence(pairs)
        stacked = plays
        tags = side.track_tags(plays.shape[1])
        if tags is not None and self.tag_weight > 0:
            stacked = sp.csr_matrix(sp.vstack([plays, self.tag_weight * self._tag_rows(tags)]))
        solved = weights(plays, self.als)
        fits = [
            solve(stacked, self.als, solved, seed=seed + 1000 * run, threads=self.threads) for run in range(self.runs)
        ]
        listeners = np.hstack([rows[: plays.shape[0]] for rows, _ in fits]) / np.float32(self.runs)
        return factors_scorer(listeners, np.hstack([columns for _, columns in fits]))

    def _confidence(self, pairs: Interactions) -> sp.csr_matrix:
        plays = log_counts(pairs.matrix())
        scale = np.ones(plays.nnz)
        if self.even_listeners:
            tracks = np.diff(plays.indptr)
            mean = np.asarray(plays.sum(axis=1)).ravel() / np.maximum(tracks, 1)
            scale /= np.repeat(mean, tracks)
        if self.damping:
            scale *= np.bincount(plays.indices, minlength=plays.shape[1])[plays.indices] ** -self.damping
        data = plays.data * scale
        data *= plays.data.mean() / data.mean()
        return sp.csr_matrix((data.astype(np.float32), plays.indices, plays.indptr), plays.shape)

    def _tag_rows(self, track_tags: sp.csr_matrix) -> sp.csr_matrix:
        kept = track_tags[np.diff(track_tags.indptr) >= self.tag_tracks]
        if self.tag_shares:
            total = np.asarray(kept.sum(axis=0)).ravel()
            kept = sp.csr_matrix(kept @ sp.diags((10.0 / np.maximum(total, 10.0)).astype(np.float32)))
        return log_counts(kept)
