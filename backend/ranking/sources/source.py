"""The contract of a candidate source: how it is learned, stored, asked and explained."""

from collections.abc import Sequence
from typing import Protocol

from backend.ranking.learning import Learning
from backend.ranking.lists import Asked, AskedTrack, CandidateList
from backend.ranking.stored import Files, Stored


class Likeness(Protocol):
    """Something that tracks like one are found by."""

    @property
    def name(self) -> str:
        """The contract's CANDIDATE_SOURCE_… in lower case."""
        ...

    @property
    def spaces(self) -> Sequence[str]:
        """The vectors it looks among, by the name of their namespace in the index; () where it needs none."""
        ...

    def similar(self, asked: AskedTrack) -> CandidateList:
        """Tracks like one track, empty where it cannot tell. Raises what the spaces raise."""
        ...


class Source(Likeness, Protocol):
    """Something that tracks are found by. One file holds all of it; `sources.ALL` lists it.

    A new one is a file here, a line in `sources.ALL`, a member of the contract's enum CandidateSource and a test.
    """

    @property
    def name(self) -> str:
        """The contract's CANDIDATE_SOURCE_… in lower case; also its name in manifests."""
        ...

    @property
    def default_weight(self) -> float:
        """Its weight in fusion where none could be learned; those of all sources sum to 1."""
        ...

    def learn(self, learning: Learning) -> object | None:
        """Its part of a version; None where it has none. Raises InvalidInput where there is nothing to learn from."""
        ...

    def live(self, learning: Learning) -> CandidateList:
        """What it would list without a version at the moment the plays end; empty for all but live sources."""
        ...

    def store(self, part: object) -> Stored:
        """A part as a version keeps it."""
        ...

    def load(self, files: Files) -> object | None:
        """The inverse; None where the version has none. Raises ModelRefused."""
        ...

    def ask(self, asked: Asked) -> CandidateList:
        """Tracks for a listener, empty where it knows nothing of them. Raises what the spaces raise."""
        ...
