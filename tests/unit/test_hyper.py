"""The Tableau extract: a real .hyper file, written from a real server and read back by Hyper."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from segue.v1 import analytics_pb2

from analytics import extract, hyper
from analytics.export_tables import DATA_DICTIONARY, EXPORT_METADATA
from analytics.failures import ExportFailed
from analytics.frames import MESSAGES, live_frame
from analytics.tables import TRENDS
from client.channel import connect
from client.errors import ServerDown
from tests.analytics_server import HOUR, TOKEN, Content, filled, serving

NOW = datetime(2026, 11, 21, 11, 30, tzinfo=UTC)
TABLES = (*MESSAGES, DATA_DICTIONARY, EXPORT_METADATA)


@pytest.fixture
def content() -> Content:
    """What the server of the test answers."""
    return filled()


@pytest.fixture
def channel(content: Content) -> Iterator[grpc.Channel]:
    """A channel to that server."""
    with serving(content) as address, connect(address, TOKEN) as open_channel:
        yield open_channel


def _read(file: Path, query: str, log: Path) -> list[list[object]]:
    api = pytest.importorskip("tableauhyperapi", reason="tableauhyperapi has no wheel for this machine")
    with (
        api.HyperProcess(api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters={"log_dir": str(log)}) as process,
        api.Connection(process.endpoint, file) as connection,
    ):
        return connection.execute_list_query(query)


def test_the_extract_holds_every_row(channel: grpc.Channel, content: Content, tmp_path: Path) -> None:
    """Counts, sums, the absent completion rates and the hours come back as they were sent."""
    target = tmp_path / "out" / "segue.hyper"
    written = hyper.export(channel, target, now=NOW)
    assert {
        "artist_engagement": 192,
        "artist_engagement_days": 16,
        "track_popularity": 30,
        "artist_popularity": 24,
        "trends": 10,
        "anomalies": 3,
        "listener_activity": 72,
        "topic_hours": 192,
        "dead_letters": 2,
        "dead_letter_counts": 2,
    } == {name: count for name, count in written.rows.items() if name not in {"data_dictionary", "export_metadata"}}
    (row,) = _read(
        target,
        "SELECT COUNT(*), SUM(plays), COUNT(completion_rate), CAST(MAX(window_start) AS TEXT) FROM artist_engagement",
        tmp_path,
    )
    plays = sum(row.plays for row in content.engagement if row.span == analytics_pb2.SPAN_HOUR)
    assert [192, plays, 192 - 24, f"{HOUR:%Y-%m-%d %H:%M:%S}"] == [row[0], int(row[1]), *row[2:]]
    letters = "SELECT reason, record IS NULL FROM dead_letters ORDER BY reason"
    assert [["malformed", False], ["unknown_track", True]] == _read(target, letters, tmp_path)


def test_the_extract_explains_itself(channel: grpc.Channel, tmp_path: Path) -> None:
    """Every column of every table is in the data dictionary, and the export's record tells time and rows."""
    target = tmp_path / "segue.hyper"
    hyper.export(channel, target, now=NOW)
    told = _read(target, "SELECT table_name, column_name FROM data_dictionary ORDER BY table_name, position", tmp_path)
    assert sorted((table.name, column.name) for table in TABLES for column in table.columns) == sorted(map(tuple, told))
    record = _read(
        target,
        "SELECT rows, complete, CAST(exported_at AS TEXT) FROM export_metadata WHERE table_name='trends'",
        tmp_path,
    )
    assert record == [[10, "yes", "2026-11-21 11:30:00"]]


def test_an_export_replaces_the_old_one_and_leaves_nothing_else(channel: grpc.Channel, tmp_path: Path) -> None:
    """No log, no draft and no Parquet file stays beside the extract."""
    target = tmp_path / "segue.hyper"
    target.write_text("an old extract")
    hyper.export(channel, target, now=NOW)
    assert [target] == list(tmp_path.iterdir())
    assert target.stat().st_size > 1000


def test_empty_tables_are_exported_too(tmp_path: Path) -> None:
    """A workbook that was built on full tables still opens."""
    target = tmp_path / "segue.hyper"
    with serving(Content(as_of=None)) as address, connect(address, TOKEN) as channel:
        hyper.export(channel, target, now=NOW)
    assert [[0]] == _read(target, "SELECT COUNT(*) FROM anomalies", tmp_path)
    assert [[None]] == _read(target, "SELECT as_of FROM export_metadata WHERE table_name='anomalies'", tmp_path)


def test_a_repeated_key_stops_the_export() -> None:
    """Hyper believes assumed keys, so they are checked before."""
    frame = live_frame(TRENDS, [analytics_pb2.Trend(track_id="t"), analytics_pb2.Trend(track_id="t")])
    with pytest.raises(ExportFailed, match="track_id=t"):
        extract.check_key(extract.TableData(table=TRENDS, frame=frame))


def test_not_a_number_and_infinity_become_null(tmp_path: Path) -> None:
    """Tableau knows neither."""
    frame = live_frame(TRENDS, [analytics_pb2.Trend(track_id=name) for name in "abc"])
    frame["ratio"] = [np.nan, np.inf, 2.0]
    extract.write_parquet(extract.TableData(table=TRENDS, frame=frame), tmp_path / "t.parquet")
    assert [None, None, 2.0] == pq.read_table(tmp_path / "t.parquet")["ratio"].to_pylist()


def test_parquet_holds_the_same_tables(channel: grpc.Channel, content: Content, tmp_path: Path) -> None:
    """Where Hyper cannot run, a folder with a file per table takes its place."""
    written = hyper.export(channel, tmp_path / "tables", now=NOW, form=hyper.Format.PARQUET)
    assert sorted(f"{table.name}.parquet" for table in TABLES) == sorted(file.name for file in written.path.iterdir())
    frame = pd.read_parquet(written.path / "artist_engagement.parquet")
    assert 192 == len(frame)


@pytest.mark.parametrize(("form", "name"), [(hyper.Format.HYPER, "x.hyper"), (hyper.Format.PARQUET, "x")])
def test_an_export_is_its_owners_alone(channel: grpc.Channel, tmp_path: Path, form: hyper.Format, name: str) -> None:
    """It tells what each listener did."""
    path = hyper.export(channel, tmp_path / name, now=NOW, form=form).path
    assert {0o600} == {file.stat().st_mode & 0o777 for file in ([path] if path.is_file() else path.iterdir())}
    assert path.is_file() or 0o700 == path.stat().st_mode & 0o777


def test_without_hyper_the_error_names_the_way_out(
    channel: grpc.Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine without the wheel, the sentence says which flag to use."""
    monkeypatch.setitem(sys.modules, "tableauhyperapi", None)
    with pytest.raises(hyper.HyperMissing, match="--format parquet"):
        hyper.export(channel, tmp_path / "segue.hyper", now=NOW)


def test_a_failed_export_leaves_the_old_one(tmp_path: Path) -> None:
    """A server that is down costs nothing that was there."""
    target = tmp_path / "segue.hyper"
    target.write_text("an old extract")
    with connect("127.0.0.1:1", TOKEN) as nowhere, pytest.raises(ServerDown):
        hyper.export(nowhere, target, now=NOW)
    assert "an old extract" == target.read_text()


def test_a_name_that_tableau_cannot_open_is_refused(channel: grpc.Channel, tmp_path: Path) -> None:
    """The sentence says how the name must end."""
    with pytest.raises(ExportFailed, match=r"\.hyper"):
        hyper.export(channel, tmp_path / "segue.tde", now=NOW)
