"""Altair charts: a frame in, a chart out. Nothing is asked, nothing is written.

Colours are those of Okabe and Ito (2008), told apart by colour-blind eyes and legible on light and dark grounds; black
and yellow are left out, which vanish on one of the two. Hours are told in UTC, whatever the browser's zone.
"""

from typing import Any, Final

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
ARTIST_COLOURS: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
KIND_LABELS: Final = {
    "release_spike": "Release spike",
    "stream_farm": "Stream farm",
    "drop": "Drop",
    "unknown": "Other",
}
KIND_COLOURS: Final = {"Release spike": GREEN, "Stream farm": VERMILION, "Drop": BLUE, "Other": GREY}
KIND_SHAPES: Final = {
    "Release spike": "triangle-up",
    "Stream farm": "square",
    "Drop": "triangle-down",
    "Other": "circle",
}
SEVERITY_SIZES: Final = {"low": 60, "medium": 160, "high": 320, "unknown": 60}
SOURCE_COLOURS: Final = {"factors": BLUE, "content": ORANGE, "trend": GREEN, "linear": PURPLE, "unknown": GREY}
OTHERS: Final = "Other artists"


def engagement(frame: pd.DataFrame, *, measure: str = "plays", top: int = 6, stacked: bool = False) -> alt.Chart:
    """`measure` per hour for the `top` artists by their sum, one line each, or stacked with all others in grey.

    `frame` has the columns of ARTIST_ENGAGEMENT; `measure` is plays, unique_listeners, hours_heard or skips.
    Hours without a row of an artist count zero. `top` is at most six: no palette holds more apart.
    """
    data = _hours_of_top(frame, measure, min(top, len(ARTIST_COLOURS)), others=stacked)
    names = list(dict.fromkeys(data["artist"]))
    colours = [GREY if name == OTHERS else ARTIST_COLOURS[place] for place, name in enumerate(names)]
    title = _MEASURES[measure]
    chart = alt.Chart(data).mark_area(opacity=0.85) if stacked else alt.Chart(data).mark_line(point=len(data) < 400)
    encoded: alt.Chart = chart.encode(
        x=_hour_axis("window_start"),
        y=alt.Y(f"{measure}:Q", title=title, stack="zero" if stacked else None, axis=alt.Axis(format="~s")),
        color=alt.Color(
            "artist:N",
            sort=names,
            scale=alt.Scale(domain=names, range=colours),
            legend=alt.Legend(title=None, orient="bottom", columns=4, labelLimit=220),
        ),
        order=alt.Order("place:Q"),
        tooltip=[
            alt.Tooltip("artist:N", title="Artist"),
            alt.Tooltip("hour:N", title="Hour"),
            alt.Tooltip(f"{measure}:Q", title=title, format=","),
        ],
    ).properties(height=340)
    return encoded


def trends(frame: pd.DataFrame, *, top: int = 20) -> alt.LayerChart:
    """The first `top` rows' plays in 24 h as bars in order of rank, the baseline as a tick, the ratio as a label.

    `frame` has the columns of TRENDS, of one hour.
    """
    data = frame.sort_values("rank").head(top)
    data = data.assign(
        track=_labels(data, "track_id", "title"), times=data["ratio"].map("{:.1f} times".format), order=range(len(data))
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
        x=alt.X("plays_24h:Q", title="Plays in 24 h (bar), usual plays per 24 h (mark)", axis=alt.Axis(format="~s"))
    )
    usual = base.mark_tick(color=ORANGE, thickness=3, size=16).encode(x="baseline_24h:Q")
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
        .mark_point(filled=True, opacity=0.8)
        .encode(
            x=_hour_axis("window_start"),
            y=alt.Y("lane:N", sort=lanes, title=None, scale=alt.Scale(domain=lanes)),
            size=alt.Size(
                "severity:N",
                scale=alt.Scale(domain=list(SEVERITY_SIZES)[:3], range=list(SEVERITY_SIZES.values())[:3]),
                legend=alt.Legend(title="Severity", orient="bottom"),
            ),
            **_kind_marks(lanes),
            tooltip=_ANOMALY_TOOLTIP,
        )
        .properties(height=60 * len(lanes) + 60)
    )
    return chart


def anomaly_breadth(frame: pd.DataFrame) -> alt.Chart:
    """Listeners against plays, both on log scales: a release spike stands right, a stream farm upper left.

    `frame` has the columns of ANOMALIES.
    """
    data = _with_kinds(frame)
    axis = alt.Axis(format="~s", tickCount=5)
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_point(filled=True, opacity=0.8, size=160)
        .encode(
            x=alt.X("unique_listeners:Q", title="Listeners in the hour", scale=alt.Scale(type="symlog"), axis=axis),
            y=alt.Y("plays:Q", title="Plays in the hour", scale=alt.Scale(type="symlog"), axis=axis),
            **_kind_marks(_kinds_in(data)),
            tooltip=_ANOMALY_TOOLTIP,
        )
        .properties(height=280)
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


_MEASURES: Final = {
    "plays": "Plays per hour",
    "unique_listeners": "Listeners per hour",
    "hours_heard": "Hours heard per hour",
    "skips": "Skips per hour",
}

_ANOMALY_TOOLTIP: Final = [
    alt.Tooltip("artist_name:N", title="Artist"),
    alt.Tooltip("hour:N", title="Hour"),
    alt.Tooltip("lane:N", title="Kind"),
    alt.Tooltip("severity:N", title="Severity"),
    alt.Tooltip("plays:Q", title="Plays", format=","),
    alt.Tooltip("unique_listeners:Q", title="Listeners", format=","),
    alt.Tooltip("plays_per_listener:Q", title="Plays per listener", format=".1f"),
    alt.Tooltip("baseline_plays:Q", title="Usual plays per hour", format=",.1f"),
    alt.Tooltip("z_score:Q", title="Standard deviations", format=".1f"),
]


def _hour_axis(field: str) -> alt.X:
    return alt.X(f"{field}:T", title="Hour (UTC)", scale=alt.Scale(type="utc"), axis=alt.Axis(labelOverlap=True))


def _labels(frame: pd.DataFrame, key: str, name: str) -> pd.Series:
    """Names, with the id behind those that several ids share: one label must never mean two things."""
    shared = frame.groupby(name)[key].transform("nunique") > 1
    return frame[name].where(~shared, frame[name] + " (" + frame[key] + ")")


def _hours_of_top(frame: pd.DataFrame, measure: str, top: int, *, others: bool) -> pd.DataFrame:
    """One row per hour and artist: artist, place, window_start, hour, measure; silent hours are zero."""
    labelled = frame.assign(
        artist=_labels(frame, "artist_id", "artist_name"), hours_heard=frame["milliseconds_played"] / 3_600_000
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
    return data.assign(artist=data["artist"].astype(str), place=data["artist"].map(places), hour=_told(data))


def _told(frame: pd.DataFrame) -> list[str]:
    return [f"{moment:%Y-%m-%d %H:%M} UTC" for moment in frame["window_start"]]


def _with_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(lane=frame["kind"].map(KIND_LABELS).fillna("Other"), hour=_told(frame))


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
