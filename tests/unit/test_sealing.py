"""The secret by which listeners are known, as a file."""

import stat
from contextlib import closing
from pathlib import Path

import pytest

from backend import wiring
from backend.domain.errors import InvalidInput
from backend.sealing import LEAST_SECRET_BYTES, ensure_secret
from backend.settings import Settings


def opened(settings: Settings) -> None:
    """As a server does at its start; nothing is connected to."""
    with closing(wiring.store(settings)) as store:
        wiring.identities(settings, store)


def test_a_secret_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    """A second start finds the first one's."""
    file = tmp_path / "identity" / "secret"
    ensure_secret(file)
    made = file.read_text()
    ensure_secret(file)
    assert made == file.read_text()
    assert len(made.strip()) >= LEAST_SECRET_BYTES
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def test_a_lost_secret_is_told_and_no_other_takes_its_place(tmp_path: Path) -> None:
    """Another would make strangers of all listeners; who wants that says so."""
    file = tmp_path / "identity" / "secret"
    ensure_secret(file)
    file.unlink()
    for _ in range(2):
        with pytest.raises(InvalidInput, match="is gone, by which listeners are known: put it back from your copy"):
            opened(Settings(home=tmp_path))
        assert not file.exists()
    (tmp_path / "identity" / "secret.made").unlink()
    ensure_secret(file)
    assert file.exists()


def test_a_short_secret_names_its_file_and_what_makes_a_longer_one(tmp_path: Path) -> None:
    """As whoever wrote it by hand needs to hear."""
    file = tmp_path / "short"
    file.write_text("too short")
    settings = Settings(home=tmp_path, identity_secret_file=file)
    with pytest.raises(InvalidInput, match=f"at least 32 characters.*{file}.*openssl rand"):
        opened(settings)
