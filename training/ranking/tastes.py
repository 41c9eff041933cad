"""Listeners' tastes from plays, as the server would hold them at the moment the plays end."""

from collections.abc import Sequence

import numpy as np

from backend.domain.listeners import PROFILE_PLAYS
from backend.ranking.profile import SEEDS, Taste
from training.data.dataset import Interactions, PlayColumns


class Tastes:
    """The tastes of the listeners of `plays`: of each at most `PROFILE_PLAYS` latest plays.

    Training's plays carry no skips (the archive's reader leaves them out) and no words of listeners: a track that a
    listener skipped or hid is wanted here, and likes count for nothing.
    """

    def __init__(self, plays: PlayColumns | Interactions) -> None:
        counts = plays.plays if isinstance(plays, Interactions) else plays.counts
        played_at = plays.last_played_at if isinstance(plays, Interactions) else plays.played_at
        order = np.lexsort((plays.tracks, -played_at, plays.listeners))
        self._track_ids: Sequence[str] = plays.track_ids
        self._tracks, self._counts = plays.tracks[order], counts[order]
        sizes = np.bincount(plays.listeners, minlength=len(plays.listener_ids))
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes

    def of(self, listener: int, *, newest: int | None = None) -> Taste:
        """A listener by number; `newest` cuts what counts to as many tracks, those played last.

        What is unwanted stays whole: a listener of whom less were known would still not be asked about what they heard.
        """
        start = int(self._starts[listener])
        latest = slice(start, min(int(self._ends[listener]), start + PROFILE_PLAYS))
        plays: dict[str, float] = {}
        for track, count in zip(self._tracks[latest].tolist(), self._counts[latest].tolist(), strict=True):
            track_id = self._track_ids[track]
            plays[track_id] = plays.get(track_id, 0.0) + count
        kept = dict(list(plays.items())[:newest])
        return Taste(plays=kept, last=list(kept)[:SEEDS], unwanted=frozenset(plays))
