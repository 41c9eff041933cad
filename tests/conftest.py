"""What all tests share: one embedded stack, and which tests run one after another in the same worker.

`make test` runs several workers (pytest-xdist). All tests on the stack are one group: its worker starts the stack first
of all and keeps it, while the others do the rest. Jobs on Flink in batch mode are another, for its JVM. Otherwise a
file is a group, so that what its tests share is made once; files marked with one `xdist_group` share a process.
"""

from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings

from backend.settings import Settings
from cli import options
from stack import jars, plan
from stack.stack import Stack

# How long an example takes says more of the machine than of the code.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

STACK_PARTS = ("kafka", "mongo", "flink", "server", "sink", "keeper")


SLOW_GROUPS = ("stack", "flink", "spark")
"""Groups that begin first: what takes longest decides when the whole is done."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the stack or an engine on a JVM of their own, and give every test its group."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) or item.get_closest_marker("stack"):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.xdist_group("stack"))
        elif item.path.parent.name == "jobs":
            item.add_marker(pytest.mark.xdist_group("flink"))
        elif item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if item.path.parent.name == "jobs" or "spark" in (item.path.stem.split("_")[-1], *_parameters(item)):
            item.add_marker(pytest.mark.jvm)
    items.sort(key=lambda item: _place(item.get_closest_marker("xdist_group")))


def _parameters(item: pytest.Item) -> list[object]:
    return (
        list(item.callspec.params.values()) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else []
    )


def _place(group: pytest.Mark | None) -> int:
    name = group.args[0] if group else ""
    return SLOW_GROUPS.index(name) if name in SLOW_GROUPS else len(SLOW_GROUPS)


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
