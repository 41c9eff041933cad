"""Rows of a table against those it should hold."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime


def same_rows(
    table: str,
    expected: Sequence[Mapping[str, object]],
    actual: Sequence[Mapping[str, object]],
    key: Sequence[str],
) -> None:
    """Every row of one is in the other, columns as `expected` has them, floats within a billionth, moments in UTC."""
    wanted = {tuple(plain(row[name]) for name in key): row for row in expected}
    found = {tuple(plain(row[name]) for name in key): row for row in actual}
    assert len(wanted) == len(expected), f"{table}: the key {key} is no key"
    assert len(found) == len(actual), f"{table}: a key stands twice"
    missing, surplus = sorted(wanted.keys() - found.keys(), key=str), sorted(found.keys() - wanted.keys(), key=str)
    assert not missing, f"{table}: {len(missing)} rows are missing, first {missing[:3]}"
    assert not surplus, f"{table}: {len(surplus)} rows too many, first {surplus[:3]}"
    different = [
        (row_key, name, plain(value), plain(found[row_key].get(name)))
        for row_key, row in wanted.items()
        for name, value in row.items()
        if not _same(plain(value), plain(found[row_key].get(name)))
    ]
    assert not different, (
        f"{table}: {len(different)} values differ, first (key, column, expected, actual): {different[:3]}"
    )


def plain(value: object) -> object:
    """A moment, also one written as text, as naive UTC; NaN as None; everything else as it is."""
    if isinstance(value, str) and len(value) >= 19 and value[4] == "-" and value[10] in "T ":
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def _same(expected: object, actual: object) -> bool:
    if isinstance(expected, float) and isinstance(actual, int | float):
        return math.isclose(expected, actual, rel_tol=1e-9, abs_tol=1e-12)
    return expected == actual
