"""Two versions' manifests side by side: how metrics changed, and where what was learned from differs."""

from collections.abc import Mapping
from dataclasses import dataclass

LEARNED_FROM = ("engine", "seed", "settings", "settings_from", "code", "data")
"""The parts of a manifest that say what was learned from, with what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Pairs of old and new: `metrics` that both have, and texts that differ by dotted name, "" where one has none."""

    metrics: Mapping[str, tuple[float, float]]
    differences: Mapping[str, tuple[str, str]]

    @property
    def same_data(self) -> bool:
        """Whether both learned from the same plays and were judged on the same window."""
        return not any(name.startswith("data.") for name in self.differences)


def compared(old: Mapping[str, object], new: Mapping[str, object]) -> Comparison:
    """The comparison of two manifests."""
    before, after = (_numbers(each["metrics"]) for each in (old, new))
    was, now = (dict(lines({part: each.get(part, "") for part in LEARNED_FROM})) for each in (old, new))
    names = [*was, *(name for name in now if name not in was)]
    return Comparison(
        metrics={name: (before[name], after[name]) for name in before if name in after},
        differences={
            name: (was.get(name, ""), now.get(name, "")) for name in names if was.get(name, "") != now.get(name, "")
        },
    )


def lines(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as pairs of a dotted name and a text."""
    if not isinstance(value, Mapping):
        return [(prefix, str(value))]
    return [line for key, inner in value.items() for line in lines(inner, f"{prefix}.{key}" if prefix else str(key))]


def _numbers(metrics: object) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()} if isinstance(metrics, Mapping) else {}
