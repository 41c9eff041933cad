"""Tokens that are bound to listeners, as far as an erasure and an export need them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundToken:
    """What is told of such a token: never the token or its hash. `expires_at` is None where it has no end."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


class BoundTokens(Protocol):
    """Those of one server's home. Every method raises Unavailable, and InvalidInput for a broken tokens file.

    `is_theirs` judges the listener's own id, by which tokens are bound.
    """

    def of(self, is_theirs: Callable[[str], bool]) -> Sequence[BoundToken]:
        """Those bound to such a listener."""
        ...

    def revoke(self, is_theirs: Callable[[str], bool]) -> int:
        """Take those away, durably; how many there were. The server refuses them from its next call on."""
        ...
