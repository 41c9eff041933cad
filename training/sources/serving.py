"""What the server answers with, as a source: its candidate lists, fused with learned weights."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from backend.ports.models import weights_for
from training.data.dataset import Float32, Int32, Interactions
from training.data.side import SideInformation
from training.data.split import random_split
from training.engines.labelled import LabelledTrainer
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings
from training.evaluation.evaluate import Scorer
from training.serving import fusion
from training.serving.extras import HELD_OUT, knowledge
from training.serving.lists import Knowledge, reciprocal_ranks, scores, weights_array
from training.sources.matrix import require_plays

LABELS = 10


@dataclass(frozen=True, slots=True)
class Serving:
    """The lists by factors, links and trends, fused by reciprocal ranks as `backend.services.rank` does.

    Weights by how many tracks a listener has are learned on a fifth of the plays, drawn by lot where a training of the
    service takes the latest; then all is learned again from all plays. Of the tags in `side`, the ten that most
    listeners put on a track stand for those in a catalogue. The list by words is silent: interactions bring none.
    Tracks that no list names score 0.
    """

    als: AlsSettings = field(default_factory=AlsSettings)
    label_weight: float = 1.0
    threads: int = 1
    name: str = "serving"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says."""
        require_plays(pairs)
        split = random_split(pairs, held_out=HELD_OUT, seed=seed)
        learned = fusion.learn(self._knowledge(split.train, side.without(split.test), seed), split, seed=seed)
        levels = [each.level for each in learned]
        known, heard = self._knowledge(pairs, side, seed), pairs.matrix()
        weights = np.stack(
            [weights_array(weights_for(levels, tracks, below=fusion.DEFAULT)) for tracks in np.diff(heard.indptr)]
        )

        def score(listeners: Int32) -> Float32:
            ranks = reciprocal_ranks(scores(known, pairs, listeners), heard[listeners])
            return np.asarray(np.einsum("ns,snt->nt", weights[listeners], ranks), dtype=np.float32)

        return score

    def _knowledge(self, pairs: Interactions, side: SideInformation, seed: int) -> Knowledge:
        trainer = LabelledTrainer(
            trainer=LocalTrainer(threads=self.threads), labels_of=_labels(pairs, side), weight=self.label_weight
        )
        wordless = np.zeros((len(pairs.track_ids), 1), dtype=np.float32)
        return knowledge(pairs, wordless, trainer=trainer, settings=self.als, seed=seed)


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
