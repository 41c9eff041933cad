"""Tokens and what they open."""

from pathlib import Path

import pytest

from backend.domain.errors import PermissionRefused, Unauthenticated
from backend.rpc.auth import Principal, Scope, Tokens, ensure_operator_token, issue_token


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
    """Every scope; only its owner can read it."""
    file = ensure_operator_token(folder)
    token = file.read_text().strip()
    assert file == ensure_operator_token(folder)
    assert token == file.read_text().strip()
    assert frozenset(Scope) == Tokens(folder).principal(f"Bearer {token}").scopes
    assert {0o600} == {one.stat().st_mode & 0o777 for one in folder.iterdir()}


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
