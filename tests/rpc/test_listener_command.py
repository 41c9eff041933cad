"""`segue listener` on a real server, as a person or a script meets it."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.domain.errors import Unavailable
from backend.domain.listeners import Profile
from backend.ports.event_log import Topic
from backend.rpc.auth import Scope, issue_token
from cli import main
from tests.rpc.conftest import World, running
from tests.rpc.test_ingest import play, send
from tests.small_disk import fill, small_disk


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A server that knows ann, and a folder to work in; commands carry the operator's token."""
    (folder := tmp_path / "work").mkdir()
    monkeypatch.chdir(folder)
    with running(tmp_path / "home", with_model=False) as world:
        monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", f"127.0.0.1:{world.server.port}")
        send(world, *(play(f"t{number}") for number in range(20)))
        yield world


def segue(*argv: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """The parsed result of `segue listener … --json`."""
    assert 0 == main.run(["listener", *argv, "--json"]), capsys.readouterr().err
    # The server's log lines come to the same stdout here, as it runs in this process.
    (result,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("{", "["))]
    return json.loads(result)


def test_an_export_is_one_private_file(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Named for the listener where nothing else is said; in a folder, or under the name that is given."""
    told = segue("export", "ann", capsys=capsys)
    assert ("ann.zip", Path("ann.zip").stat().st_size) == (told["path"], told["bytes"])
    assert 0o600 == Path("ann.zip").stat().st_mode & 0o777
    with zipfile.ZipFile("ann.zip") as zipped:
        assert 20 == len(zipped.read("plays.jsonl").splitlines())
    Path("folder").mkdir()
    assert 0 == main.run(["listener", "export", "ann", "folder"])
    assert 0 == main.run(["listener", "export", "ann", "folder/mine.zip"])
    assert ["ann.zip", "mine.zip"] == sorted(file.name for file in Path("folder").iterdir())
    assert "✓ wrote folder/mine.zip" in capsys.readouterr().err


def test_what_cannot_be_exported_is_one_sentence_and_no_file(
    server: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown listener, no such folder, a log that ends in the middle."""
    issue = {
        "nobody": "knows nothing under this id",
        "a b": "listener_id",
    }
    for listener, text in issue.items():
        assert 1 == main.run(["listener", "export", listener])
        assert text in capsys.readouterr().err
    assert 1 == main.run(["listener", "export", "ann", "nowhere/ann.zip"])
    assert "No such file or directory; see that the path is what it should be" in capsys.readouterr().err
    assert 1 == main.run(["listener", "export", "ann", "/dev/null"])
    assert "/dev/null is there and is no file" in capsys.readouterr().err
    assert Path("/dev/null").is_char_device()

    def broken(*_: object) -> Iterator[dict[str, str]]:
        for number in range(50_000):
            yield {"noise": f"{number * 7919 % 50_021}" * 9}
        raise Unavailable("the log is down, as the test asked")

    monkeypatch.setattr("backend.services.holdings.Holdings.records", broken)
    Path("ann.zip").write_text("what stood there")
    assert 1 == main.run(["listener", "export", "ann"])
    assert "answers, but something that it needs does not" in capsys.readouterr().err
    assert ["what stood there"] == [file.read_text() for file in Path().iterdir()]


def test_a_full_disk_is_said_and_leaves_no_half_file(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do next."""
    with small_disk(1) as disk:
        fill(disk)
        assert 1 == main.run(["listener", "export", "ann", str(disk / "ann.zip")])
        assert ["ballast"] == [file.name for file in disk.iterdir()]
    told = capsys.readouterr().err
    assert "no room is left on a disk: free some" in told
    assert 1 == told.count("✗")


def test_an_erasure_is_meant(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody to ask: only with --yes; the receipt is a table for people and JSON for programs."""
    assert 2 == main.run(["listener", "erase", "ann"])
    assert "add --yes" in capsys.readouterr().err
    receipt = segue("erase", "ann", "--yes", capsys=capsys)
    parts = {part["part"]: part for part in receipt["parts"]}
    assert ["identity", "profile", "log", "archive", "tables", "models", "extracts"] == list(parts)
    assert parts["identity"]["done_at"] is not None
    assert receipt["due_at"] == parts["log"]["until"]
    assert receipt == segue("erasures", receipt["erasure_id"], capsys=capsys)
    assert [receipt] == segue("erasures", capsys=capsys)
    assert 0 == main.run(["listener", "erasures", receipt["erasure_id"]])
    shown = capsys.readouterr().out
    assert receipt["erasure_id"] in shown
    assert "archive" in shown
    assert 1 == main.run(["listener", "erase", "ann", "--yes"])
    assert receipt["erasure_id"] in " ".join(capsys.readouterr().err.split())


class Typed(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_before_an_erasure(
    server: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything but yes leaves everything as it is."""
    monkeypatch.setattr("sys.stdin", Typed("n\ny\n"))
    assert main.INTERRUPTED == main.run(["listener", "erase", "ann"])
    assert [] == server.store.open_erasures()
    assert 0 == main.run(["listener", "erase", "ann"])
    assert 1 == len(server.store.open_erasures())
    capsys.readouterr()


def test_nobody_erased_is_said(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """No empty table."""
    assert 0 == main.run(["listener", "erasures"])
    assert "nobody was erased" in capsys.readouterr().err
    assert [] == segue("erasures", capsys=capsys)


def test_rights_are_said(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """One of both must be given."""
    assert {"listener_id": "ann", "allow_training": False} == segue("rights", "ann", "--no-training", capsys=capsys)
    (record,) = server.log.values(Topic.RIGHTS)
    assert json.loads(record)["allow_training"] is False
    assert 2 == main.run(["listener", "rights", "ann"])


def test_a_token_that_may_not_is_told_what_it_lacks(
    server: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the scope's name; the listener's own token needs none."""
    monkeypatch.setenv("SEGUE_TOKEN", issue_token(server.tokens, "app", [Scope.INGEST]))
    assert 1 == main.run(["listener", "export", "ann"])
    assert "does not carry the scope 'admin'" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setenv("SEGUE_TOKEN", issue_token(server.tokens, "anns", [], listener_id="ann"))
    assert "ann.zip" == segue("export", "ann", capsys=capsys)["path"]


def test_a_profile_alone_is_exported_too(server: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Of somebody who is known and has played nothing: files without lines."""
    bob = server.store.identities.ensure(["bob"])["bob"]
    server.store.put_profiles([Profile(listener_id=bob)])
    segue("export", "bob", capsys=capsys)
    with zipfile.ZipFile("bob.zip") as zipped:
        assert [b""] == [zipped.read("plays.jsonl")]
        assert "plays.jsonl: 0 lines" in zipped.read("README.md").decode()
