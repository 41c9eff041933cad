"""What the fault tests share: dose, seed and figures of the command line, a load on the shared stack."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.settings import Settings
from tests.faults.figures import Figures, Row
from tests.faults.hurt import await_checkpoint_after
from tests.faults.ledger import Ledger
from tests.faults.load import Load, Shape

Loaded = Callable[..., AbstractContextManager[Load]]


@pytest.fixture(scope="session")
def dose(pytestconfig: pytest.Config) -> int:
    """How many times the short form."""
    return int(pytestconfig.getoption("dose"))


def rounds(dose: int, *, seconds: float) -> Iterator[int]:
    """As many rounds as the dose says, but none begins after `seconds` for each of them: a slow machine does fewer.

    What was done, not what was asked for, is what a row says.
    """
    until = time.monotonic() + dose * seconds
    for nth in range(dose):
        if nth and time.monotonic() > until:
            return
        yield nth


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """Decides what is drawn; printed at the top of a run and in every row."""
    return int(pytestconfig.getoption("seed"))


@pytest.fixture(scope="session")
def commit() -> str:
    """The commit of this folder, and whether files differ from it; "" where it is no clone."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture
def figures(request: pytest.FixtureRequest, pytestconfig: pytest.Config, seed: int, commit: str) -> Iterator[Figures]:
    """Takes the rows that a test saw; one that broke off before it had any leaves a row that says so."""
    file: Path | None = pytestconfig.getoption("figures")
    test = request.node.nodeid.rpartition("tests/")[2]
    figures = Figures(file, test=test, seed=seed, at=f"{datetime.now(UTC):%Y-%m-%d %H:%M}", commit=commit)
    yield figures
    if not figures.rows:
        figures.add(
            Row(id="?", fault=request.node.name, dose="", reach="", seen="broke off without figures", held=False)
        )


@pytest.fixture(scope="session")
def live(settings: Settings) -> None:
    """The live jobs have saved their state once: a stack that has just started is not hurt before it runs."""
    await_checkpoint_after(settings, time.time(), seconds=600)


@pytest.fixture
def loaded(live: None, settings: Settings, tmp_path: Path, seed: int) -> Loaded:
    """A load on the shared stack, as a context: it plays until the end, and then sends until all is confirmed."""

    @contextmanager
    def running(name: str, shape: Shape | None = None) -> Iterator[Load]:
        with Ledger(tmp_path / f"{name}.ledger") as ledger:
            load = Load(settings, ledger, name=f"{name}-{seed}", seed=seed, shape=shape)
            load.start()
            try:
                yield load
            finally:
                load.stop()

    return running
