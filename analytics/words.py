"""Anomalies told in sentences, so that a release spike and a stream farm are told apart by a person too."""

from typing import Any, Final

import pandas as pd

EXPLANATIONS: Final = {
    "release_spike": "Many plays by **many** listeners, each playing a little: what a release, a playlist or a radio "
    "play looks like. Usually good news.",
    "stream_farm": "Many plays by **few** listeners, each playing far too much: what machines look like that play for "
    "money. Look at the listeners before paying out.",
    "drop": "Far **fewer** plays than usual: a take-down, a broken link, or an app that stopped sending.",
}
"""What each kind of anomaly means, in Markdown."""

REASONS: Final = {
    "malformed": "Malformed",
    "unknown_track": "Unknown track",
    "too_late": "Too late",
    "ahead": "Ahead of the clock",
}
"""Why a record was not counted, as a label."""

ADVICE: Final = {
    "malformed": "The record is not what its topic holds, and nothing counts it: something writes to the topic past "
    "the ingest service. Look at the record, stop its writer, and send what it meant again with `segue ingest`.",
    "unknown_track": "The catalogue does not hold the track: its plays count, without a title and without a part in "
    "recommendations. Send the track with `segue ingest`; its letter then goes.",
    "too_late": "The play came long after its time. Engagement and the play archive have it, rankings, trends and "
    "anomalies leave it out. Where it happens often, find the app that sends late, or raise `lateness_minutes`.",
    "ahead": "The record says of itself that it was played and taken in more than an hour after the log had it, and "
    "nothing counts it. Set the clock of the server, or of what else writes to the topic, and send them again.",
}
"""What each reason means and what to do, in Markdown."""


def stories(anomalies: pd.DataFrame) -> pd.Series:
    """A sentence for each row of a frame with the columns of ANOMALIES."""
    told = [_story(row) for row in anomalies.to_dict("records")]
    return pd.Series(told, index=anomalies.index, dtype="string")


def _story(row: dict[Any, Any]) -> str:
    counted = f"{_number(row['plays'], 'play')} by {_number(row['unique_listeners'], 'listener')}"
    usual = row["baseline_plays"]
    match row["kind"]:
        case "release_spike":
            return f"{counted}, {row['plays_per_listener']:.1f} each, {_times(row['plays'], usual)}: a broad audience."
        case "stream_farm":
            return (
                f"{counted}, {row['plays_per_listener']:.0f} each, {_times(row['plays'], usual)}: too few for so much."
            )
        case "drop":
            return f"{counted} where {usual:,.0f} plays are usual: listeners stay away, or plays no longer arrive."
        case _:
            return f"{counted}, {_times(row['plays'], usual)}."


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _times(plays: int, usual: float) -> str:
    if usual < 1:
        return "where hardly any are usual"
    return f"{plays / usual:,.0f} times the usual {usual:,.0f}"
