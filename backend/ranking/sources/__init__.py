"""The candidate sources: everything that asks, trains or converts them goes by this list."""

from collections.abc import Mapping, Sequence

from backend.domain.recommendations import Approach
from backend.ranking.sources import content, factors, linear, sound, trend
from backend.ranking.sources.source import Likeness, Source

ALL: Sequence[Source] = (factors.SOURCE, linear.SOURCE, content.SOURCE, trend.SOURCE)
"""In the order in which weights are tried: of equally good ones the first are taken."""

NAMES = tuple(source.name for source in ALL)

WORDS = content.SOURCE
"""Answers a search by words."""

LIVE: Source = trend.SOURCE
"""Answers without a model version."""

OF_A_VERSION = tuple(source for source in ALL if source is not LIVE)

APPROACHES: Mapping[Approach, Likeness] = {
    Approach.AUDIO: sound.AUDIO,
    Approach.LATENT: sound.LATENT,
    Approach.TEXT: content.SOURCE,
    Approach.LISTENING: factors.SOURCE,
}
"""What answers for tracks like one by each approach; HYBRID weighs all of them."""

LIKENESSES: Mapping[str, Likeness] = {one.name: one for one in APPROACHES.values()}

NAME, MOOD = "name", "mood"
"""What a search finds tracks by beside their text: a title or artist as it was written, and words for how it sounds."""

TOPIC, CATALOGUE, KNOWN = "topic", "catalogue", "known"
"""What stands in where sources name too few: topics that were asked for, all that passes a filter, what was heard."""

FOUND_BY = (*NAMES, *(name for name in LIKENESSES if name not in NAMES), NAME, MOOD, TOPIC, CATALOGUE, KNOWN)
"""Everything that an answer names as what a track was found by."""

DEFAULT_WEIGHTS = {source.name: source.default_weight for source in ALL if source.default_weight > 0}
"""Where no weights were learned."""
