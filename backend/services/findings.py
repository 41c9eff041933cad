"""What an answer is made of while it is made: candidates, and every step down from the best answer."""

import logging
from dataclasses import dataclass, field

from backend.domain.recommendations import Candidate, Fallback, Shortfall, StandIn
from backend.services.parts import TooSlow, Turn

_log = logging.getLogger(__name__)

_DEGRADED = frozenset(
    {
        Shortfall.MODEL_REFUSED,
        Shortfall.INDEX_DOWN,
        Shortfall.INDEX_SLOW,
        Shortfall.STORE_DOWN,
        Shortfall.STORE_SLOW,
    }
)
"""Those for which a part was down; the others are what the answer is like in health."""


@dataclass(slots=True)
class Findings:
    """One answer's; of one thread."""

    turn: Turn
    candidates: list[Candidate] = field(default_factory=list)
    fallbacks: list[Fallback] = field(default_factory=list)

    @property
    def degraded(self) -> bool:
        """Whether a part was down."""
        return any(one.reason in _DEGRADED for one in self.fallbacks)

    def fell_back(self, reason: Shortfall, to: StandIn, text: str) -> None:
        """Note a step down, each once."""
        if not any((one.reason, one.to) == (reason, to) for one in self.fallbacks):
            self.fallbacks.append(Fallback(reason, to, text))

    def without_store(self, error: Exception, to: StandIn, of: str) -> None:
        """The same, where the store could not tell."""
        _log.warning("answering with %s: %s", of, error)
        slow = isinstance(error, TooSlow)
        how = "took too long" if slow else "cannot be reached"
        reason = Shortfall.STORE_SLOW if slow else Shortfall.STORE_DOWN
        self.fell_back(reason, to, f"the store {how}: answered with {of}")

    def without_index(self, error: Exception, to: StandIn, of: str) -> None:
        """The same, where the vector index could not tell."""
        _log.warning("answering with %s: %s", of, error)
        slow = isinstance(error, TooSlow)
        how = "took too long" if slow else "cannot be reached"
        reason = Shortfall.INDEX_SLOW if slow else Shortfall.INDEX_DOWN
        self.fell_back(reason, to, f"the vector index {how}: answered with {of}")
