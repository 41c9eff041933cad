"""Candidates, and the recommendations made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A track as one source (`backend.ranking.sources`) proposes it, by the source's name.

    `rank` counts from 1, a larger `score` is better within the source. `because` is the sentence shown to people,
    `anchors` are the tracks that it speaks of.
    """

    track_id: str
    source: str
    rank: int
    score: float
    because: str
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One source's part in a recommendation; the shares of one recommendation sum to 1.

    `anchors` are the tracks that the text speaks of.
    """

    source: str
    rank: int
    share: float
    text: str
    anchors: tuple[str, ...] = ()


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


class Shortfall(StrEnum):
    """Why an answer is not made as it would be at best."""

    NO_MODEL = "no_model"
    MODEL_REFUSED = "model_refused"
    NOTHING_KNOWN = "nothing_known"
    INDEX_DOWN = "index_down"
    INDEX_SLOW = "index_slow"
    STORE_DOWN = "store_down"
    STORE_SLOW = "store_slow"
    FILTER_NARROW = "filter_narrow"


class StandIn(StrEnum):
    """What an answer is made of instead."""

    SEEDS = "seeds"
    TOPIC = "topic"
    TRENDS = "trends"
    POPULAR = "popular"
    LOCAL_FACTORS = "local_factors"
    SNAPSHOT = "snapshot"
    OLDER_MODEL = "older_model"
    CATALOGUE = "catalogue"
    OTHER_PARTS = "other_parts"


@dataclass(frozen=True, slots=True)
class Fallback:
    """One step down from the best answer, with a sentence for people."""

    reason: Shortfall
    to: StandIn
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: ranked recommendations with the model version that made them ("" where none is published).

    `latencies` are milliseconds by part of it; an answer that was kept has none.
    """

    recommendation_id: str
    recommendations: Sequence[Recommendation]
    model_version: str
    path: AnswerPath
    fallbacks: tuple[Fallback, ...] = ()
    latencies: Mapping[str, float] = field(default_factory=dict)
