"""The candidate sources: everything that asks, trains or converts them goes by this list."""

from collections.abc import Sequence

from backend.ranking.sources import content, factors, linear, trend
from backend.ranking.sources.source import Source

ALL: Sequence[Source] = (factors.SOURCE, linear.SOURCE, content.SOURCE, trend.SOURCE)
"""In the order in which weights are tried: of equally good ones the first are taken."""

NAMES = tuple(source.name for source in ALL)

WORDS = content.SOURCE
"""Answers a search by words."""

LIVE: Source = trend.SOURCE
"""Answers without a model version."""

OF_A_VERSION = tuple(source for source in ALL if source is not LIVE)

DEFAULT_WEIGHTS = {source.name: source.default_weight for source in ALL if source.default_weight > 0}
"""Where no weights were learned."""
