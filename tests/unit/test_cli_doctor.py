"""`segue doctor`: each missing thing, with the command that gets it."""

import json
import socket
from pathlib import Path

import pytest

from cli import main
from stack import checks, java


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an empty jar cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "home"


def test_missing_java_and_make_are_named_with_their_commands(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an empty PATH the exit code is 1, and both come with the line that installs them."""
    monkeypatch.setenv("PATH", "/nowhere")

    assert 1 == main.run(["doctor", "--json"])

    told = json.loads(capsys.readouterr().out)
    fixes = {check["name"]: check["fix"] for check in told["checks"]}
    assert not told["healthy"]
    assert (java.INSTALL, "sudo apt install make") == (fixes["java"], fixes["make"])


def test_old_java_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Java that says it is 11 is told apart from a full 17."""
    script = tmp_path / "java"
    script.write_text("#!/bin/sh\necho 'java.specification.version = 11' >&2\necho jdk.incubator.vector@11\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    check = checks.check_java()

    assert ("11, full runtime", java.INSTALL) == (check.found, check.fix)


def test_cut_down_java_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A jlinked 17 lacks the module that Spark asks for."""
    script = tmp_path / "java"
    script.write_text("#!/bin/sh\necho 'java.specification.version = 17' >&2\necho java.base@17\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    check = checks.check_java()

    assert ("17, cut-down runtime", java.INSTALL) == (check.found, check.fix)


def test_taken_usual_port_is_no_obstacle(home: Path) -> None:
    """Another port is chosen, so nothing is to be fixed."""
    assert checks.check_ports(home, {}).is_fine


def test_taken_configured_port_is(home: Path) -> None:
    """A port that was asked for and is taken is named with the command that shows who holds it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        check = checks.check_ports(home, {"server": f"127.0.0.1:{port}"})

    assert f"configured but taken: {port}" == check.found
    assert check.fix.startswith(f"ss -ltnp 'sport = :{port}'")


def test_jars_not_fetched_yet_are_no_obstacle(home: Path) -> None:
    """The first start fetches them; doctor only says how much that is."""
    check = checks.check_jars()

    assert not check.required
    assert not check.is_fine
    assert "MB to fetch" in check.found
