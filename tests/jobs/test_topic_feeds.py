"""What topic feeds carry, by real Flink in streaming mode over files: batch plans have no temporal join."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.domain.rights import Source
from backend.ports.records import heartbeat_record
from streaming import render
from streaming.live_jobs import TOPIC_FEEDS
from tests.jobs.conftest import SPEC, encoded, in_files, play_value, rows_in

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Placement = tuple[str, int, float]
"""A track, its cluster, and the second of BEGAN in which it was put there."""


def feed_rows(folder: Path, plays: Sequence[tuple[bytes, float]], placements: Sequence[Placement]) -> list[Any]:
    """What the job writes of plays (value, second of BEGAN) and placements; in the order of time, tracks first."""
    from pyflink.table import EnvironmentSettings, TableEnvironment

    from stack import jars

    jars.fetch(jars.missing(["flink"]))
    at = [
        {
            "record": encoded(value),
            "source_partition": 0,
            "source_offset": offset,
            "appended_at": _moment(second),
        }
        for offset, (value, second) in enumerate(plays)
    ]
    placed = [{"track_id": id_, "cluster": to, "placed_at": _moment(second)} for id_, to, second in placements]
    for name, rows in (("appended_plays", at), ("placements", placed)):
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    connectors = in_files(folder, (*render.FEED_SOURCES, *TOPIC_FEEDS.tables))
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    options = render.planner_options(SPEC.of(TOPIC_FEEDS), name="feeds") | {
        "pipeline.jars": ";".join(path.as_uri() for path in jars.paths("flink")),
        "parallelism.default": "1",
    }
    for key, value in options.items():
        environment.get_config().set(key, value)
    definitions, (insert,) = render.job_statements(SPEC.of(TOPIC_FEEDS), TOPIC_FEEDS.tables, connectors=connectors)
    for definition in definitions:
        environment.execute_sql(definition)
    environment.execute_sql(insert).wait()
    return sorted(rows_in(folder / "topic_feeds"), key=lambda row: (row["noted_at"], row["kind"] != "track"))


def _moment(second: float) -> str:
    return (BEGAN + second * SECOND).isoformat().replace("+00:00", "Z")


@pytest.mark.timeout(300)
def test_each_play_goes_to_the_feed_of_its_tracks_topic_by_then(run_job: object, tmp_path: Path) -> None:
    """A track that moves takes later plays with it; repeated, unusable and topicless plays, and noise, are in none."""
    heard = play_value("e1", "ada", "abba", BEGAN)
    skipped = play_value("e2", "bea", "abba", BEGAN, milliseconds_played=5_000)
    withheld = play_value("e3", "ada", "abba", BEGAN, source=Source.SPOTIFY, allow_training=False)
    homeless = play_value("e4", "ada", "nobody", BEGAN)
    plays = [
        (heard, 10.0),
        (heard, 11.0),
        (withheld, 12.0),
        (homeless, 13.0),
        (b"{", 14.0),
        (heartbeat_record(BEGAN).value or b"", 15.0),
        (skipped, 30.0),
    ]
    rows = feed_rows(tmp_path, plays, [("abba-track", 3, 1.0), ("abba-track", 7, 20.0), ("other", 16, 2.0)])
    assert [
        ("track", 3, "abba-track"),
        ("play", 3, "abba-track"),
        ("track", 7, "abba-track"),
        ("play", 7, "abba-track"),
    ] == [(row["kind"], row["cluster"], row["track_id"]) for row in rows]
    assert [f"segue.topic_feed_{cluster}" for cluster in (3, 3, 7, 7)] == [row["feed"] for row in rows]
    first, second = (row for row in rows if row["kind"] == "play")
    assert (False, True) == (first["is_skip"], second["is_skip"])
    assert (0, 0, 180_000, "abba") == (
        first["source_partition"],
        first["source_offset"],
        first["milliseconds_played"],
        first["artist_id"],
    )
    assert not any("ada" in json.dumps(row) or "e1" in json.dumps(row) for row in rows)
