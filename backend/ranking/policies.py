"""What an app may ask of the order of an answer: damping, caps, and a share of known tracks. Pure, over ranked ids."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence


def damped(scores: Mapping[str, float], plays: Mapping[str, float], *, power: float) -> dict[str, float]:
    """Scores divided by (1 + plays) ** power, best first; of equals by id.

    Popularity as a power, as Steck (2011, "Item popularity and recommendation accuracy") weighs it.
    """
    lowered = {one: score / (1.0 + plays.get(one, 0.0)) ** power for one, score in scores.items()}
    return dict(sorted(lowered.items(), key=lambda one: (-one[1], one[0])))


def capped(track_ids: Sequence[str], most: int, of: Callable[[str], Hashable]) -> list[str]:
    """Without those beyond the cap: `most` tracks of each thing that `of` names; what is None is not counted."""
    counts: Counter[Hashable] = Counter()
    kept = []
    for one in track_ids:
        key = of(one)
        if key is None or counts[key] < most:
            counts[key] += 1
            kept.append(one)
    return kept


def with_share(track_ids: Sequence[str], known: Collection[str], share: float) -> list[str]:
    """The best of both kinds: of any n first tracks `share` · n, rounded down, are known, as far as there are any."""
    heard = [one for one in track_ids if one in known]
    new = [one for one in track_ids if one not in known]
    mixed: list[str] = []
    taken = 0
    while taken < len(heard) and len(mixed) - taken < len(new):
        if int(share * (len(mixed) + 1) + 1e-9) > taken:
            mixed.append(heard[taken])
            taken += 1
        else:
            mixed.append(new[len(mixed) - taken])
    # One kind is used up: the other fills the answer, but for known ones where none were asked for.
    return [*mixed, *(new[len(mixed) - taken :] or (heard[taken:] if share > 0 else []))]
