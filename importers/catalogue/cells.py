"""What cells of catalogue files hold: lists, dates, numbers and names as people, Python, R and JSON write them.

A value comes with what had to be repaired for it (a `Repair`), or BadField is raised: the reader decides whether the
row can do without it.
"""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from backend.visible import OBEYED, is_seen
from importers.rows import BadField, checked_date

LIST: Final = "list"
"""How a cell is written that holds a list as Python or JSON writes it."""

ONE: Final = "one"
"""How a cell is written that holds one thing, commas and all."""

LONGEST_TEXT: Final = 512
"""Characters of a title, a name or an album: the contract's most."""

LONGEST_TAG: Final = 128
MOST_TAGS: Final = 64
MOST_ARTISTS: Final = 32
LONGEST_MILLISECONDS: Final = 86_400_000
"""A day: the contract takes no longer track."""

_NULLS: Final = frozenset({"", "nan", "na", "n/a", "null", "none", "<na>"})
_ITEM = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s'",\[\]][^'",\[\]]*))\s*([,\]])""", re.DOTALL)
_SPACES = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029 ]+")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T][0-9]{2}:[0-9]{2}.*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEAR = re.compile(r"([0-9]{4})\.0")


@dataclass(frozen=True, slots=True)
class Repair:
    """What of a record was dropped or put right, and why; the rest of it is kept."""

    field: str
    reason: str


def is_null(text: str) -> bool:
    """Whether a cell says that there is nothing, as spreadsheets, pandas, R and databases write it."""
    return text.strip().casefold() in _NULLS


def listed(text: str) -> list[str]:
    """The items of a list as Python or JSON writes it: `['AC/DC', "Guns N' Roses"]`, `[21, 4]`, `[]`.

    Raises ValueError with the reason: it is no list, does not close, or more stands behind it.
    """
    text = text.strip()
    if text[:2] == "['" and text[-2:] == "']" and text.count("'") == 2 and "\\" not in text:
        return [text[2:-2]]  # one item, as most lists of artists have
    if not text.startswith("["):
        raise ValueError(f"{text[:40]!r} is no list such as ['A', 'B']")
    if re.fullmatch(r"\[\s*\]", text):
        return []
    items: list[str] = []
    place = 1
    while found := _ITEM.match(text, place):
        quoted, double, bare, end = found.groups()
        items.append(bare.strip() if bare is not None else _unescaped(quoted, double))
        place = found.end()
        if end == "]":
            if place < len(text):
                raise ValueError(f"behind the list stands {text[place : place + 40]!r}")
            return items
        if text[place:].strip() == "]":  # a comma behind the last item, as Python allows
            return items
    raise ValueError(f"the list does not close, from {text[place : place + 40]!r} on")


def _unescaped(quoted: str | None, double: str | None) -> str:
    body, mark = (quoted, "'") if quoted is not None else (double or "", '"')
    if "\\" not in body:
        return body
    try:
        return str(ast.literal_eval(mark + body.replace("\n", "\\n").replace("\\/", "/") + mark))
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{body[:40]!r} is badly escaped: {error}") from None


def several(text: str, written: str) -> list[str]:
    """The things that a cell holds, without blanks and empty ones; `written` is LIST, ONE or what stands between them.

    Raises ValueError where a list cannot be read.
    """
    if written == ONE:
        found = [text]
    elif written == LIST:
        found = listed(text) if text.strip() else []
    else:
        found = text.split(written)
    return [one for each in found if (one := each.strip())]


def shown(field: str, text: str, note: Callable[[Repair], None], *, longest: int = LONGEST_TEXT) -> str:
    """Text as the contract takes it: without what terminals obey and without more characters than it allows."""
    plain = text.strip() if is_seen(text) else ""
    if not plain.isprintable() and (cleaned := OBEYED.sub("", _SPACES.sub(" ", plain)).strip()) != plain:
        plain = cleaned
        note(Repair(field, "held control characters, which were taken out"))
    if len(plain) > longest:
        plain = plain[:longest].strip()
        note(Repair(field, f"was cut to {longest} characters"))
    return plain


def tags_of(field: str, found: Iterable[str], note: Callable[[Repair], None]) -> tuple[str, ...]:
    """Each tag once, in order, as many as the contract takes."""
    tags = tuple(dict.fromkeys(tag for each in found if (tag := shown(field, each, note, longest=LONGEST_TAG))))
    if len(tags) > MOST_TAGS:
        note(Repair(field, f"has {len(tags)} tags; the first {MOST_TAGS} were kept"))
    return tags[:MOST_TAGS]


def date_of(field: str, text: str) -> str:
    """YYYY, YYYY-MM or YYYY-MM-DD; of a moment its day, of `1972.0` its year, "" of nothing. Raises BadField."""
    text = text.strip()
    if len(text) == 10 and text[:4] != "0000" and _DAY.fullmatch(text):
        return checked_date(field, text)
    if is_null(text) or text in ("0", "0000"):  # Spotify's own way to say that it does not know
        return ""
    if found := _MOMENT.fullmatch(text) or _YEAR.fullmatch(text):
        text = found[1]
    if text.startswith("0000"):
        raise BadField(field, f"{text}: there is no year 0")
    return checked_date(field, text)


def ranged(field: str, text: str, low: float, high: float) -> float:
    """A number in low..high. Raises BadField."""
    try:
        value = float(text)
    except ValueError:
        raise BadField(field, f"{text[:40]!r} is not a number") from None
    if not low <= value <= high:  # NaN is in no range
        raise BadField(field, f"{text[:40]} is not in {low:g}..{high:g}")
    return value


def milliseconds_of(field: str, text: str, *, unit: float) -> int:
    """A length whose unit has so many milliseconds, or one written as 3:25. Raises BadField."""
    parts = text.strip().split(":") if ":" in text else ()
    if 1 < len(parts) <= 3 and all(part.isascii() and part.isdigit() for part in parts):
        seconds = 0
        for part in parts:
            seconds = 60 * seconds + int(part)
        text, unit = str(seconds), 1000.0
    return round(ranged(field, text, 0, LONGEST_MILLISECONDS / unit) * unit)
