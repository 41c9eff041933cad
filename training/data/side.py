"""Tags and friends beside the plays, without what would give held-out plays away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.data.dataset import Int32, Int64, Interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """Columns of equal length: this listener (-1: one without plays) put this tag on this track."""

    listeners: Int32
    tracks: Int32
    tags: Int32
    tag_count: int

    def where(self, mask: NDArray[np.bool_]) -> "Tagging":
        """The rows where `mask` (n,) holds."""
        return replace(self, listeners=self.listeners[mask], tracks=self.tracks[mask], tags=self.tags[mask])

    def keys(self, tracks: int) -> Int64:
        """One number per row, as `Interactions.keys` of `tracks` tracks; negative, so no pair's, for listener -1."""
        return self.listeners.astype(np.int64) * tracks + self.tracks


@dataclass(frozen=True, slots=True, kw_only=True)
class SideInformation:
    """What is known beside the plays, numbered as they are; None where nothing is.

    `friends` (listeners, listeners) is float32 and symmetric, 1 where two are friends.
    """

    tagging: Tagging | None = None
    friends: sp.csr_matrix | None = None

    def without(self, *held_out: Interactions) -> "SideInformation":
        """What a model may see: a tag that a listener put on a held-out track tells of the play, so it is left out.

        Friendships stay: they name no track.
        """
        if self.tagging is None:
            return self
        keys = self.tagging.keys(len(held_out[0].track_ids))
        hidden = np.isin(keys, np.concatenate([pairs.keys() for pairs in held_out]))
        return replace(self, tagging=self.tagging.where(~hidden))

    def track_tags(self, tracks: int) -> sp.csr_matrix | None:
        """How many listeners put each tag on each of `tracks` tracks: (tags, tracks), float32."""
        if self.tagging is None:
            return None
        ones = np.ones(len(self.tagging.tags), dtype=np.float32)
        # The constructor sums repeated places.
        return sp.csr_matrix((ones, (self.tagging.tags, self.tagging.tracks)), shape=(self.tagging.tag_count, tracks))

    def listener_tags(self, listeners: int) -> sp.csr_matrix | None:
        """On how many tracks each of `listeners` listeners put each tag: (listeners, tags), float32."""
        if self.tagging is None:
            return None
        known = self.tagging.where(self.tagging.listeners >= 0)
        ones = np.ones(len(known.tags), dtype=np.float32)
        return sp.csr_matrix((ones, (known.listeners, known.tags)), shape=(listeners, known.tag_count))

    def tagged(self, pairs: Interactions) -> NDArray[np.bool_]:
        """Which of `pairs` the listener has put a tag on, (n,)."""
        if self.tagging is None:
            return np.zeros(len(pairs), dtype=bool)
        return np.isin(pairs.keys(), self.tagging.keys(len(pairs.track_ids)))


def tagging_of(rows: Sequence[tuple[str, ...]], listener_ids: Sequence[str], track_ids: Sequence[str]) -> Tagging:
    """(listener, track, tag) rows in numbers; rows about tracks that nobody played are left out."""
    listener_of = {name: place for place, name in enumerate(listener_ids)}
    track_of = {name: place for place, name in enumerate(track_ids)}
    known = [row for row in rows if row[1] in track_of]
    tag_of = {name: place for place, name in enumerate(sorted({tag for _, _, tag in known}))}
    return Tagging(
        listeners=np.array([listener_of.get(listener, -1) for listener, _, _ in known], dtype=np.int32),
        tracks=np.array([track_of[track] for _, track, _ in known], dtype=np.int32),
        tags=np.array([tag_of[tag] for _, _, tag in known], dtype=np.int32),
        tag_count=len(tag_of),
    )


def friends_of(rows: Sequence[tuple[str, ...]], listener_ids: Sequence[str]) -> sp.csr_matrix:
    """(listener, friend) rows as a matrix; listeners without plays and friends of themselves are left out."""
    listener_of = {name: place for place, name in enumerate(listener_ids)}
    known = [(listener_of[a], listener_of[b]) for a, b in rows if a != b and a in listener_of and b in listener_of]
    first, second = np.array(known, dtype=np.int64).reshape(-1, 2).T
    shape = (len(listener_ids), len(listener_ids))
    one_way = sp.csr_matrix((np.ones(len(first), dtype=np.float32), (first, second)), shape=shape)
    return sp.csr_matrix(((one_way + one_way.T) > 0).astype(np.float32))
