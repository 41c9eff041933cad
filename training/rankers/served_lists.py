"""What the server answers with, as a ranker: its candidate lists, fused with learned weights."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from backend.ranking.library import Library, answer
from training.data.dataset import Float32, Int32, Interactions
from training.data.side import SideInformation
from training.data.split import random_split
from training.engines.labelled import LabelledTrainer
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings
from training.evaluation.evaluate import Scorer
from training.rankers.matrix import require_plays
from training.ranking import fusion
from training.ranking.tastes import Tastes
from training.ranking.version import Words, learn

HELD_OUT = 0.2
"""Share of the plays that fusion is learned on: as much as a training of the service takes."""
LABELS = 10


@dataclass(frozen=True, slots=True)
class ServedLists:
    """The server's own ranking (`backend.ranking`): lists by factors, links and trends, fused by reciprocal ranks.

    Weights by how many tracks a listener has are learned on a fifth of the plays, drawn by lot where a training of the
    service takes the latest; then all is learned again from all plays. Of the tags in `side`, the ten that most
    listeners put on a track stand for those in a catalogue. The list by words is silent: interactions bring none; each
    track is its own artist. Tracks that no list names score 0.
    """

    als: AlsSettings = field(default_factory=AlsSettings)
    label_weight: float = 1.0
    threads: int = 1
    name: str = "serving"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says."""
        require_plays(pairs)
        split = random_split(pairs, held_out=HELD_OUT, seed=seed)
        earlier = self._library(split.train, side.without(split.test), seed)
        listeners = np.random.default_rng(seed).permutation(np.unique(split.test.listeners))[: fusion.MOST_LISTENERS]
        asked = fusion.ask(earlier, split, Tastes(split.train), np.sort(listeners))
        weights = fusion.learn(earlier, asked, seed=seed).weights
        library, tastes = self._library(pairs, side, seed), Tastes(pairs)
        number = {track_id: track for track, track_id in enumerate(pairs.track_ids)}
        itself = dict(zip(pairs.track_ids, pairs.track_ids, strict=True))

        def score(listeners: Int32) -> Float32:
            scores = np.zeros((len(listeners), len(number)), dtype=np.float32)
            for row, listener in enumerate(listeners.tolist()):
                taste = tastes.of(listener)
                ranked = [number[one] for one in answer(library.lists(taste), weights, taste, itself)]
                scores[row, ranked] = np.arange(len(ranked), 0, -1)
            return scores

        return score

    def _library(self, pairs: Interactions, side: SideInformation, seed: int) -> Library:
        trainer = LabelledTrainer(
            trainer=LocalTrainer(threads=self.threads), labels_of=_labels(pairs, side), weight=self.label_weight
        )
        factors = trainer.fit(pairs, settings=self.als, seed=seed)
        wordless = Words(track_ids=[], vectors=np.zeros((0, 1), dtype=np.float32), artist_of={})
        return learn(pairs, factors, wordless).library(pairs)


def _labels(pairs: Interactions, side: SideInformation) -> dict[str, list[str]]:
    tags = side.track_tags(len(pairs.track_ids))
    if tags is None:
        return {}
    by_track = sp.csr_matrix(tags.T)
    found = {}
    for track, track_id in enumerate(pairs.track_ids):
        carried = slice(by_track.indptr[track], by_track.indptr[track + 1])
        most = np.argsort(-by_track.data[carried], kind="stable")[:LABELS]
        found[track_id] = [str(tag) for tag in by_track.indices[carried][most].tolist()]
    return found
