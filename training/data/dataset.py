"""Plays as columns, and the interactions of listeners with tracks summed from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayColumns:
    """Plays in columns of equal length n.

    `listeners` and `tracks` are positions in `listener_ids` and `track_ids` (each sorted and without repeats, so that
    the same set of plays has the same numbers in whatever order it was read). `counts` is how many plays a row stands
    for: 1 from the archive, the listed count from files that hold sums. `played_at` is milliseconds since 1970 UTC,
    0 where it is not known.
    """

    listener_ids: Sequence[str]
    track_ids: Sequence[str]
    listeners: Int32
    tracks: Int32
    counts: Float32
    played_at: Int64

    def __len__(self) -> int:
        return len(self.listeners)

    def where(self, mask: NDArray[np.bool_]) -> "PlayColumns":
        """The rows where `mask` (n,) holds; the numbering of listeners and tracks stays."""
        return replace(
            self,
            listeners=self.listeners[mask],
            tracks=self.tracks[mask],
            counts=self.counts[mask],
            played_at=self.played_at[mask],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """One row per listener and track that met, ordered by listener, then track.

    `plays` is the number of plays; `last_played_at` the latest, in milliseconds since 1970 UTC (0: not known).
    """

    listener_ids: Sequence[str]
    track_ids: Sequence[str]
    listeners: Int32
    tracks: Int32
    plays: Float32
    last_played_at: Int64

    def __len__(self) -> int:
        return len(self.listeners)

    def where(self, mask: NDArray[np.bool_]) -> "Interactions":
        """The rows where `mask` (n,) holds; the numbering of listeners and tracks stays."""
        return replace(
            self,
            listeners=self.listeners[mask],
            tracks=self.tracks[mask],
            plays=self.plays[mask],
            last_played_at=self.last_played_at[mask],
        )

    def keys(self) -> Int64:
        """One number per pair, increasing: listener · tracks + track."""
        return self.listeners.astype(np.int64) * len(self.track_ids) + self.tracks

    def matrix(self) -> sp.csr_matrix:
        """Plays as a (listeners, tracks) float32 matrix with sorted indices."""
        counts = np.bincount(self.listeners, minlength=len(self.listener_ids))
        indptr = np.concatenate([[0], np.cumsum(counts)])
        shape = (len(self.listener_ids), len(self.track_ids))
        return sp.csr_matrix((self.plays, self.tracks, indptr), shape=shape)


def interactions(plays: PlayColumns) -> Interactions:
    """Sum plays by listener and track."""
    keys = plays.listeners.astype(np.int64) * len(plays.track_ids) + plays.tracks
    unique, position = np.unique(keys, return_inverse=True)
    last = np.zeros(len(unique), dtype=np.int64)
    np.maximum.at(last, position, plays.played_at)
    listeners, tracks = np.divmod(unique, max(len(plays.track_ids), 1))
    return Interactions(
        listener_ids=plays.listener_ids,
        track_ids=plays.track_ids,
        listeners=listeners.astype(np.int32),
        tracks=tracks.astype(np.int32),
        plays=np.bincount(position, weights=plays.counts, minlength=len(unique)).astype(np.float32),
        last_played_at=last,
    )


def joined(*plays: PlayColumns) -> PlayColumns:
    """The rows of all, which must share the numbering of listeners and tracks."""
    return replace(
        plays[0],
        listeners=np.concatenate([each.listeners for each in plays]),
        tracks=np.concatenate([each.tracks for each in plays]),
        counts=np.concatenate([each.counts for each in plays]),
        played_at=np.concatenate([each.played_at for each in plays]),
    )


def compact(plays: PlayColumns) -> PlayColumns:
    """The same plays, numbered without the listeners and tracks that have none."""
    listeners, listener_numbers = np.unique(plays.listeners, return_inverse=True)
    tracks, track_numbers = np.unique(plays.tracks, return_inverse=True)
    return replace(
        plays,
        listener_ids=[plays.listener_ids[number] for number in listeners],
        track_ids=[plays.track_ids[number] for number in tracks],
        listeners=listener_numbers.astype(np.int32),
        tracks=track_numbers.astype(np.int32),
    )
