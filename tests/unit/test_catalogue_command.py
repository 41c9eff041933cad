"""`segue ingest tracks` on the command line: reports, exit codes, mappings, and an import that goes on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Lock
from typing import Any

import grpc
import pytest

from cli.main import run
from tests.catalogue_files import simulated
from tests.ingest_server import TOKEN, ScriptedServer, serving


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in an empty folder, with a token and no server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGUE_SERVER_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("SEGUE_TOKEN", TOKEN)
    monkeypatch.setenv("COLUMNS", "200")


def ingest(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `segue ingest tracks` against the server; its exit code."""
    with serving(server) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        return run(["ingest", "tracks", *arguments])


def broken(folder: Path) -> None:
    """The 600k layout, of which the second track has no title and the third an energy of 7.3."""
    simulated(folder, "spotify-600k")
    lines = (folder / "tracks.csv").read_text().splitlines()
    second, third = lines[2].split(","), lines[3].split(",")
    second[1], third[-11] = "", "7.3"
    lines[2:4] = [",".join(second), ",".join(third)]
    (folder / "tracks.csv").write_text("\n".join(lines) + "\n")


def test_the_report_counts_each_file_and_lists_what_was_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON on one line and all findings in a file; a rejected record makes the exit code 1, but for --skip-bad."""
    broken(Path("data"))
    assert 1 == ingest(ScriptedServer(), monkeypatch, "data", "--json", "--report", "found.jsonl")
    told = json.loads(capsys.readouterr().out)
    artists, tracks = told["files"]
    assert ("artists.csv", 8, 8) == (artists["file"], artists["accepted"], artists["artists"])
    assert (39, 1, 1) == (tracks["accepted"], tracks["repaired"], tracks["rejected"])
    findings = [json.loads(line) for line in Path("found.jsonl").read_text().splitlines()]
    assert told["findings"] == findings
    assert [(3, "name", "rejected"), (4, "energy", "repaired")] == [
        (one["line"], one["field"], one["outcome"]) for one in findings
    ]
    assert 0 == ingest(ScriptedServer(), monkeypatch, "data", "--skip-bad")
    shown = capsys.readouterr().out
    assert "tracks.csv │    4 │ energy │ repaired" in shown


def test_an_import_that_is_over_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run sends the same again, and what the server holds is the same."""
    simulated(Path("data"), "spotify-114k")
    server = ScriptedServer()
    assert 0 == ingest(server, monkeypatch, "data", "--json")
    first = dict(server.stored)
    assert 0 == ingest(server, monkeypatch, "data", "--json")
    before, after = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (before["files"], first) == (after["files"], server.stored)
    assert [] == list((tmp_path / "home" / "imports").iterdir())


def test_a_guessed_mapping_is_written_and_never_over_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file it names is what --mapping takes; a second guess says that it is there."""
    tracks = simulated(Path("data"), "own")
    assert 0 == run(["ingest", "tracks", "--guess", "data/songs.csv"])
    assert "segue ingest tracks data/songs.csv --mapping songs.mapping.toml" in " ".join(
        capsys.readouterr().err.split()
    )
    assert 1 == run(["ingest", "tracks", "--guess", "data/songs.csv"])
    assert "songs.mapping.toml is there already" in capsys.readouterr().err
    server = ScriptedServer()
    assert 0 == ingest(server, monkeypatch, "data/songs.csv", "--mapping", "songs.mapping.toml")
    assert {track.track_id for track in tracks} <= server.stored.keys()


def test_the_word_tracks_is_needed_and_a_path_alone_is_the_command_of_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`segue ingest PATH` reads the same folder by its own formats; without any path each says what it wants."""
    simulated(Path("data"), "spotify-songs")
    server = ScriptedServer()
    with serving(server) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        assert 0 == run(["ingest", "data", "--json"])
    assert "spotify-songs" == json.loads(capsys.readouterr().out)["format"]
    assert 1 == run(["ingest", "tracks"])
    assert "say which file or folder to import, or --guess FILE" in capsys.readouterr().err


class Slow(ScriptedServer):
    """Takes a while for each request, one after the other."""

    one_at_a_time = Lock()

    def _answer(self, elements: Any, name: str, context: grpc.ServicerContext, response: Any) -> Any:
        with self.one_at_a_time:
            time.sleep(0.4)
        return super()._answer(elements, name, context, response)


def test_a_killed_import_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL in the middle: the next run sends the rest, and its report is that of an import never killed."""
    simulated(tmp_path / "data", "spotify-600k", tracks=200)
    lines = many(tmp_path / "data" / "tracks.csv", times=30)
    server = Slow()
    with serving(server) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        # An import that is killed with SIGKILL must be a process of its own.
        command = [sys.executable, "-m", "cli.program", "ingest", "tracks", "data", "--json"]
        with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as killed:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not any(_sent(state) for state in _states(tmp_path)):
                time.sleep(0.02)
            killed.send_signal(signal.SIGKILL)
        assert -signal.SIGKILL == killed.returncode
        assert len(server.stored) < 6_000
        assert 1 == run(["ingest", "tracks", "data", "--json", "--report", "found.jsonl"])
    told = json.loads(capsys.readouterr().out)
    _, tracks = told["files"]
    assert 0 < told["resumed_at"] < 6_000
    first = f"spotify:track:{lines[1].partition(',')[0]}"
    assert 1 == sum(getattr(one, "track_id", "") == first for request in server.requests for one in request)
    assert (5_998, 2) == (tracks["accepted"], tracks["rejected"])
    assert [6, 5_997] == [json.loads(line)["line"] for line in Path("found.jsonl").read_text().splitlines()]
    assert 5_998 == sum(hasattr(one, "title") for one in server.stored.values())
    assert all(one.tags for one in server.stored.values() if hasattr(one, "name"))


def many(path: Path, *, times: int) -> list[str]:
    """The table with each row so often, under ids of its own, but for two lines that are no rows; its lines."""
    header, *rows = path.read_text().splitlines(keepends=True)
    lines = [header, *(f"{nth:02}{row[2:]}" for nth in range(times) for row in rows)]
    lines[5], lines[-5] = "broken\n", "broken\n"
    path.write_text("".join(lines))
    return lines


def _states(folder: Path) -> list[Path]:
    return list((folder / "home" / "imports").glob("*/state.json"))


def _sent(state: Path) -> int:
    """How many tracks a state says were sent."""
    files = json.loads(state.read_text())["files"]
    return int(files.get("tracks.csv", {}).get("tracks", 0))
