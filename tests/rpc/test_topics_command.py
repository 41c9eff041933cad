"""`segue topics` and `segue home` on a real server, as a person or a script meets them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import main
from tests.rpc.conftest import VERSION, World, running
from tests.rpc.test_recommend import make_popular
from tests.rpc.test_topics import WITH_TOPICS, serve_topics


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A server whose model version has topics; commands carry the operator's token."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    with running(tmp_path / "home", with_model=True) as world:
        monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", f"127.0.0.1:{world.server.port}")
        serve_topics(world)
        make_popular(world, "t8", "t3")
        yield world


def result(*argv: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """The parsed result of `segue … --json`."""
    assert 0 == main.run([*argv, "--json"]), capsys.readouterr().err
    # The server's log lines come to the same stdout here, as it runs in this process.
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_topics_are_a_tree(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Those within one are set in below it; JSON has the same."""
    assert 0 == main.run(["topics"])
    out, err = capsys.readouterr()
    told = [[cell.rstrip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    assert [
        (" jazz", " jazz", " 1a"),
        ("   └ early jazz", " early jazz", " 1b"),
        ("   └ late jazz", " late jazz", " 1c"),
        (" techno", " techno", " 2a"),
    ] == [(name, tags, topic_id) for name, _, tags, topic_id in told]
    assert f"model {WITH_TOPICS}" in err
    told = result("topics", capsys=capsys)
    assert WITH_TOPICS == told["model_version"]
    assert [("1a", "", 3), ("1b", "1a", None), ("1c", "1a", None), ("2a", "", 0)] == [
        (one["topic_id"], one["parent_topic_id"], one["cluster"]) for one in told["topics"]
    ]


def test_a_topic_lists_its_tracks(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """So many, the popular ones first, over pages; and how many more there are."""
    told = result("topics", "1a", "--limit", "2", capsys=capsys)
    assert (["t8", "t50"], False) == ([one["track_id"] for one in told["tracks"]], told["complete"])
    whole = result("topics", "1a", "--limit", "500", capsys=capsys)
    assert (30, True, "jazz") == (len(whole["tracks"]), whole["complete"], whole["topic"]["name"])
    assert 0 == main.run(["topics", "1b", "--limit", "1"])
    out, err = capsys.readouterr()
    assert "popular: 50 listeners in 24 hours" in out
    assert "the first 1 of 10" in err


def test_home_is_a_table_a_row(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the version's topics and of what is popular; a topic's title has its id."""
    assert 0 == main.run(["home", "--row-size", "2"])
    out = capsys.readouterr().out
    for title in ("Popular", "jazz (1a)", "techno (2a)"):
        assert f"\n{title}" in f"\n{out}"
    told = result("home", "ann", "--row-size", "1", capsys=capsys)
    assert [["t8"], ["t50"], ["t3"]] == [[one["track_id"] for one in row["tracks"]] for row in told["rows"]]
    assert ["popular", "topic", "topic"] == [row["kind"] for row in told["rows"]]


def test_what_there_is_not_is_one_sentence(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A topic that is none, and a version of old; what to do stands in it."""
    assert 1 == main.run(["topics", "9z"])
    assert "there is no topic '9z'" in capsys.readouterr().err
    server.models.point(VERSION)
    server.services.model.refresh()
    assert 1 == main.run(["topics"])
    assert f"model version {VERSION} has no topics" in " ".join(capsys.readouterr().err.split())
