"""Frames as CSV files that are safe to open in a spreadsheet."""

import re
import unicodedata
from typing import Final

import pandas as pd

from analytics.columns import Kind, Table

FORMULA_STARTS: Final = frozenset("=+-@\N{MINUS SIGN}")
"""Spreadsheets run a text cell as a formula whose first visible character is one of these (OWASP, "CSV Injection").

Width and size do not matter: what NFKC makes one of them, as it does of fullwidth forms, counts as well.
"""

_CUTS: Final = re.compile("([;\t\r\n])")
"""Where a spreadsheet whose country writes lists with a semicolon, or one that is told another sign, begins a new cell.

It does so within quotes too, as these begin in the middle of what it takes for a cell.
"""

_FILLERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols by their category that show nothing."""


def to_csv(frame: pd.DataFrame, table: Table) -> bytes:
    """Return the table's columns as CSV (RFC 4180) in UTF-8 with a byte-order mark, which Excel needs to read UTF-8.

    Text that would run as a formula, or that begins with a control character, gets an apostrophe before it, also within
    a cell where a spreadsheet may cut it; times are ISO 8601 in UTC.
    """
    safe = frame[[column.name for column in table.columns]].copy()
    for column in table.columns:
        if column.kind is Kind.TEXT:
            safe[column.name] = safe[column.name].map(defused, na_action="ignore")
    return safe.to_csv(index=False, lineterminator="\r\n", date_format="%Y-%m-%dT%H:%M:%SZ").encode("utf-8-sig")


def defused(cell: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would run; all but such text as it is."""
    if _runs(cell) or unicodedata.category(cell[:1] or " ") == "Cc":
        cell = f"'{cell}"
    first, *rest = _CUTS.split(cell)
    return first + "".join(f"'{part}" if _runs(part) else part for part in rest)


def _runs(cell: str) -> bool:
    """Whether a spreadsheet takes it for a formula."""
    seen = next((character for character in cell if not _is_blank(character)), " ")
    return unicodedata.normalize("NFKC", seen)[0] in FORMULA_STARTS


def _is_blank(character: str) -> bool:
    """Whether nothing is seen of it where it begins a text: spaces, controls and formats, marks without a letter."""
    return unicodedata.category(character)[0] in "ZCM" or character in _FILLERS
