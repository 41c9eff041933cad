"""`segue ingest` and `segue recommend` on the command line: results, JSON, exit codes, errors that say what to do."""

import json
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from segue.v1 import play_pb2, recommend_pb2, recommend_pb2_grpc

from cli.main import run
from streaming.backfill import Days
from tests.ingest_server import REJECTED, TOKEN, ScriptedServer, serving

LINES = (
    "user_1\t2009-05-04T23:08:57Z\t\tDeep Dish\t\tHello\n"
    "user_1\tyesterday\t\tDeep Dish\t\tHello\n"
    "user_1\t2009-05-03T23:08:57Z\t\tDeep Dish\t\tFlashdance\n"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in an empty folder, with a token and no server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGUE_SERVER_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("SEGUE_TOKEN", TOKEN)
    monkeypatch.setenv("COLUMNS", "200")
    Path("good.tsv").write_text("".join(LINES.splitlines(keepends=True)[::2]))
    Path("dirty.tsv").write_text(LINES)


def ingest(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `segue ingest` against the server; its exit code."""
    with serving(server) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        return run(["ingest", *arguments])


def test_ingest_reports_what_became_of_each_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON on one line, exit code 0; a second run is duplicates only."""
    server = ScriptedServer()
    assert 0 == ingest(server, monkeypatch, "good.tsv", "--json")
    first = json.loads(capsys.readouterr().out)
    assert 0 == ingest(server, monkeypatch, "good.tsv", "--json")
    second = json.loads(capsys.readouterr().out)
    assert "lastfm-1k" == first["format"]
    assert {"accepted": 2, "duplicate": 0, "rejected": 0} == first["plays"]
    assert (1, 2) == (first["artists"]["accepted"], first["tracks"]["accepted"])
    assert {"accepted": 0, "duplicate": 2, "rejected": 0} == second["plays"]


def test_ingest_names_bad_rows_and_sends_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line, field and reason are told, the two good plays are sent, and the exit code is 1."""
    server = ScriptedServer()
    assert 1 == ingest(server, monkeypatch, "dirty.tsv")
    told = capsys.readouterr().out
    assert "dirty.tsv │    2 │ timestamp │ 'yesterday' is not a time" in told
    assert 2 == len(server.requests[-1])


def test_ingest_forgives_bad_rows_when_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """--skip-bad makes the exit code 0."""
    assert 0 == ingest(ScriptedServer(), monkeypatch, "dirty.tsv", "--skip-bad")


def test_ingest_names_the_line_of_what_the_server_rejects(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plays travel in time order, so the second one sent is the file's first line."""
    server = ScriptedServer({}, {}, {1: REJECTED})
    assert 1 == ingest(server, monkeypatch, "good.tsv", "--json")
    (rejection,) = json.loads(capsys.readouterr().out)["rejections"]
    assert ("plays", 1, "track_id") == (rejection["kind"], rejection["line"], rejection["field"])


def test_ingest_can_move_old_plays_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last play is now, the one before a day earlier."""
    server = ScriptedServer()
    assert 0 == ingest(server, monkeypatch, "good.tsv", "--shift-to-now")
    earlier, later = (play.played_at.ToDatetime(tzinfo=UTC) for play in server.requests[-1])
    assert timedelta(days=1) == later - earlier
    assert abs(datetime.now(UTC) - later) < timedelta(minutes=5)


def test_ingest_says_of_which_days_the_history_is_and_how_their_charts_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every play of a file is sent as history; the command that is told is one that `segue backfill` takes."""
    server = ScriptedServer()
    assert 0 == ingest(server, monkeypatch, "good.tsv", "--json")
    assert {play_pb2.TIMING_HISTORY} == {play.timing for play in server.requests[-1]}
    told = json.loads(capsys.readouterr().out)["history"]
    command = "segue backfill --from 2009-05-03 --to 2009-05-05"
    assert {"plays": 2, "first_day": "2009-05-03", "last_day": "2009-05-04", "backfill": command} == told
    days = Days(*(date.fromisoformat(day) for day in (command.split()[3], command.split()[5])))
    days.check(datetime.now(UTC), lateness_minutes=10)
    assert 0 == ingest(ScriptedServer(), monkeypatch, "good.tsv")
    text = " ".join(capsys.readouterr().err.split())
    assert "2 plays are history, of 2009-05-03 to 2009-05-04" in text
    assert f"`{command}` brings the rest" in text
    assert 0 == ingest(server, monkeypatch, "good.tsv", "--json")
    assert None is json.loads(capsys.readouterr().out)["history"]


def test_days_that_go_on_are_left_out_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plays moved to now are history too; of today nothing can be computed yet."""
    server = ScriptedServer()
    assert 0 == ingest(server, monkeypatch, "good.tsv", "--shift-to-now", "--json")
    assert {play_pb2.TIMING_HISTORY} == {play.timing for play in server.requests[-1]}
    told = json.loads(capsys.readouterr().out)["history"]
    today = datetime.now(UTC).date()
    assert today.isoformat() == told["last_day"]
    if told["backfill"]:
        Days(*map(date.fromisoformat, told["backfill"].split()[3::2])).check(datetime.now(UTC), lateness_minutes=10)
    assert 0 == ingest(ScriptedServer(), monkeypatch, "good.tsv", "--shift-to-now", "--limit", "1")
    assert "only days that have ended can be computed" in " ".join(capsys.readouterr().err.split())


def test_ingest_is_not_led_by_one_wrong_date(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row four years after the others, and one of the year 9999, are bad; the good plays end now."""
    wrong = "user_1\t{}\t\tDeep Dish\t\tLater\n"
    Path("led.tsv").write_text(
        wrong.format("2013-09-29T18:32:04Z") + Path("good.tsv").read_text() + wrong.format("9999-12-31T23:59:59Z")
    )
    server = ScriptedServer({}, {}, {1: REJECTED})
    assert 1 == ingest(server, monkeypatch, "led.tsv", "--shift-to-now", "--json")
    told = json.loads(capsys.readouterr().out)
    earlier, later = (play.played_at.ToDatetime(tzinfo=UTC) for play in server.requests[-1])
    assert timedelta(days=1) == later - earlier
    assert abs(datetime.now(UTC) - later) < timedelta(minutes=5)
    assert {(1, "played_at"), (4, "timestamp")} == {(bad["line"], bad["field"]) for bad in told["first_bad_rows"]}
    assert [2] == [rejection["line"] for rejection in told["rejections"]]


def test_ingest_of_an_unknown_file_lists_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is sent."""
    Path("notes.txt").write_text("hello\n")
    assert 1 == run(["ingest", "notes.txt"])
    assert "lastfm-1k" in capsys.readouterr().err


def test_commands_without_a_server_say_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence with the next step, exit code 1."""
    assert 1 == run(["recommend", "user_1"])
    assert "segue up" in capsys.readouterr().err


class Answers(recommend_pb2_grpc.RecommendServiceServicer):
    """Answers every question with one track whose title says which question it was."""

    def Recommend(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract names it
        return recommend_pb2.RecommendResponse(
            recommendation_id="r1",
            tracks=_tracks(f"for {request.listener_id}"),
            model_version="m7",
            path=recommend_pb2.ANSWER_PATH_COLD_START,
        )

    def SimilarTracks(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract names it
        if request.track_id == "nobody":
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no track 'nobody'")
        return recommend_pb2.SimilarTracksResponse(tracks=_tracks(f"near {request.track_id}"), model_version="m7")

    def SearchTracks(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract names it
        return recommend_pb2.SearchTracksResponse(tracks=_tracks(f"like {request.query}"), model_version="m7")

    def PopularTracks(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract names it
        return recommend_pb2.PopularTracksResponse(tracks=_tracks(f"top {request.page_size}"))


def _tracks(title: str) -> list[recommend_pb2.RecommendedTrack]:
    reason = recommend_pb2.Reason(
        source=recommend_pb2.CANDIDATE_SOURCE_TREND, rank=1, share=1, text="rising among listeners"
    )
    return [recommend_pb2.RecommendedTrack(track_id="t", title=title, artist_names=["Ada", "Bo"], reasons=[reason])]


@contextmanager
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server with these answers, where the commands look for it."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    recommend_pb2_grpc.add_RecommendServiceServicer_to_server(Answers(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("SEGUE_SERVER_ADDRESS", f"127.0.0.1:{port}")
    try:
        yield
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("arguments", "title", "version", "path"),
    [
        (["ada"], "for ada", "m7", "cold_start"),
        (["--similar", "t9"], "near t9", "m7", ""),
        (["--search", "slow piano"], "like slow piano", "m7", ""),
        (["--popular", "--limit", "3"], "top 3", "", ""),
    ],
)
def test_recommend_answers_each_question(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    title: str,
    version: str,
    path: str,
) -> None:
    """The answer as JSON: tracks, reasons, model version and path where there are such."""
    with answering(monkeypatch):
        assert 0 == run(["recommend", *arguments, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert [title] == [track["title"] for track in answer["tracks"]]
    assert (version, path) == (answer["model_version"], answer["path"])
    assert "trend" == answer["tracks"][0]["reasons"][0]["source"]


def test_recommend_shows_reasons_model_and_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people: a table, and a line that says who answered."""
    with answering(monkeypatch):
        assert 0 == run(["recommend", "ada"])
    shown = capsys.readouterr()
    assert "Ada, Bo" in shown.out
    assert "rising among listeners" in shown.out
    assert "model m7; path cold start" in shown.err


def test_recommend_tells_an_unknown_track(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The server's sentence reaches the person."""
    with answering(monkeypatch):
        assert 1 == run(["recommend", "--similar", "nobody"])
    assert "there is no track 'nobody'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["ada", "--popular"], ["--search", "x", "--similar", "y"]])
def test_recommend_wants_exactly_one_question(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Used wrongly: exit code 2 and what to give."""
    assert 2 == run(["recommend", *arguments])
    assert "name a listener" in capsys.readouterr().err
