"""What training hands to the candidate sources, so that each can learn its part of a version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.ranking.foldin import FoldIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """Plays of listeners, and the fold-in of the factors that an engine learned from them (None where none did).

    `track_ids` are sorted. `plays` is a scipy (listeners, tracks) csr matrix of counts with sorted indices;
    `last_played_at` (its stored entries,) is in milliseconds since 1970 UTC, 0 where not known.
    """

    track_ids: Sequence[str]
    plays: Any
    last_played_at: NDArray[np.int64]
    fold_in: FoldIn | None
