"""Files and folders that appear whole, and for whom."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.files import only_one, private_folder, whole_folder, write_whole


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """An umask that takes nothing away, so that what is private is so by our doing."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(root: Path) -> dict[str, str]:
    """Each file's and folder's mode below `root`, in octal."""
    return {str(path.relative_to(root)): f"{path.stat().st_mode & 0o777:o}" for path in root.rglob("*")}


def test_folders_are_made_for_their_owner(tmp_path: Path) -> None:
    """Each that was missing; one that is there stays as it is."""
    (tmp_path / "there").mkdir(mode=0o755)
    private_folder(tmp_path / "there/a/b")
    with whole_folder(tmp_path / "whole"), only_one(tmp_path / "locks/lock", held="held"):
        pass
    expected = {"there": "755", "there/a": "700", "there/a/b": "700", "whole": "700", "locks": "700"}
    assert expected | {"locks/lock": "600"} == modes(tmp_path)


def test_a_file_has_the_mode_it_was_given(tmp_path: Path) -> None:
    """Its owner's alone where nothing is said."""
    write_whole(tmp_path / "open", "text", mode=0o644)
    write_whole(tmp_path / "secret", b"text")
    assert {"open": "644", "secret": "600"} == modes(tmp_path)
