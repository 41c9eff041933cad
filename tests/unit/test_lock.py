"""Locks hold between processes, and go with the process that held them."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend.domain.errors import Unavailable
from backend.settings import Settings
from training.publishing.lock import pointer_lock, training_lock
from training.wiring import lock_folder

HOLD = (
    "import sys, time; from pathlib import Path; from training.publishing.lock import {name}\n"
    "with {name}(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
)


def holder(folder: Path, name: str) -> subprocess.Popen[str]:
    """A process that holds the lock by now. Kill it and wait for it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(name=name), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "held\n" == process.stdout.readline()
    return process


def test_two_processes_never_train_at_once(tmp_path: Path) -> None:
    """The second is told to wait; a killed holder leaves nothing behind; the pointer can be moved meanwhile."""
    with holder(tmp_path, "training_lock") as process:
        try:
            with pytest.raises(Unavailable, match=r"another training is under way.*try again"), training_lock(tmp_path):
                pass
            with pointer_lock(tmp_path, seconds=0):
                pass
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
    with training_lock(tmp_path):
        pass


def test_a_promotion_waits_for_another_but_not_for_ever(tmp_path: Path) -> None:
    """Pointer moves come one after the other."""
    with holder(tmp_path, "pointer_lock") as process:
        try:
            with pytest.raises(Unavailable, match="another promotion"), pointer_lock(tmp_path, seconds=0.2):
                pass
        finally:
            process.kill()
            process.wait(timeout=10)
    with pointer_lock(tmp_path, seconds=5):
        pass


def test_homes_that_publish_to_one_place_share_its_locks(tmp_path: Path) -> None:
    """Two machines' homes, one models_url, one tenant: one lock."""
    url = (tmp_path / "models").as_uri()
    one, two = (Settings(home=tmp_path / name, models_url=url) for name in ("one", "two"))
    assert tmp_path / "models" / "segue" == lock_folder(one) == lock_folder(two)
    assert lock_folder(one) != lock_folder(one.model_copy(update={"tenant": "other"}))
