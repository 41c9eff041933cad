"""Ids that stay with their topic from one version to the next.

A topic goes on in the new one that shares most tracks with it, counted among the tracks that both versions know: the
pairs whose overlaps (Jaccard 1912) sum to most (Kuhn 1955), none below LEAST_OVERLAP. So of a topic that is split the
larger part keeps the id, and of two that are merged the larger one's id stays. Every other gets a new id: a digest of
the tracks that it began with, so that no id is ever another topic's, whichever versions were pruned or rolled back.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Int64 = NDArray[np.int64]

LEAST_OVERLAP = 0.3
"""Of the tracks of either topic so many are to be in both."""
ID_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The topics of one level as a version that was published has them.

    `places` (tracks,) says of each of `track_ids` which of `topic_ids` it is in, -1: in none. `numbers` are those of
    the live tables, () on the lower level.
    """

    topic_ids: Sequence[str]
    numbers: Sequence[int]
    track_ids: Sequence[str]
    places: Int64


def matched(now: Int64, before: Int64, *, count: int, count_before: int) -> list[int | None]:
    """For each of the `count` topics now which one before goes on in it.

    `now` and `before` (tracks,) are the topic's number of each track that both know, -1: in none.
    """
    sizes = np.bincount(now[now >= 0], minlength=count)
    sizes_before = np.bincount(before[before >= 0], minlength=count_before)
    both = (now >= 0) & (before >= 0)
    shared = np.zeros((count, count_before))
    np.add.at(shared, (now[both], before[both]), 1)
    overlap = shared / np.maximum(sizes[:, None] + sizes_before - shared, 1)
    overlap[overlap < LEAST_OVERLAP] = 0
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    found = {int(new): int(old) for new, old in pairs if overlap[new, old] > 0}
    return [found.get(number) for number in range(count)]


def ids_of(
    track_ids: Sequence[str], places: Int64, going_on: Sequence[int | None], *, known: Known | None, taken: set[str]
) -> list[str]:
    """An id for each topic; `places` (tracks,) is the number of each of `track_ids`' topic, -1: in none.

    A topic in which one of `known` is `going_on` (see `following`) has that one's id; every other gets one that is none
    of `taken`, and it is taken then.
    """
    given = []
    for number, old in enumerate(going_on):
        if known is not None and old is not None:
            given.append(known.topic_ids[old])
            continue
        own = (track_ids[row] for row in np.flatnonzero(places == number).tolist())
        given.append(new_id(own, taken))
        taken.add(given[-1])
    return given


def following(track_ids: Sequence[str], places: Int64, *, count: int, known: Known | None) -> list[int | None]:
    """`matched`, of the tracks that both versions have."""
    if known is None:
        return [None] * count
    row_before = {track_id: row for row, track_id in enumerate(known.track_ids)}
    rows = [(row, row_before[track_id]) for row, track_id in enumerate(track_ids) if track_id in row_before]
    new, old = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return matched(places[new], known.places[old], count=count, count_before=len(known.topic_ids))


def numbers_of(going_on: Sequence[int | None], known: Known | None, *, most: int) -> list[int]:
    """Numbers of the live tables, below `most`: each topic keeps its own.

    A new topic gets the lowest that none had before, only where there is none left that of a topic which is no more.
    """
    before = list(known.numbers) if known else []
    given = [before[old] if old is not None else None for old in going_on]
    free = sorted(set(range(most)) - {number for number in given if number is not None}, key=lambda n: (n in before, n))
    fresh = iter(free)
    return [next(fresh) if number is None else number for number in given]


def new_id(track_ids: Iterable[str], taken: Collection[str]) -> str:
    """An id for a topic of these tracks that is none of `taken`."""
    content = "\n".join(sorted(track_ids))
    turn = 0
    while (found := hashlib.sha256(f"{turn}\n{content}".encode()).hexdigest()[:ID_DIGITS]) in taken:
        turn += 1
    return found
