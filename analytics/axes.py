"""What all charts share: colours, axes, scales.

Colours are those of Okabe and Ito (2008), told apart by colour-blind eyes and legible on light and dark grounds; black
and yellow are left out, which vanish on one of the two. Hours are told in UTC, whatever the browser's zone.
"""

from typing import Final, Literal

import altair as alt
import pandas as pd

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#999999",
)
SERIES_COLOURS: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
"""No palette holds more than six lines apart."""

COUNTS: Final = alt.Axis(format=",~f", tickCount=6)


Step = Literal["h", "D"]
"""From one window to the next: an hour or a day."""


def time_axis(moments: pd.Series, *, step: Step = "h") -> alt.X:
    """An axis of whole hours (or days) of window_start.

    It says 15:00, and the day at midnight, where Vega would say 03 PM in local time.
    """
    unit = pd.Timedelta(1, step)
    span = int((moments.max() - moments.min()) / unit) if len(moments) else 0
    day = "'%d %b'" if step == "D" else "utchours(datum.value) == 0 ? '%d %b' : '%H:%M'"
    axis = alt.Axis(labelExpr=f"utcFormat(datum.value, {day})", labelOverlap=True, tickCount=min(max(span, 1), 12))
    title = "Day (UTC)" if step == "D" else "Hour (UTC)"
    return alt.X("window_start:T", title=title, scale=alt.Scale(type="utc"), axis=axis)


def log_scale(counts: pd.Series) -> alt.Scale:
    """A logarithmic scale that has a place for zero, up to twice the largest count."""
    return alt.Scale(type="symlog", domain=[0, 2 * max(counts, default=1)], nice=False)
