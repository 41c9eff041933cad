"""Candidates, and the recommendations made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A track as one source (`backend.ranking.sources`) proposes it, by the source's name.

    `rank` counts from 1, a larger `score` is better within the source. `because` is the sentence shown to people.
    """

    track_id: str
    source: str
    rank: int
    score: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One source's part in a recommendation; the shares of one recommendation sum to 1."""

    source: str
    rank: int
    share: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A recommended track with its reasons, strongest first."""

    track_id: str
    score: float
    reasons: tuple[Reason, ...]


class AnswerPath(StrEnum):
    """Which path answered."""

    HYBRID = "hybrid"
    COLD_START = "cold_start"
    DEGRADED = "degraded"


class Approach(StrEnum):
    """In what tracks are alike: audio features, the autoencoder's latent space, words, listening, or all of them."""

    AUDIO = "audio"
    LATENT = "latent"
    TEXT = "text"
    LISTENING = "listening"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedTrack:
    """A track that others shall be like; a larger `weight` (above 0) counts more."""

    track_id: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: ranked recommendations with the model version that made them ("" where none is published)."""

    recommendation_id: str
    recommendations: Sequence[Recommendation]
    model_version: str
    path: AnswerPath
