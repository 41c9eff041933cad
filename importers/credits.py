"""Who is meant by a cell that lists artists between commas, where a name may hold a comma itself."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

_COMMA = ", "
_SEPARATORS = re.compile(
    r"\s*[;/|\u3001\uff0c\uff1b\uff0f+]\s*|\s+(?:&|and|feat\.?|ft\.?|featuring|x|\u00d7|with|vs\.?)\s+", re.IGNORECASE
)
"""What else lists are written with; a name may hold any of them, so only the number of artists can say that one is."""

_MOST_TRIED = 10
"""Names in a cell whose grouping is looked for; more have too many ways."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a whole table says of its artists' names, in one case: those with a comma, and those that stand alone."""

    with_comma: frozenset[str]
    alone: frozenset[str]


def names_in(cells: Iterable[tuple[str, int]]) -> Names:
    """What these cells, each with its number of artists, say of names.

    A cell of one artist is that artist's name, commas and all. "Name, The Epithet" is one name too where the table
    holds neither part without the other, in cells that differ: nobody but that artist is ever credited so.
    """
    with_comma: set[str] = set()
    alone: set[str] = set()
    lists: set[tuple[str, ...]] = set()
    for text, count in cells:
        parts = tuple(_key(text).split(_COMMA))
        if len(parts) == 1 or count == 1:
            (alone if len(parts) == 1 else with_comma).add(_key(text))
        if len(parts) == 1 or count > 1:
            lists.add(parts)
    return Names(frozenset(with_comma | _with_epithets(lists)), frozenset(alone))


def _key(text: str) -> str:
    """A name as names are compared: in one case and width, with one space behind a comma."""
    return re.sub(r"\s*,\s*", _COMMA, unicodedata.normalize("NFKC", text)).casefold().strip()


def _with_epithets(lists: Iterable[tuple[str, ...]]) -> set[str]:
    before: dict[str, set[str]] = defaultdict(set)
    after: dict[str, set[str]] = defaultdict(set)
    cells: dict[tuple[str, str], int] = defaultdict(int)
    for parts in lists:
        for left, right in pairwise(("", *parts, "")):
            after[left].add(right)
            before[right].add(left)
            cells[left, right] += 1
    return {
        f"{left}{_COMMA}{right}"
        for (left, right), count in cells.items()
        if left and right.startswith("the ") and count > 1 and after[left] == {right} and before[right] == {left}
    }


def artists_of(text: str, count: int, known: Names) -> list[str]:
    """The artists that a cell lists, in its order; `count` is how many the table says they are.

    Raises ValueError where it lists more names than that and nothing tells which of them are one.
    """
    if count == 1:
        return [text.strip()]
    parts = text.split(_COMMA)
    if len(parts) < count and len(closer := re.split(r",\s*", text)) == count and all(closer):
        parts = closer
    names = _joined([name for part in parts if (name := part.strip(" ,"))], known)
    others = [part for name in names for part in _SEPARATORS.split(name)]
    if len(names) < count == len(others) and all(others) and not any(_COMMA in name for name in names):
        return others
    if len(names) <= count:
        return names
    ways = _ways(names, count) if len(names) <= _MOST_TRIED else ()
    fitting = [way for way in ways if all(len(group) > 1 or _key(group[0]) in known.alone for group in way)]
    if len(fitting) != 1:
        raise ValueError(f"lists {len(names)} names where there are {count} artists; nothing tells which are one")
    return [_COMMA.join(group) for group in fitting[0]]


def _ways(names: Sequence[str], count: int) -> Iterator[list[Sequence[str]]]:
    """Every way to make `count` groups of neighbours."""
    for cuts in combinations(range(1, len(names)), count - 1):
        yield [names[start:end] for start, end in pairwise((0, *cuts, len(names)))]


def _joined(parts: Sequence[str], known: Names) -> list[str]:
    """The parts, those of a known name with a comma put together again; the longest counts."""
    names: list[str] = []
    start = 0
    while start < len(parts):
        ends = range(len(parts), start + 1, -1)
        end = next((end for end in ends if _key(_COMMA.join(parts[start:end])) in known.with_comma), start + 1)
        names.append(_COMMA.join(parts[start:end]))
        start = end
    return names
