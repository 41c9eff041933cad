"""Implicit ALS as a ranker: plain, with tags stacked under the listeners, and the plain uses of `implicit`."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from training.data.dataset import Interactions
from training.data.side import SideInformation
from training.engines.native import solve
from training.engines.trainer import AlsSettings, weights
from training.evaluation.evaluate import Scorer, factors_scorer
from training.rankers.matrix import column_sizes, evened, log_counts, require_plays


@dataclass(frozen=True, slots=True)
class Als:
    """ALS on irspack's solver (`training.engines.native`), its scores averaged over `runs` seeds.

    `even_listeners` scales confidences so that every listener has the same mean; `damping` multiplies them by
    popularity^-`damping` (listeners of the track): known tracks of the many say less of a taste; `tagged_gain` by 1 +
    that where the listener tagged the track. The mean of all confidences is kept.

    With `tag_weight` above 0 every tag of at least `tag_tracks` tracks stands in the matrix as one more listener, who
    "played" the tracks that carry it: confidence `tag_weight` · log1p(n), n the listeners who gave the tag, or with
    `tag_shares` ten times their share of all that tag the track (out of ten at least, so that one stray tag says
    little). Shares suit tracks with plays, counts those without: how often a track is tagged tells how well known it
    is. With `listener_tag_weight` every tag that `tag_tracks` listeners use is one more track as well, "played" by
    them: that weight · log1p(n), n the tracks they put it on, as forty times its share (out of forty at least). The
    weights of unobserved pairs and of regularisation stay those of the plays alone.
    """

    als: AlsSettings = field(default_factory=AlsSettings)
    even_listeners: bool = False
    damping: float = 0.0
    tagged_gain: float = 0.0
    tag_weight: float = 0.0
    tag_shares: bool = True
    tag_tracks: int = 5
    listener_tag_weight: float = 0.0
    runs: int = 1
    threads: int = 1
    name: str = "ials"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says. Without tags in `side` it is plain ALS."""
        require_plays(pairs)
        plays = self._confidence(pairs, side)
        stacked = self._with_tags(plays, side)
        solved = weights(plays, self.als)
        fits = [
            solve(stacked, self.als, solved, seed=seed + 1000 * run, threads=self.threads) for run in range(self.runs)
        ]
        listeners = np.hstack([rows[: plays.shape[0]] for rows, _ in fits]) / np.float32(self.runs)
        return factors_scorer(listeners, np.hstack([columns[: plays.shape[1]] for _, columns in fits]))

    def _confidence(self, pairs: Interactions, side: SideInformation) -> sp.csr_matrix:
        plays = log_counts(pairs.matrix())
        heard = evened(plays) if self.even_listeners else plays
        data = heard.data * (1.0 + self.tagged_gain * side.tagged(pairs))
        data *= column_sizes(plays)[plays.indices] ** -self.damping
        data *= plays.data.mean() / data.mean()
        return sp.csr_matrix((data.astype(np.float32), plays.indices, plays.indptr), plays.shape)

    def _with_tags(self, plays: sp.csr_matrix, side: SideInformation) -> sp.csr_matrix:
        """Tags as rows below the listeners and as columns beside the tracks."""
        blocks: list[list[sp.csr_matrix | None]] = [[plays]]
        used, carried = side.listener_tags(plays.shape[0]), side.track_tags(plays.shape[1])
        if used is not None and self.listener_tag_weight > 0:
            kept = used[:, np.bincount(used.indices, minlength=used.shape[1]) >= self.tag_tracks]
            blocks[0].append(self.listener_tag_weight * log_counts(_shares(kept, of=40.0)))
        if carried is not None and self.tag_weight > 0:
            kept = carried[np.diff(carried.indptr) >= self.tag_tracks]
            if self.tag_shares:
                kept = sp.csr_matrix(_shares(sp.csr_matrix(kept.T), of=10.0).T)
            blocks.append([self.tag_weight * log_counts(kept), *([None] * (len(blocks[0]) - 1))])
        return sp.csr_matrix(sp.bmat(blocks), dtype=np.float32)


def _shares(counts: sp.csr_matrix, *, of: float) -> sp.csr_matrix:
    """Each row as parts of a total of `of`; a row whose total is less stays as it is."""
    total = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), of)
    return sp.csr_matrix(sp.diags((of / total).astype(np.float32)) @ counts)
