"""`segue tokens` as a person or a script meets it."""

import json
from pathlib import Path
from typing import Any

import pytest

from backend.domain.errors import Unauthenticated
from backend.rpc.auth import Principal, Scope, Tokens
from cli import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where nothing ran yet."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def segue(home: Path, *argv: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """The parsed result of `segue tokens … --json`."""
    assert 0 == main.run(["tokens", *argv, "--home", str(home), "--json"]), capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_an_issued_token_opens_what_was_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Scopes and listener; the hash alone is kept, in files that only their owner can read."""
    asked = ("--scope", "ingest", "--scope", "recommend", "--listener", "ann")
    issued = segue(home, "issue", "app", *asked, capsys=capsys)
    expected = Principal(name="app", scopes=frozenset({Scope.INGEST, Scope.RECOMMEND}), listener_id="ann")
    assert expected == Tokens(home / "tokens").principal(f"Bearer {issued['token']}")
    assert not any(issued["token"] in file.read_text() for file in (home / "tokens").iterdir())
    assert {0o600} == {file.stat().st_mode & 0o777 for file in (home / "tokens").iterdir()}
    assert {0o700} == {folder.stat().st_mode & 0o777 for folder in (home, home / "tokens")}


def test_a_person_gets_the_token_alone_on_stdout(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that a shell can take it; what to do with it stands on stderr."""
    assert 0 == main.run(["tokens", "issue", "app", "--scope", "analytics", "--home", str(home)])
    told = capsys.readouterr()
    assert "app" == Tokens(home / "tokens").principal(f"Bearer {told.out.strip()}").name
    assert "not shown again" in told.err


def test_the_list_shows_no_secret(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither tokens nor hashes, for people or programs."""
    issued = segue(home, "issue", "app", "--scope", "ingest", "--expires-in", "30d", capsys=capsys)
    shown = segue(home, "list", capsys=capsys)
    expected = {"name": "app", "scopes": ["ingest"], "listener_id": "", "expires_at": issued["expires_at"]}
    assert [expected | {"expired": False}] == shown
    assert 0 == main.run(["tokens", "list", "--home", str(home)])
    kept = json.loads((home / "tokens/tokens.json").read_text())[0]["sha256"]
    seen = json.dumps(shown) + capsys.readouterr().out
    assert (False, False) == (issued["token"] in seen, kept[:16] in seen)


def test_a_revoked_token_opens_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A running server's tokens know it at the next call; the others stay."""
    gone = segue(home, "issue", "gone", "--scope", "ingest", capsys=capsys)["token"]
    stays = segue(home, "issue", "stays", "--scope", "ingest", capsys=capsys)["token"]
    tokens = Tokens(home / "tokens")
    assert "gone" == tokens.principal(f"Bearer {gone}").name
    assert {"revoked": "gone"} == segue(home, "revoke", "gone", capsys=capsys)
    with pytest.raises(Unauthenticated):
        tokens.principal(f"Bearer {gone}")
    assert "stays" == tokens.principal(f"Bearer {stays}").name


def test_a_name_is_taken_over_only_where_asked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old token stays good until then."""
    old = segue(home, "issue", "app", "--scope", "ingest", capsys=capsys)["token"]
    assert 1 == main.run(["tokens", "issue", "app", "--scope", "ingest", "--home", str(home)])
    assert "--replace" in capsys.readouterr().err
    tokens = Tokens(home / "tokens")
    assert "app" == tokens.principal(f"Bearer {old}").name
    new = segue(home, "issue", "app", "--scope", "ingest", "--replace", capsys=capsys)["token"]
    assert "app" == tokens.principal(f"Bearer {new}").name
    with pytest.raises(Unauthenticated):
        tokens.principal(f"Bearer {old}")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["issue", "app", "--scope", "listen"], "'listen': not one of ingest, catalogue, recommend, analytics"),
        (["issue", "a b", "--scope", "ingest"], "name: 'a b'"),
        (["issue", "app", "--scope", "ingest", "--listener", "a b"], "--listener: 'a b'"),
        (["issue", "app", "--scope", "ingest", "--expires-in", "soon"], "--expires-in: 'soon' is not a time such as"),
        (["issue", "app", "--scope", "ingest", "--expires-in", "9999999d"], "beyond the calendar"),
        (["issue", "operator", "--scope", "ingest"], "this machine's own commands"),
        (["revoke", "nobody"], "no token is named 'nobody': see `segue tokens list`"),
    ],
)
def test_what_cannot_be_done_is_said(
    home: Path, capsys: pytest.CaptureFixture[str], argv: list[str], text: str
) -> None:
    """With the argument's name and what would do; nothing is kept."""
    assert 1 == main.run(["tokens", *argv, "--home", str(home)])
    assert text in capsys.readouterr().err
    assert [] == segue(home, "list", capsys=capsys)


def test_a_token_needs_a_scope(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Used wrongly, like any missing option."""
    assert 2 == main.run(["tokens", "issue", "app", "--home", str(home)])
    assert "--scope" in capsys.readouterr().err


def test_a_listeners_own_token_needs_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is theirs is theirs without a scope; the new scopes are known like the others."""
    issued = segue(home, "issue", "anns", "--listener", "ann", capsys=capsys)
    expected = Principal(name="anns", scopes=frozenset(), listener_id="ann")
    assert expected == Tokens(home / "tokens").principal(f"Bearer {issued['token']}")
    asked = ("--scope", "admin", "--scope", "identities")
    assert ["admin", "identities"] == segue(home, "issue", "office", *asked, capsys=capsys)["scopes"]


def test_revoking_the_operators_token_takes_its_file_along(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret that opens nothing should lie nowhere; the next start makes another."""
    from backend.rpc.auth import ensure_operator_token

    file = ensure_operator_token(home / "tokens")
    old = file.read_text()
    segue(home, "revoke", "operator", capsys=capsys)
    assert not file.exists()
    assert old != ensure_operator_token(home / "tokens").read_text()


def test_a_broken_file_is_not_written_over(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What may still be mended by hand stays; the error names the file."""
    segue(home, "issue", "app", "--scope", "ingest", capsys=capsys)
    file = home / "tokens/tokens.json"
    file.write_text(broken := file.read_text()[:-5])
    for argv in (["issue", "other", "--scope", "ingest"], ["revoke", "app"], ["list"]):
        assert 1 == main.run(["tokens", *argv, "--home", str(home)])
        assert str(file) in capsys.readouterr().err.replace("\n", "")
    assert broken == file.read_text()
