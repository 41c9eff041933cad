"""What an app may ask of the order of an answer: caps, damping, and a share of known tracks. Pure, over ranked tracks."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace

from backend.domain.recommendations import Recommendation


def damped(ranked: Sequence[Recommendation], plays: Mapping[str, float], *, power: float) -> list[Recommendation]:
    """Scores divided by (1 + plays) ** power, the parts of the reasons with them, then best first; ties by id.

    Popularity as a power of the score, as Steck (2011, "Item popularity and recommendation accuracy") weighs it.
    """
    lowered = [replace(one, score=one.score / (1.0 + plays.get(one.track_id, 0.0)) ** power) for one in ranked]
    return sorted(lowered, key=lambda one: (-one.score, one.track_id))


def capped(
    ranked: Sequence[Recommendation], *caps: tuple[int, Callable[[str], Collection[Hashable]]]
) -> list[Recommendation]:
    """Without those beyond a cap. Each is a number (0: none) and what of a track it counts; nothing is not counted."""
    counts: list[Counter[Hashable]] = [Counter() for _ in caps]
    kept = []
    for one in ranked:
        counted = [what(one.track_id) for _, what in caps]
        full = any(
            most and any(counts[at][key] >= most for key in counted[at]) for at, (most, _) in enumerate(caps)
        )
        if full:
            continue
        kept.append(one)
        for at, keys in enumerate(counted):
            counts[at].update(keys)
    return kept


def with_share(ranked: Sequence[Recommendation], known: Collection[str], share: float) -> list[Recommendation]:
    """The best of both kinds so that of any n first tracks `share` · n, rounded, are known; as far as there are any."""
    heard = [one for one in ranked if one.track_id in known]
    new = [one for one in ranked if one.track_id not in known]
    mixed: list[Recommendation] = []
    taken = 0
    while heard[taken:] and len(mixed) - taken < len(new):
        if round(share * (len(mixed) + 1)) > taken:
            mixed.append(heard[taken])
            taken += 1
        else:
            mixed.append(new[len(mixed) - taken])
    # One kind is used up: the other fills the answer, but for known ones where none were asked for.
    return [*mixed, *(new[len(mixed) - taken :] or (heard[taken:] if share > 0 else []))]
