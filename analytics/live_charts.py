"""Altair charts of rankings, listeners and topics: a frame in, a chart out."""

from collections.abc import Mapping
from typing import Final

import altair as alt
import pandas as pd

from analytics.axes import BLUE, COUNTS, ORANGE, SERIES_COLOURS
from analytics.charts import over_time
from analytics.shapes import labels, top_over_time
from analytics.tables import FEATURES

OTHERS: Final = "Other topics"
"""The label of all topics beyond the most played."""


def ranking(frame: pd.DataFrame, *, subject: str, top: int = 20) -> alt.LayerChart:
    """The first `top` rows' listeners as bars in order of rank, their plays as a mark.

    `frame` has the columns of TRACK_POPULARITY or ARTIST_POPULARITY, of one span; `subject` is track or artist.
    """
    data = frame.sort_values("rank").head(top)
    name = "title" if subject == "track" else "artist_name"
    data = data.assign(label=data["rank"].astype(str) + ". " + labels(data, f"{subject}_id", name))
    base = alt.Chart(data).encode(
        y=alt.Y("label:N", sort=alt.SortField("rank"), title=None, axis=alt.Axis(labelLimit=260)),
        tooltip=[
            alt.Tooltip(f"{name}:N", title=subject.capitalize()),
            alt.Tooltip("artist_name:N", title="Artist"),
            alt.Tooltip("listeners:Q", title="Listeners", format=","),
            alt.Tooltip("plays:Q", title="Plays", format=","),
        ],
    )
    bars = base.mark_bar(color=BLUE, cornerRadiusEnd=3).encode(
        x=alt.X("listeners:Q", title="Listeners (bar), plays (mark)", axis=COUNTS)
    )
    plays = base.mark_tick(color=ORANGE, thickness=3, size=16, opacity=1).encode(x="plays:Q")
    chart: alt.LayerChart = (bars + plays).properties(height=alt.Step(26))
    return chart


def active_listeners(frame: pd.DataFrame) -> alt.Chart:
    """How many listeners were active on each day. `frame` has the columns of LISTENER_ACTIVITY."""
    days = frame.groupby("window_start", as_index=False).agg(
        listeners=("listener_id", "nunique"), sessions=("sessions", "sum"), plays=("plays", "sum")
    )
    days["day"] = [f"{day:%Y-%m-%d}" for day in days["window_start"]]
    chart: alt.Chart = (
        alt.Chart(days)
        .mark_bar(color=BLUE, cornerRadiusEnd=3)
        .encode(
            x=alt.X("day:O", title="Day (UTC)", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("listeners:Q", title="Active listeners", axis=COUNTS),
            tooltip=[
                alt.Tooltip("day:N", title="Day"),
                alt.Tooltip("listeners:Q", title="Active listeners", format=","),
                alt.Tooltip("sessions:Q", title="Sessions", format=","),
                alt.Tooltip("plays:Q", title="Plays", format=","),
            ],
        )
        .properties(height=280)
    )
    return chart


def topics(frame: pd.DataFrame, names: Mapping[int, str] | None = None) -> alt.Chart:
    """Plays per hour of the six most played topics, stacked, all others in grey.

    `frame` has the columns of TOPIC_HOURS; `names` are those of topics by cluster.
    """
    labelled = frame.assign(topic=topic_labels(frame["cluster"], names))
    data = top_over_time(labelled, "topic", "plays", len(SERIES_COLOURS), others=OTHERS)
    return over_time(data, "topic", "plays", "Plays", others=OTHERS)


def topic_features(means: pd.DataFrame) -> alt.LayerChart:
    """Each topic's mean features, the shares among them, as a heat map. `means` is what `topic_means` returns."""
    data = means.melt(id_vars=["topic"], value_vars=list(FEATURES), var_name="feature", value_name="mean")
    base = alt.Chart(data).encode(
        x=alt.X(
            "feature:N", sort=list(FEATURES), title=None, axis=alt.Axis(labelAngle=-30, orient="top", labelLimit=140)
        ),
        y=alt.Y("topic:N", sort=list(means["topic"]), title=None, axis=alt.Axis(labelLimit=240)),
        tooltip=[
            alt.Tooltip("topic:N", title="Topic"),
            alt.Tooltip("feature:N", title="Feature"),
            alt.Tooltip("mean:Q", title="Mean", format=".2f"),
        ],
    )
    cells = base.mark_rect().encode(
        color=alt.Color("mean:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None)
    )
    numbers = base.mark_text().encode(
        text=alt.Text("mean:Q", format=".2f"),
        color=alt.condition("datum.mean > 0.55", alt.value("white"), alt.value("black")),
    )
    chart: alt.LayerChart = (cells + numbers).properties(height=alt.Step(30))
    return chart


def topic_means(frame: pd.DataFrame, names: Mapping[int, str] | None = None) -> pd.DataFrame:
    """A row per cluster, most played first: topic, cluster, plays, and each feature's mean weighted by plays.

    `frame` has the columns of TOPIC_HOURS. Hours without a feature do not weigh in its mean; NaN where none has it.
    """
    features = [*FEATURES, "tempo", "loudness"]
    weighted = frame[features].mul(frame["plays"], axis=0)
    weights = frame[features].notna().mul(frame["plays"], axis=0)
    by = frame["cluster"]
    means = weighted.groupby(by).sum() / weights.groupby(by).sum()
    table = means.assign(plays=frame.groupby("cluster")["plays"].sum()).reset_index()
    table.insert(0, "topic", topic_labels(table["cluster"], names))
    return table.sort_values("plays", ascending=False, ignore_index=True)


def topic_labels(clusters: pd.Series, names: Mapping[int, str] | None = None) -> pd.Series:
    """What a cluster is called on a page: by its topic's name, where that is known."""
    numbered = "Topic " + clusters.astype("string")
    return numbered if not names else clusters.map(names).astype("string").fillna(numbered)
