"""A row of a bench: ours beside a reference, from pairs that were measured in turns."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One round's two figures, in the row's unit. `reference` is not 0."""

    ours: float
    reference: float

    @property
    def ratio(self) -> float:
        """Ours over the reference."""
        return self.ours / self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`ours` and `reference` are those of the pair with the median ratio, `spread` is highest minus lowest ratio."""

    name: str
    ours: float
    reference: float
    ratio: float
    unit: str
    spread: float
    ratios: Sequence[float]


def row(name: str, pairs: Sequence[Pair], *, unit: str) -> Row:
    """The row of these pairs; with an even number, the lower of the two in the middle. Raises ValueError for none."""
    if not pairs:
        raise ValueError(f"{name}: no pair was measured; measure at least one")
    by_ratio = sorted(pairs, key=lambda pair: pair.ratio)
    median = by_ratio[(len(by_ratio) - 1) // 2]
    return Row(
        name=name,
        ours=median.ours,
        reference=median.reference,
        ratio=median.ratio,
        unit=unit,
        spread=by_ratio[-1].ratio - by_ratio[0].ratio,
        ratios=tuple(pair.ratio for pair in pairs),
    )
