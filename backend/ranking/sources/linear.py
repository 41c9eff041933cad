"""Tracks linked to the listener's own by track-to-track weights: who plays this plays that too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sys import intern

import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import InvalidInput, Violation
from backend.ranking.ease import track_weights
from backend.ranking.learning import Learning
from backend.ranking.lists import Asked, AskedTrack, Because, CandidateList, best_places
from backend.ranking.stored import Files, Stored, arrays_bytes

NAME = "linear"
FILE = "linear.npz"

Rows = NDArray[np.int64] | NDArray[np.int32]

REGULARIZATION = 100.0
KEPT = 100
"""Neighbours of a track: a profile of 200 tracks then names at most 20,000 to add up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Track-to-track weights (EASE), the strongest of each track.

    A track scores the sum of the weights that the listener's tracks give it. `rows` says where a track stands in
    `track_ids`; `neighbours` (tracks, k) int32 holds such places (-1 where there are fewer), `weights` (tracks, k)
    float32 falls along a row.
    """

    track_ids: Sequence[str]
    rows: Mapping[str, int]
    neighbours: NDArray[np.int32]
    weights: NDArray[np.float32]


def links(learning: Learning, *, regularization: float = REGULARIZATION, kept: int = KEPT) -> Links:
    """Learn; among the tracks with most listeners where there are more than EASE solves for. Raises InvalidInput."""
    if learning.plays.nnz == 0:
        raise InvalidInput([Violation("interactions", "there is no play to learn from: ingest plays first")])
    tracks, weights = track_weights(learning.plays.astype(bool).astype(np.float32), regularization)
    count = min(kept, len(tracks))
    best = np.argpartition(-weights, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(weights, best, axis=1)
    order = np.lexsort((best, -values), axis=1)
    best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
    # Weights at or below zero speak against a track; none of the strongest do where there are neighbours enough.
    best[values <= 0] = -1
    values[values <= 0] = 0.0
    return _links(
        [learning.track_ids[track] for track in tracks.tolist()], best.astype(np.int32), values.astype(np.float32)
    )


def _links(track_ids: Sequence[str], neighbours: NDArray[np.int32], weights: NDArray[np.float32]) -> Links:
    names = list(map(intern, track_ids))
    rows = {track_id: row for row, track_id in enumerate(names)}
    return Links(track_ids=names, rows=rows, neighbours=neighbours, weights=weights)


def strongest(wanted: Rows, to: Rows, given: NDArray[np.float64], giver: Rows) -> list[int]:
    """Of each of the `wanted` rows the giver of the largest weight that it is given; of equal ones the first.

    `to`, `given` and `giver` (n,) list who is given how much by whom. Each wanted row stands in `to`, and once in
    `wanted`.
    """
    place = np.full(int(to.max()) + 1, -1)
    place[wanted] = np.arange(len(wanted))
    theirs = np.flatnonzero(place[to] >= 0)
    order = theirs[np.lexsort((theirs, -given[theirs], place[to[theirs]]))]
    _, first = np.unique(place[to[order]], return_index=True)
    found: list[int] = giver[order[first]].tolist()
    return found


class LinearSource:
    """`Source` whose part is `Links`."""

    name = NAME
    default_weight = 0.0
    spaces = ()

    def learn(self, learning: Learning) -> Links:
        """The strongest EASE weights of each track. Raises InvalidInput."""
        return links(learning)

    def live(self, learning: Learning) -> CandidateList:
        """Nothing: it needs a version."""
        return CandidateList()

    def store(self, part: object) -> Stored:
        """One file."""
        if not isinstance(part, Links):
            raise TypeError(f"the part of {NAME} is Links, not {type(part).__name__}")
        content = arrays_bytes(
            track_ids=np.array(part.track_ids, dtype=np.str_), neighbours=part.neighbours, weights=part.weights
        )
        return Stored(files={FILE: content})

    def load(self, files: Files) -> Links | None:
        """None where the version has none. Raises ModelRefused."""
        if not files.holds(FILE):
            return None
        held = files.arrays(FILE, ("track_ids", "neighbours", "weights"))
        track_ids, neighbours, weights = held["track_ids"].tolist(), held["neighbours"], held["weights"]
        fits = neighbours.ndim == 2 and neighbours.shape == weights.shape and len(neighbours) == len(track_ids)
        if not fits or neighbours.dtype != np.int32 or weights.dtype != np.float32:
            raise files.refused(FILE, ": its arrays do not fit each other")
        if neighbours.size and not -1 <= neighbours.min() <= neighbours.max() < len(track_ids):
            raise files.refused(FILE, ": it links tracks that it does not name")
        return _links(track_ids, neighbours, weights)

    def ask(self, asked: Asked) -> CandidateList:
        """Only tracks with a positive sum; the sentence names the own track that gives most."""
        held = asked.part
        own = [held.rows[one] for one in asked.taste.plays if one in held.rows] if isinstance(held, Links) else []
        if not isinstance(held, Links) or not own:
            return CandidateList()
        places, weights = held.neighbours[own], held.weights[own]
        filled = places >= 0
        to, given = places[filled], weights[filled].astype(np.float64)
        sums = np.bincount(to, weights=given, minlength=len(held.track_ids)).astype(np.float64)
        sums[[held.rows[one] for one in asked.exclude if one in held.rows]] = 0.0
        best = best_places(sums, asked.limit)
        best = best[sums[best] > 0]

        def explain(at: Sequence[int]) -> list[Because]:
            givers = strongest(best[list(at)], to, given, np.repeat(np.array(own), filled.sum(axis=1)))
            told = {giver: Because("who plays {} plays it too", held.track_ids[giver]) for giver in set(givers)}
            return [told[giver] for giver in givers]

        return CandidateList([held.track_ids[row] for row in best.tolist()], sums[best].tolist(), explain)

    def similar(self, asked: AskedTrack) -> CandidateList:
        """Nothing: EASE's weights rank for a whole profile, those of one track alone are poor neighbours."""
        return CandidateList()


SOURCE = LinearSource()
