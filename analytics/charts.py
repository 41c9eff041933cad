"""Altair charts of engagement, trends, anomalies and reasons: a frame in, a chart out; nothing is asked or written."""

from typing import Any, Final

import altair as alt
import pandas as pd

from analytics.axes import (
    BLUE,
    COUNTS,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SERIES_COLOURS,
    SKY,
    VERMILION,
    Step,
    log_scale,
    time_axis,
)
from analytics.shapes import OTHERS, labels, moments_told, top_over_time

KIND_LABELS: Final = {
    "release_spike": "Release spike",
    "stream_farm": "Stream farm",
    "drop": "Drop",
    "unknown": "Other",
}
KIND_COLOURS: Final = {"Release spike": GREEN, "Stream farm": VERMILION, "Drop": SKY, "Other": GREY}
KIND_SHAPES: Final = {
    "Release spike": "triangle-up",
    "Stream farm": "square",
    "Drop": "triangle-down",
    "Other": "circle",
}
SEVERITY_SIZES: Final = {"low": 80, "medium": 200, "high": 400}
MEASURES: Final = {
    "plays": "Plays",
    "unique_listeners": "Listeners",
    "hours_heard": "Hours heard",
    "skips": "Skips",
    "likes": "Likes",
}
"""What can be drawn of engagement."""

SOURCE_COLOURS: Final = {"factors": BLUE, "content": ORANGE, "trend": GREEN, "linear": PURPLE, "unknown": GREY}


def engagement(
    frame: pd.DataFrame, *, measure: str = "plays", top: int = 6, stacked: bool = False, step: Step = "h"
) -> alt.Chart:
    """`measure` per hour for the `top` artists by their sum, one line each, or stacked with all others in grey.

    `frame` has the columns of ARTIST_ENGAGEMENT; `measure` is one of MEASURES; `step` is "D" where the rows are days.
    Hours without a row of an artist count zero. `top` is at most six.
    """
    labelled = frame.assign(
        artist=labels(frame, "artist_id", "artist_name"), hours_heard=frame["milliseconds_played"] / 3_600_000
    )
    others = OTHERS if stacked else None
    data = top_over_time(labelled, "artist", measure, min(top, len(SERIES_COLOURS)), others=others, step=step)
    return over_time(data, "artist", measure, MEASURES[measure], others=others, step=step)


def over_time(
    data: pd.DataFrame, series: str, measure: str, title: str, *, others: str | None, step: Step = "h"
) -> alt.Chart:
    """Lines over time, one for each of the `series` of `shapes.top_over_time`.

    Where `others` names the rest, bands are stacked, and the rest is grey.
    """
    stacked = others is not None
    names = list(dict.fromkeys(data[series]))
    colours = [GREY if name == others else SERIES_COLOURS[place] for place, name in enumerate(names)]
    per = f"{title} per {'day' if step == 'D' else 'hour'}"
    chart = alt.Chart(data).mark_area(opacity=0.85) if stacked else alt.Chart(data).mark_line(point=len(data) < 400)
    encoded: alt.Chart = chart.encode(
        x=time_axis(data["window_start"], step=step),
        y=alt.Y(f"{measure}:Q", title=per, stack="zero" if stacked else None, axis=COUNTS),
        color=alt.Color(
            f"{series}:N",
            sort=names,
            scale=alt.Scale(domain=names, range=colours),
            legend=alt.Legend(title=None, orient="bottom", columns=4, labelLimit=220),
        ),
        order=alt.Order("place:Q"),
        tooltip=[
            alt.Tooltip(f"{series}:N", title=series.capitalize()),
            alt.Tooltip("hour:N", title="Day" if step == "D" else "Hour"),
            alt.Tooltip(f"{measure}:Q", title=per, format=","),
        ],
    ).properties(height=400)
    return encoded


def trends(frame: pd.DataFrame, *, top: int = 20) -> alt.LayerChart:
    """The first `top` rows' plays in 24 h as bars in order of rank, the baseline as a tick, the ratio as a label.

    `frame` has the columns of TRENDS, of one hour.
    """
    data = frame.sort_values("rank").head(top)
    data = data.assign(
        track=labels(data, "track_id", "title"), times=data["ratio"].map("{:.1f} times".format), order=range(len(data))
    )
    data["track"] = data["rank"].astype(str) + ". " + data["track"]
    base = alt.Chart(data).encode(
        y=alt.Y("track:N", sort=alt.SortField("order"), title=None, axis=alt.Axis(labelLimit=260)),
        tooltip=[
            alt.Tooltip("title:N", title="Track"),
            alt.Tooltip("artist_name:N", title="Artist"),
            alt.Tooltip("plays_24h:Q", title="Plays in 24 h", format=","),
            alt.Tooltip("listeners_24h:Q", title="Listeners in 24 h", format=","),
            alt.Tooltip("baseline_24h:Q", title="Usual plays per 24 h", format=",.1f"),
            alt.Tooltip("ratio:Q", title="Times the usual", format=".1f"),
            alt.Tooltip("z_score:Q", title="Standard deviations above", format=".1f"),
        ],
    )
    bars = base.mark_bar(color=BLUE, cornerRadiusEnd=3).encode(
        x=alt.X("plays_24h:Q", title="Plays in 24 h (bar), usual plays per 24 h (mark)", axis=COUNTS)
    )
    usual = base.mark_tick(color=ORANGE, thickness=3, size=16, opacity=1).encode(x="baseline_24h:Q")
    ratio = base.mark_text(align="left", dx=6, color=GREY).encode(x="plays_24h:Q", text="times:N")
    chart: alt.LayerChart = (bars + usual + ratio).properties(height=alt.Step(26))
    return chart


def anomaly_timeline(frame: pd.DataFrame) -> alt.Chart:
    """Each anomaly as a mark at its hour: the lane, the colour and the shape tell the kind, the size the severity.

    `frame` has the columns of ANOMALIES.
    """
    data = _with_kinds(frame)
    lanes = _kinds_in(data)
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_point(filled=True, opacity=1)
        .encode(
            x=time_axis(data["window_start"]),
            y=alt.Y("lane:N", sort=lanes, title=None, scale=alt.Scale(domain=lanes)),
            size=alt.Size(
                "severity:N",
                scale=alt.Scale(domain=list(SEVERITY_SIZES), range=list(SEVERITY_SIZES.values())),
                legend=alt.Legend(title="Severity", orient="bottom", symbolFillColor=GREY),
            ),
            **_kind_marks(lanes),
            tooltip=_ANOMALY_TOOLTIP,
        )
        .properties(height=300)
    )
    return chart


def anomaly_breadth(frame: pd.DataFrame) -> alt.Chart:
    """Listeners against plays, both on log scales: a release spike stands right, a stream farm upper left.

    `frame` has the columns of ANOMALIES.
    """
    data = _with_kinds(frame)
    axis = alt.Axis(format=",d", values=[0, *(10**power for power in range(8))])
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_point(filled=True, opacity=1, size=160)
        .encode(
            x=alt.X(
                "unique_listeners:Q",
                title="Listeners in the hour",
                scale=log_scale(data["unique_listeners"]),
                axis=axis,
            ),
            y=alt.Y("plays:Q", title="Plays in the hour", scale=log_scale(data["plays"]), axis=axis),
            **_kind_marks(_kinds_in(data)),
            tooltip=_ANOMALY_TOOLTIP,
        )
        .properties(height=300)
    )
    return chart


def reason_shares(frame: pd.DataFrame) -> alt.Chart:
    """Each recommendation's score divided among the sources that found it. `frame` has the columns of REASONS."""
    data = frame.assign(track=frame["place"].astype(str) + ". " + frame["title"])
    sources = [source for source in SOURCE_COLOURS if source in set(data["source"])]
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title="Share of the score", stack="zero", axis=alt.Axis(format="%", tickCount=5)),
            y=alt.Y("track:N", sort=alt.SortField("place"), title=None, axis=alt.Axis(labelLimit=260)),
            color=alt.Color(
                "source:N",
                scale=alt.Scale(domain=sources, range=[SOURCE_COLOURS[source] for source in sources]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[
                alt.Tooltip("title:N", title="Track"),
                alt.Tooltip("source:N", title="Found by"),
                alt.Tooltip("share:Q", title="Share", format=".0%"),
                alt.Tooltip("text:N", title="Because"),
            ],
        )
        .properties(height=alt.Step(26))
    )
    return chart


_ANOMALY_TOOLTIP: Final = [
    alt.Tooltip("artist_name:N", title="Artist"),
    alt.Tooltip("title:N", title="Track"),
    alt.Tooltip("hour:N", title="Hour"),
    alt.Tooltip("lane:N", title="Kind"),
    alt.Tooltip("severity:N", title="Severity"),
    alt.Tooltip("plays:Q", title="Plays", format=","),
    alt.Tooltip("unique_listeners:Q", title="Listeners", format=","),
    alt.Tooltip("plays_per_listener:Q", title="Plays per listener", format=".1f"),
    alt.Tooltip("baseline_plays:Q", title="Usual plays per hour", format=",.1f"),
    alt.Tooltip("z_score:Q", title="Standard deviations", format=".1f"),
    alt.Tooltip("seasonal_plays:Q", title="Usual plays in this hour of the week", format=",.1f"),
]


def _with_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(lane=frame["kind"].map(KIND_LABELS).fillna("Other"), hour=moments_told(frame))


def _kinds_in(data: pd.DataFrame) -> list[str]:
    """The three kinds always, so that an empty lane shows as empty; others only where there are any."""
    return [kind for kind in KIND_COLOURS if kind != "Other" or kind in set(data["lane"])]


def _kind_marks(lanes: list[str]) -> dict[str, Any]:
    return {
        "color": alt.Color(
            "lane:N", scale=alt.Scale(domain=lanes, range=[KIND_COLOURS[lane] for lane in lanes]), legend=None
        ),
        "shape": alt.Shape(
            "lane:N", scale=alt.Scale(domain=lanes, range=[KIND_SHAPES[lane] for lane in lanes]), legend=None
        ),
    }
