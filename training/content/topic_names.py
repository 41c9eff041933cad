"""Names of topics: how each sounds beside the others, and the tags that tell it from them; the same for the same input.

A tag tells by how many of the topic's tracks carry it and by its lift: how much more often it is carried there than
beside it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.content.clusters import FEATURES, Float64

WORDS: Mapping[str, tuple[str, str]] = {
    "danceability": ("", "danceable"),
    "energy": ("calm", "energetic"),
    "valence": ("dark", "happy"),
    "acousticness": ("electric", "acoustic"),
    "instrumentalness": ("sung", "instrumental"),
    "liveness": ("studio", "live"),
    "speechiness": ("", "spoken"),
    "tempo": ("slow", "fast"),
    "loudness": ("quiet", "loud"),
}
"""What a feature far below and far above the others is called; "": nothing worth a word."""

HEARD = 0.5
"""Standard deviations from the others from which a feature has a word."""
SOUND_WORDS, NAME_TAGS, MOST_TAGS = 2, 2, 5
LEAST_CARRIED = 2
LEAST_SHARE = 0.05
LEAST_LIFT = 1.2
"""What a tag is carried by at least: tracks, share of the topic's tracks, times as often as beside it."""


def sound_words(offsets: Float64) -> list[str]:
    """Words for a centre's `offsets` (9,) from all beside it, in standard deviations; the farthest first."""
    order = sorted(range(len(FEATURES)), key=lambda axis: (-abs(offsets[axis]), axis))
    words = [WORDS[FEATURES[axis]][int(offsets[axis] > 0)] for axis in order if abs(offsets[axis]) >= HEARD]
    return list(filter(None, words))


def telling_tags(tags: Sequence[Sequence[str]], places: NDArray[np.int64], count: int) -> list[tuple[str, ...]]:
    """Of each of `count` topics the tags that tell it from the others, most telling first, MOST_TAGS at most.

    `tags` are those of each track, `places` its topic, -1: none. Tags are compared without regard to case.
    """
    carried = [Counter[str]() for _ in range(count)]
    for own, place in zip(tags, places.tolist(), strict=True):
        if place >= 0:
            carried[place].update({tag.casefold() for tag in own})
    sizes = np.bincount(places[places >= 0], minlength=count).tolist()
    everywhere = sum(carried, Counter[str]())
    return [_telling(own, size, everywhere, sum(sizes)) for own, size in zip(carried, sizes, strict=True)]


def names(sounds: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> list[str]:
    """A name for each topic, no two alike: "fast, loud; metal, punk".

    Where two would be alike the later one has more tags, then more words of its sound, then a number.
    """
    taken: list[str] = []
    for heard, told in zip(sounds, tags, strict=True):
        wider = [(SOUND_WORDS, count) for count in range(NAME_TAGS, MOST_TAGS + 1)]
        wider += [(count, NAME_TAGS) for count in range(SOUND_WORDS + 1, len(FEATURES) + 1)]
        tried = [_name(heard[:words], told[:count]) for words, count in wider]
        numbered = (f"{tried[0]} ({number})" for number in range(2, len(sounds) + 2))
        taken.append(next(name for name in (*tried, *numbered) if name not in taken))
    return taken


def _telling(own: Counter[str], size: int, everywhere: Counter[str], all_tracks: int) -> tuple[str, ...]:
    scored = []
    for tag, count in own.items():
        share = count / size
        beside = (everywhere[tag] - count + 0.5) / (all_tracks - size + 1)
        if count >= LEAST_CARRIED and share >= LEAST_SHARE and share >= LEAST_LIFT * beside:
            scored.append((-round(share * math.log(share / beside), 9), tag))
    return tuple(tag for _, tag in sorted(scored)[:MOST_TAGS])


def _name(heard: Sequence[str], told: Sequence[str]) -> str:
    return "; ".join(filter(None, (", ".join(heard), ", ".join(told)))) or "in between"
