"""Which tracks listeners play together: in one sitting."""

import numpy as np

from training.data.dataset import Int64, PlayColumns

GAP_MILLISECONDS = 30 * 60_000
"""A pause between the beginnings of two plays that is longer ends a sitting."""
NEXT = 10
"""Plays after a play that count as together with it: long sittings would make pairs without end."""


def together(plays: PlayColumns) -> Int64:
    """Pairs (n, 2) of different tracks that somebody played in one sitting, both ways round, sorted, each once.

    Plays whose moment is not known (0) make none.
    """
    order = np.lexsort((plays.played_at, plays.listeners))
    listeners, tracks, moments = plays.listeners[order], plays.tracks[order].astype(np.int64), plays.played_at[order]
    starts = np.ones(len(order), dtype=np.bool_)
    starts[1:] = (np.diff(listeners) != 0) | (np.diff(moments) > GAP_MILLISECONDS)
    sitting = np.cumsum(starts)
    count = max(len(plays.track_ids), 1)
    keys = [np.empty(0, dtype=np.int64)]
    for step in range(1, NEXT + 1):
        same = (sitting[step:] == sitting[:-step]) & (moments[:-step] > 0)
        one, other = tracks[:-step][same], tracks[step:][same]
        differ = one != other
        keys.append(np.unique(one[differ] * count + other[differ]))
    ahead = np.unique(np.concatenate(keys))
    one, other = np.divmod(ahead, count)
    return np.stack(np.divmod(np.unique(np.concatenate([ahead, other * count + one])), count), axis=1)
