"""Tracks near a listener's folded-in factors: what listeners of the same taste play."""

import numpy as np

from backend.ranking.foldin import FoldIn
from backend.ranking.learning import Learning
from backend.ranking.lists import FACTORS_SPACE, Asked, AskedTrack, Because, CandidateList, Vectors, all_because
from backend.ranking.stored import Files, Stored, array_bytes

NAME = "factors"
GRAM_FILE = "gram.npy"

_TASTE = Because("listeners with your taste play it")
_NEW = Because("new, by its artist and its words near your taste")
_TOGETHER = Because("played by the same listeners")


class FactorsSource:
    """`Source` whose part is a `FoldIn`."""

    name = NAME
    default_weight = 0.6
    spaces = (FACTORS_SPACE,)

    def learn(self, learning: Learning) -> FoldIn | None:
        """What the engine learned along with the factors."""
        return learning.fold_in

    def live(self, learning: Learning) -> CandidateList:
        """Nothing: it needs a version."""
        return CandidateList()

    def store(self, part: object) -> Stored:
        """The Gram matrix as a file, the numbers in the manifest."""
        if not isinstance(part, FoldIn):
            raise TypeError(f"the part of {NAME} is FoldIn, not {type(part).__name__}")
        numbers = {
            "dimension": len(part.gram),
            "unobserved_weight": part.unobserved_weight,
            "regularization": part.regularization,
            "confidence_scale": part.confidence_scale,
            "frequency_offset": part.frequency_offset,
            "frequency_power": part.frequency_power,
        }
        return Stored(files={GRAM_FILE: array_bytes(part.gram)}, manifest={NAME: numbers})

    def load(self, files: Files) -> FoldIn:
        """Every version has one. Raises ModelRefused."""
        numbers = files.manifest[NAME]
        dimension = int(numbers["dimension"])
        return FoldIn(
            gram=files.array(GRAM_FILE, (dimension, dimension), np.float64),
            unobserved_weight=float(numbers["unobserved_weight"]),
            regularization=float(numbers["regularization"]),
            confidence_scale=float(numbers["confidence_scale"]),
            frequency_offset=float(numbers.get("frequency_offset", 0.0)),
            frequency_power=float(numbers.get("frequency_power", 0.0)),
        )

    def ask(self, asked: Asked) -> CandidateList:
        """Nearest to the listener's folded-in factors; empty where the version knows none of their tracks."""
        fold_in, plays = asked.part, asked.taste.plays
        if not isinstance(fold_in, FoldIn):
            return CandidateList()
        known = asked.spaces[FACTORS_SPACE].fetch(list(plays))
        if not known:
            return CandidateList()
        factors = np.stack([known[track_id] for track_id in known]).astype(np.float64)
        listener = fold_in.listener(factors, np.array([plays[one] for one in known], dtype=np.float64))
        found = asked.spaces[FACTORS_SPACE].nearest(listener, limit=asked.limit, exclude=asked.exclude)
        new = asked.newer(listener)
        names = frozenset(track_id for track_id, _ in new)
        best = sorted((*found, *new), key=lambda one: (-one[1], one[0]))[: asked.limit] if new else found
        track_ids = [track_id for track_id, _ in best]
        return CandidateList(
            track_ids,
            [score for _, score in best],
            lambda places: [_NEW if track_ids[place] in names else _TASTE for place in places],
        )

    def similar(self, asked: AskedTrack) -> CandidateList:
        """Tracks that the same listeners play: by the cosine of factors."""
        space = asked.spaces[FACTORS_SPACE]
        own = space.fetch([asked.track_id]).get(asked.track_id)
        if own is None:
            return CandidateList()
        # Inner products prefer popular tracks; among their best the cosine decides.
        near = space.nearest(own, limit=2 * asked.limit, exclude=frozenset({asked.track_id}))
        factors = space.fetch([track_id for track_id, _ in near])
        if not factors:
            return CandidateList()
        found = sorted(
            zip(factors, _cosines(own, np.stack([*factors.values()])).tolist(), strict=True),
            key=lambda one: (-one[1], one[0]),
        )[: asked.limit]
        return CandidateList([one for one, _ in found], [score for _, score in found], all_because(_TOGETHER))


def _cosines(one: Vectors, others: Vectors) -> Vectors:
    """Of (dimension,) with each of (n, dimension): (n,)."""
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    cosines: Vectors = others @ one / np.maximum(lengths, 1e-12)
    return cosines


SOURCE = FactorsSource()
