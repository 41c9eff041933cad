"""Frames reshaped for charts: labels that are unique, hours without gaps."""

from typing import Final

import pandas as pd

OTHERS: Final = "Other artists"
"""The label of all artists beyond the top ones."""


def labels(frame: pd.DataFrame, key: str, name: str) -> pd.Series:
    """Names, with the id behind those that several ids share: one label must never mean two things."""
    shared = frame.groupby(name)[key].transform("nunique") > 1
    return frame[name].where(~shared, frame[name] + " (" + frame[key] + ")")


def hours_of_top(frame: pd.DataFrame, measure: str, top: int, *, others: bool) -> pd.DataFrame:
    """One row per hour and artist: artist, place, window_start, hour, measure; silent hours are zero."""
    labelled = frame.assign(
        artist=labels(frame, "artist_id", "artist_name"), hours_heard=frame["milliseconds_played"] / 3_600_000
    )
    leaders = list(labelled.groupby("artist")[measure].sum().nlargest(top).index)
    labelled["artist"] = labelled["artist"].where(labelled["artist"].isin(leaders), OTHERS)
    if not others:
        labelled = labelled[labelled["artist"] != OTHERS]
    grid = labelled.pivot_table(index="window_start", columns="artist", values=measure, aggfunc="sum")
    if not grid.empty:
        grid = grid.reindex(pd.date_range(grid.index.min(), grid.index.max(), freq="h", name="window_start"))
    order = [name for name in [*leaders, OTHERS] if name in grid.columns]
    data = grid[order].fillna(0).melt(ignore_index=False, var_name="artist", value_name=measure).reset_index()
    places = {name: place for place, name in enumerate(order)}
    return data.assign(artist=data["artist"].astype(str), place=data["artist"].map(places), hour=hours_told(data))


def hours_told(frame: pd.DataFrame) -> list[str]:
    """Each row's hour as text, which no browser moves into its own zone."""
    return [f"{moment:%Y-%m-%d %H:%M} UTC" for moment in frame["window_start"]]
