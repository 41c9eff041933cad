"""`segue export hyper` and `segue dashboard` on the command line: results, JSON, errors that say what to do."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend import extracts
from backend.settings import Settings
from cli.demo.story import Story
from cli.main import run
from cli.output import Output
from client.channel import connect
from tests.analytics_server import TOKEN, filled, serving


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in an empty folder, with a token and no server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGUE_SERVER_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("SEGUE_TOKEN", TOKEN)


def test_an_export_reports_its_rows_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stdout: the file, its format, and the rows of each table. The home knows of it."""
    with serving(filled()) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        code = run(["export", "hyper", "week", "--format", "parquet", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert 0 == code
    assert ("week", "parquet", 192) == (result["path"], result["format"], result["rows"]["artist_engagement"])
    assert (tmp_path / "week" / "trends.parquet").exists()
    (listed,) = extracts.age_out(tmp_path / "home", days=1, now=datetime.now(UTC)).left
    assert (str(tmp_path / "week"), len(result["rows"])) == (listed.path, len(listed.files))


def test_an_export_without_a_server_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, exit code 1, and no file."""
    assert 1 == run(["export", "hyper"])
    assert "segue up" in capsys.readouterr().err
    assert [] == list(Path().glob("*.hyper"))


def test_an_export_with_a_wrong_token_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the variable, and never the token."""
    monkeypatch.setenv("SEGUE_TOKEN", "a-wrong-token")
    with serving(filled()) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        assert 1 == run(["export", "hyper"])
    told = capsys.readouterr().err
    assert "SEGUE_TOKEN" in told
    assert "a-wrong-token" not in told


@pytest.mark.parametrize("address", ["0.0.0.0:8501", "10.1.2.3:8501", "127.0.0.1"])
def test_the_dashboard_stays_on_loopback(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no login, so it is not for others."""
    assert 1 == run(["dashboard", "--address", address])
    assert "no login" in capsys.readouterr().err


def test_the_demos_extract_is_one_that_the_home_knows_of(tmp_path: Path) -> None:
    """Else no erasure would find it, and it would never age out."""
    home, now = tmp_path / "home", datetime.now(UTC)
    with serving(filled()) as address, connect(address, TOKEN) as channel:
        Story(Settings(home=home), channel, Output(as_json=True)).extract(tmp_path / "segue.hyper", now)
    (listed,) = extracts.age_out(home, days=1, now=now).left
    assert (str(tmp_path / "segue.hyper"), now) == (listed.path, listed.made_at)
