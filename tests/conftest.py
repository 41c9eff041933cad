"""What all tests share: one embedded stack per test session."""

from collections.abc import Iterator

import pytest

from backend.settings import Settings
from cli import options
from stack import jars, plan
from stack.stack import Stack

STACK_PARTS = ("kafka", "mongo", "flink", "server", "sink", "keeper")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the stack, so that `-m "not stack"` leaves out just those."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real parts, all but the dashboard, on a home of their own; started when the first test asks for it."""
    jars.fetch(jars.missing(STACK_PARTS))
    home = tmp_path_factory.mktemp("home")
    settings = options.settings(home, refresh_seconds=2, checkpoint_seconds=3, **plan.free_addresses())
    with Stack(settings, STACK_PARTS) as running:
        yield running


@pytest.fixture(scope="session")
def settings(stack: Stack) -> Settings:
    """The settings by which tests reach the shared stack."""
    return stack.settings
