"""Frames as CSV files that are safe to open in a spreadsheet."""

from typing import Final

import pandas as pd

from analytics.columns import Kind, Table

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text cell that starts so is run as a formula by spreadsheets (OWASP, "CSV Injection")."""


def to_csv(frame: pd.DataFrame, table: Table) -> bytes:
    """Return the table's columns as CSV (RFC 4180) in UTF-8 with a byte-order mark, which Excel needs to read UTF-8.

    Text that would run as a formula gets an apostrophe before it; times are ISO 8601 in UTC.
    """
    safe = frame[[column.name for column in table.columns]].copy()
    for column in table.columns:
        if column.kind is Kind.TEXT:
            safe[column.name] = safe[column.name].map(_defused, na_action="ignore")
    return safe.to_csv(index=False, lineterminator="\r\n", date_format="%Y-%m-%dT%H:%M:%SZ").encode("utf-8-sig")


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA_STARTS) else cell
