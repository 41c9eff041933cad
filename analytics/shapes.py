"""Frames reshaped for charts: labels that are unique, hours without gaps."""

from typing import Final

import pandas as pd

from analytics.axes import Step

OTHERS: Final = "Other artists"
"""The label of all artists beyond the top ones."""


def labels(frame: pd.DataFrame, key: str, name: str) -> pd.Series:
    """Names, with the id behind those that several ids share: one label must never mean two things."""
    shared = frame.groupby(name)[key].transform("nunique") > 1
    return frame[name].where(~shared, frame[name] + " (" + frame[key] + ")")


def top_over_time(
    frame: pd.DataFrame, series: str, measure: str, top: int, *, others: str | None, step: Step = "h"
) -> pd.DataFrame:
    """One row per moment and series: series, place, window_start, hour, measure; moments without a row are zero.

    `series` is a column of labels; the `top` of them by their sum are kept, and the rest is added up under the label
    `others` (None: left out). `step` is "h" or "D".
    """
    leaders = list(frame.groupby(series)[measure].sum().nlargest(top).index)
    led = frame[series].isin(leaders)
    named = frame[led] if others is None else frame.assign(**{series: frame[series].where(led, others)})
    grid = named.pivot_table(index="window_start", columns=series, values=measure, aggfunc="sum")
    if not grid.empty:
        grid = grid.reindex(pd.date_range(grid.index.min(), grid.index.max(), freq=step, name="window_start"))
    order = [name for name in [*leaders, others] if name in grid.columns]
    data = grid[order].fillna(0).melt(ignore_index=False, var_name=series, value_name=measure).reset_index()
    places = {name: place for place, name in enumerate(order)}
    told = moments_told(data, step=step)
    data[series] = data[series].astype(str)
    return data.assign(place=data[series].map(places), hour=told)


def moments_told(frame: pd.DataFrame, *, step: Step = "h") -> list[str]:
    """Each row's hour (or day) as text, which no browser moves into its own zone."""
    form = "%Y-%m-%d" if step == "D" else "%Y-%m-%d %H:%M UTC"
    return [f"{moment:{form}}" for moment in frame["window_start"]]
