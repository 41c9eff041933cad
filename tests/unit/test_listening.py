"""One rule for everything that listens: loopback, or protected."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from backend.domain.errors import InvalidInput
from backend.listening import host_and_port, is_loopback, require_loopback, require_protection
from cli import main
from client.channel import InsecureChannel, connect
from stack import plan
from stack.stack import Stack
from streaming.sink_metrics import SinkMetrics
from tests.rpc.conftest import services_in_memory

HERE = ["127.0.0.1:8501", "127.0.0.2:1", "localhost:8501", "[::1]:8501"]
ELSEWHERE = [
    "0.0.0.0:8599",
    "[::]:8599",
    "192.168.0.1:8599",
    "example.org:8599",
    "[fe80::1]:8599",
    "127.0.0.1.nip.io:1",
]


@pytest.mark.parametrize(("address", "here"), [(one, True) for one in HERE] + [(one, False) for one in ELSEWHERE])
def test_what_listens_and_what_calls_know_the_same_loopback(address: str, here: bool) -> None:
    """The client, which knows nothing of the backend, sends a token in the open to the same addresses."""
    assert here == is_loopback(host_and_port("x", address)[0])
    if here:
        connect(address, "token").close()
    else:
        with pytest.raises(InsecureChannel):
            connect(address, "token")


@pytest.mark.parametrize(
    "address", ["", "8501", "127.0.0.1", "127.0.0.1:", ":8501", "127.0.0.1:x", "[::1:8501", "a:1/b"]
)
def test_an_address_that_is_none_is_named(address: str) -> None:
    """With its setting and what it should look like."""
    with pytest.raises(InvalidInput, match=r"some_address: .*host:port, such as"):
        require_loopback("some_address", address)


def dashboard(home: Path, address: str) -> None:
    """`segue dashboard`, up to what it says."""
    assert 1 == main.run(["dashboard", "--address", address, "--home", str(home)])
    raise InvalidInput([])


def up(home: Path, **settings: str) -> None:
    """`segue up`, up to the first process."""
    from backend.settings import Settings

    Stack(Settings(home=home, **settings), parts=plan.ALL).start()


def metrics(_home: Path, address: str) -> None:
    """The sink's metrics."""
    with SinkMetrics().served(address):
        pass


def server(home: Path, address: str) -> None:
    """The server itself, over services whose models lie elsewhere."""
    from backend.rpc.server import Server

    with TemporaryDirectory() as elsewhere:
        Server(services_in_memory(Path(elsewhere)), address=address, tokens=home / "tokens")


DOORS: dict[str, Callable[[Path, str], None]] = {
    "segue dashboard": dashboard,
    "segue up, dashboard": lambda home, address: up(home, dashboard_address=address),
    "segue up, server": lambda home, address: up(home, server_address=address),
    "segue up, metrics": lambda home, address: up(home, sink_metrics_address=address),
    "sink": metrics,
    "server": server,
}


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("door", DOORS)
def test_no_door_opens_to_others_without_protection(tmp_path: Path, door: str, address: str) -> None:
    """Whichever command or process would open it; nothing was started."""
    with pytest.raises(InvalidInput):
        DOORS[door](tmp_path / "home", address)
    assert [] == list(tmp_path.iterdir())


def test_parts_that_are_not_started_may_be_anywhere(tmp_path: Path) -> None:
    """A server address is also where clients look."""
    from backend.settings import Settings

    settings: Any = Settings(home=tmp_path, server_address="segue.example.org:443")
    plan.require_private(settings, ["kafka", "dashboard"])
    with pytest.raises(InvalidInput, match="server_address"):
        plan.require_private(settings, ["kafka", "server"])


def test_half_a_tls_pair_is_none(tmp_path: Path) -> None:
    """Both, or none; with both the server may listen anywhere."""
    pair = tmp_path / "tls.crt", tmp_path / "tls.key"
    require_protection("0.0.0.0:50051", *pair)
    for half in ((pair[0], None), (None, pair[1])):
        with pytest.raises(InvalidInput, match="tls_certificate, tls_key"):
            require_protection("127.0.0.1:50051", *half)
