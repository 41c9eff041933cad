"""Whose plays, and how many of them, a training learns from.

Reasons, in the order they are applied, after those of `training.data.archive`:
1. `listener_allow_training`: the listener has taken back the right to be learned from, for plays of the past, too;
2. `track_allow_training`, `artist_allow_training`: the track carries no training right, or one of its artists does not;
3. `flagged_listener`: the listener is named in a file, or behaves as no person does: on some UTC day more plays, or
   more plays of one track, than `Limits` allows (of positive plays: the others are left out by then);
4. `listener_cap`, `track_cap`: all but the newest plays of a listener, then of a track.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import InvalidInput, Violation
from training.data.dataset import PlayColumns, compact

DAY_MILLISECONDS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is believable and how much is enough; 0 is no limit. `flagged` are pseudonyms to leave out."""

    day_plays: int
    day_repeats: int
    listener_plays: int
    track_plays: int
    flagged: frozenset[str] = frozenset()

    def numbers(self) -> dict[str, int]:
        """As the manifest holds them; of the flagged only how many there are."""
        return {
            "day_plays": self.day_plays,
            "day_repeats": self.day_repeats,
            "listener_plays": self.listener_plays,
            "track_plays": self.track_plays,
            "listeners_in_file": len(self.flagged),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """From what nobody may learn as things stand now, whatever the plays themselves say.

    `listeners` by pseudonym, `tracks` by themselves, `of_artists` further tracks because of one of their artists.
    """

    listeners: frozenset[str] = frozenset()
    tracks: frozenset[str] = frozenset()
    of_artists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The plays that are left, rows left out by reason, and how many listeners were flagged."""

    plays: PlayColumns
    excluded: dict[str, int]
    flagged_listeners: int


def choose(plays: PlayColumns, *, withheld: Withheld, limits: Limits) -> Chosen:
    """Apply the reasons in their order. Raises InvalidInput where nothing is left."""
    willing = plays.where(~_among(plays.listener_ids, withheld.listeners)[plays.listeners])
    free = willing.where(~_among(plays.track_ids, withheld.tracks)[willing.tracks])
    allowed = free.where(~_among(plays.track_ids, withheld.of_artists)[free.tracks])
    flagged = _flagged(allowed, limits)
    believed = allowed.where(~flagged[allowed.listeners])
    some = believed.where(_newest(believed.listeners, believed.tracks, believed.played_at, limits.listener_plays))
    left = some.where(_newest(some.tracks, some.listeners, some.played_at, limits.track_plays))
    excluded = {
        "listener_allow_training": len(plays) - len(willing),
        "track_allow_training": len(willing) - len(free),
        "artist_allow_training": len(free) - len(allowed),
        "flagged_listener": len(allowed) - len(believed),
        "listener_cap": len(believed) - len(some),
        "track_cap": len(some) - len(left),
    }
    if len(left) == 0:
        raise InvalidInput([Violation("archive", f"none of its plays may be learned from (left out: {excluded})")])
    return Chosen(plays=compact(left), excluded=excluded, flagged_listeners=int(flagged.sum()))


def named(file: Path | None) -> frozenset[str]:
    """The apps' own ids of listeners that a file names, one a line; none without one.

    Raises InvalidInput where it cannot be read.
    """
    if file is None:
        return frozenset()
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        reason = f"{file} cannot be read ({error.strerror}): write one listener id a line, or unset it"
        raise InvalidInput([Violation("training_left_out_listeners", reason)]) from error
    return frozenset(line.strip() for line in lines if line.strip())


def _among(ids: Sequence[str], wanted: Collection[str]) -> NDArray[np.bool_]:
    """Which of the ids are wanted."""
    return np.array([one in wanted for one in ids], dtype=bool)


def _flagged(plays: PlayColumns, limits: Limits) -> NDArray[np.bool_]:
    """Which of `plays.listener_ids` are left out."""
    flagged = _among(plays.listener_ids, limits.flagged)
    day = plays.played_at // DAY_MILLISECONDS
    for most, keys in (
        (limits.day_plays, (day, plays.listeners)),
        (limits.day_repeats, (day, plays.tracks, plays.listeners)),
    ):
        if most and len(plays):
            flagged[plays.listeners[_crowded(keys, most)]] = True
    return flagged


def _crowded(keys: tuple[NDArray[Any], ...], most: int) -> NDArray[np.int64]:
    """A row of every group of equal keys that has more than `most` rows."""
    order = np.lexsort(keys)
    changes = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1, [len(order)]])
    return np.asarray(order[starts[:-1][np.diff(starts) > most]], dtype=np.int64)


def _newest(
    groups: NDArray[np.int32], others: NDArray[np.int32], played_at: NDArray[np.int64], most: int
) -> NDArray[np.bool_]:
    """Which rows are among the newest `most` of their group; of one moment, those with the smaller of `others`."""
    if not most or len(groups) == 0:
        return np.ones(len(groups), dtype=bool)
    order = np.lexsort((others, -played_at, groups))
    counts = np.bincount(groups)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    kept = np.zeros(len(groups), dtype=bool)
    kept[order] = np.arange(len(groups)) - starts[groups[order]] < most
    return kept
