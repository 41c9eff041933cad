"""Tokens that are bound to listeners, as an erasure takes them away and an export tells of them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.domain.errors import InvalidInput, Unavailable
from backend.ports.tokens import BoundToken
from backend.rpc.auth import Scope, issue_token
from backend.rpc.bound_tokens import FolderBoundTokens
from backend.rpc.token_file import FILE

END = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tokens of ann, one of bob, one of nobody in particular."""
    folder = tmp_path / "tokens"
    issue_token(folder, "phone", [Scope.INGEST, Scope.RECOMMEND], listener_id="ann", expires_at=END)
    issue_token(folder, "web", [], listener_id="ann")
    issue_token(folder, "bobs", [Scope.INGEST], listener_id="bob")
    issue_token(folder, "app", [Scope.INGEST])
    return folder


def names(folder: Path) -> list[object]:
    """Those in the file, as they stand there."""
    return [entry.get("name") for entry in json.loads((folder / FILE).read_text())]


def is_ann(listener_id: str) -> bool:
    """Whose tokens are meant."""
    return listener_id == "ann"


def test_a_listeners_tokens_are_told_without_any_secret(folder: Path) -> None:
    """Name, scopes and end."""
    expected = [
        BoundToken(name="phone", scopes=("ingest", "recommend"), expires_at=END),
        BoundToken(name="web", scopes=(), expires_at=None),
    ]
    assert expected == FolderBoundTokens(folder).of(is_ann)


def test_a_listeners_tokens_are_taken_away(folder: Path) -> None:
    """All of theirs and nobody else's; again there are none."""
    assert [2, 0] == [FolderBoundTokens(folder).revoke(is_ann) for _ in range(2)]
    assert ["bobs", "app"] == names(folder)


def test_an_entry_that_is_wrong_goes_where_it_names_the_listener(folder: Path) -> None:
    """It holds the id, whatever else it lacks; what else is wrong in the file stays to be mended."""
    file = folder / FILE
    wrong = [{"listener_id": "ann"}, {"listener_id": 7}, "no entry", {"listener_id": "bob", "name": ""}]
    file.write_text(json.dumps([*json.loads(file.read_text()), *wrong]))
    assert 3 == FolderBoundTokens(folder).revoke(is_ann)
    assert wrong[1:] == json.loads(file.read_text())[2:]


def test_where_there_is_no_file_there_are_no_tokens(tmp_path: Path) -> None:
    """And none is made."""
    assert 0 == FolderBoundTokens(tmp_path / "tokens").revoke(is_ann)
    assert [] == FolderBoundTokens(tmp_path / "tokens").of(is_ann)
    assert not (tmp_path / "tokens" / FILE).exists()


def test_a_file_that_cannot_be_used_is_an_error_of_ours(folder: Path, tmp_path: Path) -> None:
    """Broken: its owner must mend it; not to be had: a retry may help."""
    (folder / FILE).write_text("{")
    for use in (FolderBoundTokens(folder).of, FolderBoundTokens(folder).revoke):
        with pytest.raises(InvalidInput):
            use(is_ann)
    (tmp_path / "file").touch()
    for use in (FolderBoundTokens(tmp_path / "file").of, FolderBoundTokens(tmp_path / "file").revoke):
        with pytest.raises(Unavailable, match="tokens file"):
            use(is_ann)
