"""In what two tracks are alike, in words for people."""

from collections.abc import Collection, Mapping, Sequence

from backend.domain.tracks import AudioFeatures, Track

CLOSE: Mapping[str, float] = {
    "tempo": 6.0,
    "energy": 0.1,
    "danceability": 0.1,
    "valence": 0.1,
    "acousticness": 0.1,
    "instrumentalness": 0.1,
    "loudness": 2.0,
    "speechiness": 0.05,
    "liveness": 0.1,
}
"""How far apart a feature of two tracks may be to be called the same, most telling first: beats per minute, dB, shares
of 0..1."""

MOST_NAMED = 3


def same_sound(
    one: AudioFeatures | None, other: AudioFeatures | None, *, estimated: Collection[str] = frozenset()
) -> str:
    """For example "same tempo and energy (energy estimated)"; "" where nothing is the same or a track has no features.

    `estimated` are the features that no source gave: of either track, computed from its signal.
    """
    if one is None or other is None:
        return ""
    same = [name for name, far in CLOSE.items() if abs(getattr(one, name) - getattr(other, name)) <= far]
    named = same[:MOST_NAMED]
    if not named:
        return ""
    unsure = [name for name in named if name in estimated]
    note = "" if not unsure else " (estimated)" if unsure == named else f" ({listed(unsure)} estimated)"
    return f"same {listed(named)}{note}"


def shared_tags(one: Track, other: Track) -> str:
    """For example "shared tags: jazz, hard bop", in the order of `one`; "" where there are none."""
    theirs = {tag.casefold() for tag in other.tags}
    shared = [tag for tag in one.tags if tag.casefold() in theirs][:MOST_NAMED]
    return f"shared tags: {', '.join(shared)}" if shared else ""


def listed(words: Sequence[str]) -> str:
    """For example "tempo, energy and valence"; "" for none."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
