"""The choice of ports."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.domain.errors import SegueError
from backend.settings import ENDPOINTS_FILE, Settings
from stack import plan, ports


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Another program that listens on some loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_same_ports_again_after_a_restart(tmp_path: Path) -> None:
    """What was chosen once is chosen again while it is free."""
    assert ports.choose(tmp_path, {}) == ports.choose(tmp_path, {})


def test_remembered_port_that_is_taken_is_replaced(tmp_path: Path, listener: socket.socket) -> None:
    """A remembered port that another program holds now gives way to a free one."""
    taken = listener.getsockname()[1]
    (tmp_path / ports.PORTS_FILE).write_text(f'{{"kafka": {taken}}}')

    chosen = ports.choose(tmp_path, {})["kafka"]

    assert chosen != taken
    assert ports.is_free(chosen)


def test_configured_port_is_taken_as_it_is(tmp_path: Path) -> None:
    """A configured port wins over the usual and the remembered one."""
    (tmp_path / ports.PORTS_FILE).write_text('{"server": 29998}')
    wanted = ports.free_port(set(), random.Random(7))

    assert wanted == ports.choose(tmp_path, {"server": wanted})["server"]


def test_configured_port_that_is_taken_is_an_error(tmp_path: Path, listener: socket.socket) -> None:
    """The error names the port, the setting, and how to find who holds it."""
    taken = listener.getsockname()[1]

    with pytest.raises(SegueError, match=f"port {taken} of server_address.*ss -ltnp"):
        ports.choose(tmp_path, {"server": taken})


def test_no_two_parts_share_a_port(tmp_path: Path) -> None:
    """Even where a configured port is another part's usual one."""
    wanted = ports.USUAL["mongo"] if ports.is_free(ports.USUAL["mongo"]) else ports.free_port(set(), random.Random(1))

    chosen = ports.choose(tmp_path, {"kafka": wanted})

    assert len(ports.NAMES) == len(set(chosen.values()))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_what_a_stack_noted_and_somebody_broke_is_passed_over(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Addresses and ports are found again as at a first start; the log names the file."""
    for name in (ports.PORTS_FILE, ENDPOINTS_FILE):
        (tmp_path / name).write_bytes(content)
    assert Settings.model_fields["store_url"].default == Settings(home=tmp_path).store_url
    assert {} == plan.last_endpoints(tmp_path)
    assert set(ports.NAMES) == ports.choose(tmp_path, {}).keys()
    assert f"{ENDPOINTS_FILE} is broken" in caplog.text
