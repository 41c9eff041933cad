"""What all tests share: one embedded stack, and which tests run one after another in the same worker.

`make test` runs several workers (pytest-xdist). All tests on the stack are one group: its worker starts the stack first
of all and keeps it, while the others do the rest. Jobs on Flink in batch mode are another, for its JVM. Otherwise a
file is a group, so that what its tests share is made once; files marked with one `xdist_group` share a process. Within
a group the faults come last: nobody who would mind comes after.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from backend.settings import Settings
from cli import options
from stack import jars, plan
from stack.stack import Stack
from tests.small_disk import NoDisk, own_disk

# How long an example takes says more of the machine than of the code.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

STACK_PARTS = ("kafka", "mongo", "flink", "server", "sink", "keeper")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make faults` says of tests/faults."""
    group = parser.getgroup("faults", "tests/faults")
    group.addoption("--dose", type=int, default=1, help="How many times the short form of each fault.")
    group.addoption("--seed", type=int, default=None, help="What faults are drawn from; drawn itself where not given.")
    group.addoption("--figures", type=Path, default=None, help="File that takes what was seen, a line of JSON a row.")


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed once, before there are workers."""
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(10**6)


def pytest_report_header(config: pytest.Config) -> str:
    """By which a run of the faults can be had again."""
    return f"faults: --dose {config.option.dose} --seed {config.option.seed}"


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
    items.sort(key=lambda item: (_place(item.get_closest_marker("xdist_group")), item.path.parent.name == "faults"))


def _parameters(item: pytest.Item) -> list[object]:
    return (
        list(item.callspec.params.values()) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else []
    )


def _place(group: pytest.Mark | None) -> int:
    name = group.args[0] if group else ""
    return SLOW_GROUPS.index(name) if name in SLOW_GROUPS else len(SLOW_GROUPS)


STACK_MEGABYTES = 1_500
"""Of the shared stack's disk: several times what it writes, and soon filled (tests/faults/test_room.py)."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real parts, all but the dashboard, on a home of their own; started when the first test asks for it.

    The home has a disk of its own where one may be mounted.
    """
    jars.fetch(jars.missing(STACK_PARTS))
    with ExitStack() as keep:
        try:
            home = keep.enter_context(own_disk(STACK_MEGABYTES)) / "home"
        except NoDisk:
            home = tmp_path_factory.mktemp("home")
        settings = options.settings(home, refresh_seconds=2, checkpoint_seconds=3, **plan.free_addresses())
        yield keep.enter_context(Stack(settings, STACK_PARTS))


@pytest.fixture(scope="session")
def settings(stack: Stack) -> Settings:
    """The settings by which tests reach the shared stack."""
    return stack.settings
