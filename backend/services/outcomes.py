"""What became of each element that was sent in."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from backend.domain.errors import Violation
from backend.domain.feedback import Feedback
from backend.domain.plays import Play


class Outcome(StrEnum):
    """What became of an element."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One element's outcome; `violations` are empty unless it was rejected."""

    id: str
    outcome: Outcome
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An element that broke the contract at the door: its id as sent, and why."""

    id: str
    violations: tuple[Violation, ...]

    @property
    def result(self) -> Result:
        """Its outcome."""
        return Result(id=self.id, outcome=Outcome.REJECTED, violations=self.violations)


class Listening(Protocol):
    """Who wants to know what this process accepted, at once."""

    def plays_accepted(self, plays: Sequence[Play]) -> None:
        """The log holds these plays."""
        ...

    def feedback_accepted(self, feedback: Sequence[Feedback]) -> None:
        """The log holds this feedback."""
        ...
