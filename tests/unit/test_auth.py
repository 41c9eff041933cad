"""Tokens and what they open."""

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from backend.domain.errors import InvalidInput, PermissionRefused, Unauthenticated
from backend.rpc.auth import OPERATOR, OPERATOR_SCOPES, Principal, Scope, Tokens, ensure_operator_token, issue_token


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of tokens that is not there yet."""
    return tmp_path / "tokens"


def test_an_issued_token_is_known_by_its_hash_only(folder: Path) -> None:
    """Its text stands in no file."""
    token = issue_token(folder, "app", [Scope.INGEST], listener_id="ann")
    expected = Principal(name="app", scopes=frozenset({Scope.INGEST}), listener_id="ann")
    assert expected == Tokens(folder).principal(f"Bearer {token}")
    assert not any(token in file.read_text() for file in folder.iterdir())


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer x", "Basic x", "x"])
def test_anything_else_is_unauthenticated(folder: Path, authorization: str) -> None:
    """Also before the first token exists."""
    with pytest.raises(Unauthenticated):
        Tokens(folder).principal(authorization)
    issue_token(folder, "app", [Scope.INGEST])
    with pytest.raises(Unauthenticated):
        Tokens(folder).principal(authorization)


def test_a_token_issued_again_replaces_the_old_one_at_once(folder: Path) -> None:
    """Without a restart."""
    tokens = Tokens(folder)
    old = issue_token(folder, "app", [Scope.INGEST])
    assert "app" == tokens.principal(f"Bearer {old}").name
    new = issue_token(folder, "app", [Scope.ANALYTICS])
    assert {Scope.ANALYTICS} == tokens.principal(f"Bearer {new}").scopes
    with pytest.raises(Unauthenticated):
        tokens.principal(f"Bearer {old}")


def test_the_operators_token_is_made_once_and_private(folder: Path) -> None:
    """Every scope but that of seeing who is who; only its owner can read it."""
    file = ensure_operator_token(folder)
    token = file.read_text().strip()
    assert file == ensure_operator_token(folder)
    assert token == file.read_text().strip()
    assert frozenset(Scope) - {Scope.IDENTITIES} == Tokens(folder).principal(f"Bearer {token}").scopes
    assert {0o600} == {one.stat().st_mode & 0o777 for one in folder.iterdir()}


def test_an_operators_token_of_fewer_scopes_is_made_again(folder: Path) -> None:
    """One from before a scope was there would open less than the machine's own commands need."""
    file = ensure_operator_token(folder)
    file.write_text(old := issue_token(folder, OPERATOR, [Scope.INGEST]))
    assert old != ensure_operator_token(folder).read_text().strip()
    assert OPERATOR_SCOPES == Tokens(folder).principal(f"Bearer {file.read_text().strip()}").scopes


def test_scopes_and_listeners_are_required() -> None:
    """A token without a listener speaks for everybody."""
    bound = Principal(name="app", scopes=frozenset({Scope.INGEST}), listener_id="ann")
    bound.require(Scope.INGEST)
    bound.require_listeners(["ann", "ann"])
    Principal(name="app", scopes=frozenset()).require_listeners(["ann", "bob"])
    with pytest.raises(PermissionRefused, match="'recommend'"):
        bound.require(Scope.RECOMMEND)
    with pytest.raises(PermissionRefused):
        bound.require_listeners(["ann", "bob"])


def write(folder: Path, text: str) -> None:
    """Put this text into the tokens file, as an editor would."""
    (folder / "tokens.json").write_text(text)


def entry(token: str, **fields: object) -> dict[str, object]:
    """An entry of the tokens file."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {"name": token, "sha256": digest, "scopes": ["ingest"], "listener_id": ""} | fields


@pytest.mark.parametrize("broken", ["", "{", "[1, 2", "{}", "null", "[" * 100_000, '"\\ud800', "\x00"])
def test_a_file_that_breaks_costs_no_token(folder: Path, broken: str) -> None:
    """What was read before still counts, the log says once what is wrong where, and a mended file counts at once."""
    token = issue_token(folder, "app", [Scope.INGEST])
    tokens, whole = Tokens(folder), (folder / "tokens.json").read_text()
    write(folder, broken)
    with structlog.testing.capture_logs() as logs:
        assert ["app"] * 2 == [tokens.principal(f"Bearer {token}").name for _ in range(2)]
    (line,) = logs
    assert "error" == line["log_level"]
    assert str(folder / "tokens.json") in line["error"]
    write(folder, json.dumps([*json.loads(whole), entry("further")]))
    assert ["app", "further"] == [tokens.principal(f"Bearer {one}").name for one in (token, "further")]


NO_FILES: dict[str, Callable[[Path], object]] = {
    "is a folder, a pipe or a device": Path.mkdir,
    "is a folder, a pipe or a device: put": os.mkfifo,
    "put the file in its place": lambda file: file.symlink_to("/dev/zero"),
    "is a link that leads nowhere": lambda file: file.symlink_to("nowhere"),
    "is a link that leads nowhere: mend it, or remove it": lambda file: file.symlink_to(file),
    "has more than 4,194,304 bytes": lambda file: file.write_bytes(b" " * 5_000_000),
}


@pytest.mark.parametrize("told", NO_FILES)
def test_what_stands_in_the_files_place_costs_no_token(folder: Path, told: str) -> None:
    """Also what would be read for ever, or never give an answer: calls do not wait for it."""
    token = issue_token(folder, "app", [Scope.INGEST])
    tokens = Tokens(folder)
    file = folder / "tokens.json"
    file.rename(folder / "whole")
    NO_FILES[told](file)
    with structlog.testing.capture_logs() as logs:
        assert "app" == tokens.principal(f"Bearer {token}").name
    assert told in logs[0]["error"]


def test_a_link_to_the_file_is_followed(folder: Path) -> None:
    """As secrets are often mounted; what it leads to may change."""
    token = issue_token(folder, "app", [Scope.INGEST])
    (folder / "tokens.json").rename(folder / "whole")
    (folder / "tokens.json").symlink_to("whole")
    tokens = Tokens(folder)
    assert "app" == tokens.principal(f"Bearer {token}").name
    (folder / "whole").write_text("[]")
    with pytest.raises(Unauthenticated):
        tokens.principal(f"Bearer {token}")


def test_a_key_that_stands_twice_binds_nobody_to_everybody(folder: Path) -> None:
    """JSON's readers let the last one count: an entry that says "ann", then nobody, would open everybody's data."""
    folder.mkdir(parents=True)
    write(
        folder,
        json.dumps([entry("bad"), entry("good")]).replace(
            '"name"', '"listener_id": "ann", "listener_id": "", "name"', 1
        ),
    )
    with structlog.testing.capture_logs() as logs:
        tokens = Tokens(folder)
    assert "good" == tokens.principal("Bearer good").name
    with pytest.raises(Unauthenticated):
        tokens.principal("Bearer bad")
    assert "entry 1 ('bad') is left out: it has 'a key twice'" in logs[0]["error"]


def test_a_token_that_stands_in_two_entries_is_that_of_the_first(folder: Path) -> None:
    """The other is named: which of them counts must not be a matter of chance."""
    folder.mkdir(parents=True)
    write(folder, json.dumps([entry("app", listener_id="ann"), entry("app") | {"name": "other"}]))
    with structlog.testing.capture_logs() as logs:
        assert "ann" == Tokens(folder).principal("Bearer app").listener_id
    assert "entry 2 ('other') is left out: 'sha256' is that of an entry before it" in logs[0]["error"]


@pytest.mark.parametrize("broken", ["{", "{}"])
def test_a_file_that_is_broken_at_first_is_refused(folder: Path, broken: str) -> None:
    """There is nothing good to keep: the error names the file and what to do."""
    folder.mkdir(parents=True)
    write(folder, broken)
    with pytest.raises(InvalidInput, match=r"tokens\.json.*mend it"):
        Tokens(folder)
    with pytest.raises(InvalidInput, match=r"tokens\.json.*mend it"):
        ensure_operator_token(folder)


WRONG = [
    (1, "entry 1 is left out: it is no object"),
    ({}, "entry 1 is left out: 'scopes' must be a list"),
    (entry("bad", scopes="ingest"), "entry 1 ('bad') is left out: 'scopes' must be a list"),
    (entry("bad", sha256="12"), "'sha256' must be 64 hexadecimal digits"),
    (entry("bad", sha256=12), "'sha256' must be a text"),
    (entry("bad", name=""), "'name' must be a text"),
    (entry("bad", name="a\nb"), "'name' must be a text"),
    (entry("bad", name="\ud800"), "'name' must be a text"),
    (entry("bad", listener_id=" "), "'listener_id' must be a text"),
    (entry("bad", listener_id=False), "'listener_id' must be a text"),
    (entry("bad", Listener_id="ann"), "it has 'Listener_id', which is none of"),
    (entry("bad", listener_id=["ann"]), "'listener_id' must be a text"),
    (entry("bad", listener="ann"), "it has 'listener', which is none of"),
    (entry("bad", expires_at="soon"), "'expires_at' must be a time with its zone"),
    (entry("bad", expires_at="2027-01-01T00:00:00"), "'expires_at' must be a time with its zone"),
]


@pytest.mark.parametrize(("wrong", "text"), WRONG)
def test_a_wrong_entry_costs_itself_only(folder: Path, wrong: object, text: str) -> None:
    """At the first reading as at a later one; the log names the entry and what is wrong with it."""
    folder.mkdir(parents=True)
    write(folder, "[]")
    running = Tokens(folder)
    write(folder, json.dumps([wrong, entry("good")]))
    with structlog.testing.capture_logs() as logs:
        for tokens in (running, Tokens(folder)):
            assert "good" == tokens.principal("Bearer good").name
            with pytest.raises(Unauthenticated):
                tokens.principal("Bearer bad")
    assert [True, True] == [text in line["error"] for line in logs]


@pytest.mark.parametrize("scope", ["ingets", "", None, 7, ["ingest"], {}])
def test_a_misspelt_scope_opens_nothing_and_costs_nothing(folder: Path, scope: object) -> None:
    """The entry's other scopes count."""
    folder.mkdir(parents=True)
    write(folder, json.dumps([entry("app", scopes=["analytics", scope])]))
    with structlog.testing.capture_logs() as logs:
        assert {Scope.ANALYTICS} == Tokens(folder).principal("Bearer app").scopes
    (line,) = logs
    assert f"entry 1 ('app') names the scope {scope!r}, which opens nothing" in line["error"]


def test_a_token_is_good_until_it_expires(folder: Path) -> None:
    """And not a moment longer."""
    end = datetime(2026, 12, 1, tzinfo=UTC)
    token = issue_token(folder, "app", [Scope.INGEST], expires_at=end)
    now = [end - timedelta(microseconds=1)]
    tokens = Tokens(folder, clock=lambda: now[0])
    assert "app" == tokens.principal(f"Bearer {token}").name
    now[0] = end
    with pytest.raises(Unauthenticated, match="expired at 2026-12-01"):
        tokens.principal(f"Bearer {token}")


def test_a_file_that_is_taken_away_takes_its_tokens_along(folder: Path) -> None:
    """There is nothing broken in that."""
    token = issue_token(folder, "app", [Scope.INGEST])
    tokens = Tokens(folder)
    (folder / "tokens.json").unlink()
    with pytest.raises(Unauthenticated):
        tokens.principal(f"Bearer {token}")


def test_the_operators_token_is_made_again_where_it_opens_nothing(folder: Path) -> None:
    """An empty file, or one that the tokens file does not know."""
    file = ensure_operator_token(folder)
    for spoil in (lambda: file.write_text(""), lambda: write(folder, "[]")):
        spoil()
        token = ensure_operator_token(folder).read_text().strip()
        assert "operator" == Tokens(folder).principal(f"Bearer {token}").name


def test_tokens_issued_at_once_are_all_kept(folder: Path) -> None:
    """Nobody writes over what another has just written."""
    with ThreadPoolExecutor(8) as pool:
        names = [f"app{number}" for number in range(24)]
        issued = list(pool.map(lambda name: issue_token(folder, name, [Scope.INGEST]), names))
    tokens = Tokens(folder)
    assert names == [tokens.principal(f"Bearer {token}").name for token in issued]


def test_a_secret_is_never_readable_by_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while it is being written: what takes the file's place is private already."""
    modes, replace, chmod = [], Path.replace, Path.chmod

    def seen(draft: Path, target: Path) -> Path:
        modes.append(draft.stat().st_mode & 0o777)
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", seen)
    monkeypatch.setattr(Path, "chmod", lambda path, mode: modes.append(mode) or chmod(path, mode))
    ensure_operator_token(folder)
    assert {0o600, 0o700} == set(modes)
