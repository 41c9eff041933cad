"""Errors that say what happened, not which protocol tells it.

SegueError
├── InvalidInput        the caller must change the request; names each field
├── NotFound            what was asked for does not exist
├── AlreadyExists       what was asked for is there, or under way, already
├── PermissionRefused   the token does not carry the scope, or belongs to another listener
├── Unauthenticated     no token, or not one of ours
├── Overloaded          too much at once; try again later
│   └── RateExceeded    a caller asked more often than they may; says when they may again
├── NoRoom              the disk is nearly full: nothing new is taken in until there is room
├── Unavailable         a part is down; a retry helps
├── NotMade             it takes something that was not made yet; the message says what makes it
└── ModelRefused        a model version is incomplete or altered
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is wrong: its path, and what is wrong and what to do."""

    field: str
    description: str


class SegueError(Exception):
    """Every error Segue raises on purpose."""


class InvalidInput(SegueError):
    """The caller must change the request."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in self.violations))


class NotFound(SegueError):
    """What was asked for does not exist."""


class AlreadyExists(SegueError):
    """What was asked for is there, or under way, already; the message names it."""


class PermissionRefused(SegueError):
    """The token does not carry the scope, or belongs to another listener."""


class Unauthenticated(SegueError):
    """No token, or not one of ours."""


class Overloaded(SegueError):
    """Too much at once; try again later."""


class RateExceeded(Overloaded):
    """A caller asked more often than they may; after `seconds` they may again."""

    def __init__(self, text: str, *, seconds: float = 1.0) -> None:
        super().__init__(text)
        self.seconds = seconds


class NoRoom(SegueError):
    """The disk is nearly full: nothing new is taken in until there is room."""


class Unavailable(SegueError):
    """A part is down; a retry helps."""


class NotMade(SegueError):
    """It takes something that was not made yet; the message says what makes it."""


class ModelRefused(SegueError):
    """A model version is incomplete or altered."""
