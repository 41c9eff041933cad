"""Words for how music sounds, and the ranges of audio features that they stand for.

docs/search-words.md is written from this table.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from backend.domain.tracks import AudioFeatures

Range = tuple[float, float]
"""From and to, both inclusive."""

_LOWEST, _HIGHEST = float("-inf"), float("inf")


def _at_most(value: float) -> Range:
    return (_LOWEST, value)


def _at_least(value: float) -> Range:
    return (value, _HIGHEST)


_ENERGETIC = {"energy": _at_least(0.7)}

GROUPS: Sequence[tuple[Sequence[str], Mapping[str, Range]]] = (
    (
        ("calm", "relaxing", "relaxed", "chill", "peaceful", "mellow", "quiet", "soft"),
        {"energy": _at_most(0.45), "acousticness": _at_least(0.4)},
    ),
    (
        ("studying", "study", "focus", "concentration", "reading", "working"),
        {"energy": _at_most(0.6), "instrumentalness": _at_least(0.3), "speechiness": _at_most(0.15)},
    ),
    (("happy", "cheerful", "uplifting", "feel-good", "sunny"), {"valence": _at_least(0.6)}),
    (
        ("sad", "melancholic", "melancholy", "gloomy", "heartbroken"),
        {"valence": _at_most(0.35), "energy": _at_most(0.6)},
    ),
    (("energetic", "powerful", "intense", "pumping"), _ENERGETIC),
    (
        ("dance", "danceable", "dancing", "party", "club"),
        {"danceability": _at_least(0.65), "energy": _at_least(0.5)},
    ),
    (
        ("sleep", "sleeping", "sleepy", "lullaby", "bedtime"),
        {"energy": _at_most(0.3), "tempo": _at_most(110.0), "loudness": _at_most(-10.0)},
    ),
    (("workout", "running", "gym", "training"), {**_ENERGETIC, "tempo": _at_least(115.0)}),
    (("angry", "aggressive", "furious"), {**_ENERGETIC, "valence": _at_most(0.45)}),
    (("acoustic", "unplugged"), {"acousticness": _at_least(0.6)}),
    (("electronic", "synthetic"), {"acousticness": _at_most(0.25)}),
    (("instrumental", "wordless"), {"instrumentalness": _at_least(0.5)}),
    (("live", "concert"), {"liveness": _at_least(0.5)}),
    (("spoken", "rapped"), {"speechiness": _at_least(0.2)}),
    (("fast", "upbeat", "quick"), {"tempo": _at_least(125.0)}),
    (("slow", "unhurried"), {"tempo": _at_most(95.0)}),
    (("loud",), {"loudness": _at_least(-6.0)}),
)
"""Words of one meaning, and what it asks of a track: shares of 0..1, tempo in beats per minute, loudness in dBFS."""

MOODS: Mapping[str, Mapping[str, Range]] = {word: wanted for words, wanted in GROUPS for word in words}
"""By word, casefolded."""

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def folded(text: str) -> str:
    """Text as it is compared: NFKC, casefolded, words parted by one space, without punctuation."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())))


def mood_words(query: str) -> list[str]:
    """The words of a query that stand for a mood, each once, in its order."""
    return list(dict.fromkeys(word for word in folded(query).split() if word in MOODS))


def ranges(words: Sequence[str]) -> dict[str, Range]:
    """What several words ask for together: by feature, where their ranges overlap.

    Where two words contradict each other ("slow", "fast") the later one holds.
    """
    found: dict[str, Range] = {}
    for word in words:
        for feature, (low, high) in MOODS[word].items():
            before_low, before_high = found.get(feature, (_LOWEST, _HIGHEST))
            both = (max(low, before_low), min(high, before_high))
            found[feature] = both if both[0] <= both[1] else (low, high)
    return found


def fits(features: AudioFeatures, wanted: Mapping[str, Range]) -> bool:
    """Whether every wanted feature lies in its range."""
    return all(low <= getattr(features, name) <= high for name, (low, high) in wanted.items())


def direction(wanted: Mapping[str, Range]) -> dict[str, float]:
    """+1 for features that shall be high, -1 for those that shall be low; 0 where both ends are bounded."""
    return {name: float(low > _LOWEST) - float(high < _HIGHEST) for name, (low, high) in wanted.items()}


def told(wanted: Mapping[str, Range]) -> str:
    """For example "energy at most 0.45, acousticness at least 0.4"."""
    return ", ".join(
        " ".join(
            [name]
            + ([f"at least {low:g}"] if low > _LOWEST else [])
            + ([f"at most {high:g}"] if high < _HIGHEST else [])
        )
        for name, (low, high) in wanted.items()
    )
