"""Envoy before a real server: JSON, gRPC-Web, and which pages may call."""

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from segue.v1 import recommend_pb2

from backend.domain.errors import InvalidInput
from stack.envoy import configuration
from tests.rpc.conftest import World, running

ORIGIN = "http://localhost:5173"
SIMILAR = "/segue.v1.RecommendService/SimilarTracks"


@dataclass(frozen=True)
class Web:
    """Where Envoy listens, its process, and the server behind it."""

    client: httpx.Client
    process: subprocess.Popen[bytes]
    world: World

    def post(self, body: object, **headers: str) -> httpx.Response:
        """JSON in, JSON out, with the operator's token."""
        return self.client.post(SIMILAR, json=body, headers={"authorization": self.authorization} | headers)

    @property
    def authorization(self) -> str:
        return "Bearer " + (self.world.tokens / "operator.token").read_text().strip()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server and Envoy as an operator starts it."""
    home, address = tmp_path_factory.mktemp("home"), f"127.0.0.1:{_free_port()}"
    with running(home, with_model=True) as world:
        told = {"SEGUE_HOME": str(home), "SEGUE_SERVER_ADDRESS": f"127.0.0.1:{world.server.port}"}
        process = subprocess.Popen([sys.executable, "-m", "stack.envoy", address, ORIGIN], env={**os.environ, **told})
        with httpx.Client(base_url=f"http://{address}") as client:
            try:
                _await(client, process)
                yield Web(client, process, world)
            finally:
                process.terminate()
                process.wait(10)


def _await(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.get("/")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"Envoy does not answer: {process.poll()}")


def test_json_is_answered_as_json(web: Web) -> None:
    """Fields by the names that the contract has."""
    answer = web.post({"track_id": "t1", "page_size": 3})
    tracks: list[dict[str, Any]] = answer.json()["tracks"]
    assert (200, 3) == (answer.status_code, len(tracks))
    assert {"techno"} == {track["title"].split()[0] for track in tracks}


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [({"track_id": "no-such"}, 404, "no-such"), ({"track_id": "t1", "page_size": 900}, 400, "page_size")],
)
def test_a_failure_is_json_that_says_what_is_wrong(web: Web, body: object, status: int, word: str) -> None:
    """As the server says it, and with the status that HTTP has for it."""
    answer = web.post(body)
    assert (status, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert word in str(answer.json())


def test_a_token_is_asked_for(web: Web) -> None:
    """Envoy adds none of its own."""
    assert 401 == web.post({"track_id": "t1"}, authorization="").status_code
    assert 401 == web.post({"track_id": "t1"}, authorization="Bearer unknown").status_code


def test_grpc_web_is_answered(web: Web) -> None:
    """A message in a frame, then the trailers in one, as browsers read them."""
    body = recommend_pb2.SimilarTracksRequest(track_id="t1", page_size=3).SerializeToString()
    headers = {"authorization": web.authorization, "content-type": "application/grpc-web+proto", "origin": ORIGIN}
    answer = web.client.post(SIMILAR, content=struct.pack(">BI", 0, len(body)) + body, headers=headers)
    size = struct.unpack(">I", answer.content[1:5])[0]
    message, trailers = answer.content[5 : 5 + size], answer.content[5 + size :]
    assert 3 == len(recommend_pb2.SimilarTracksResponse.FromString(message).tracks)
    assert (0x80, True) == (trailers[0], b"grpc-status:0" in trailers)
    assert ORIGIN == answer.headers["access-control-allow-origin"]


def test_only_named_pages_may_call(web: Web) -> None:
    """A browser asks first; another page hears nothing that would let it go on."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    ours = web.client.options(SIMILAR, headers={"origin": ORIGIN, **asked})
    other = web.client.options(SIMILAR, headers={"origin": "http://evil.example", **asked})
    assert "authorization" in ours.headers["access-control-allow-headers"]
    assert [] == [name for name in other.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("address", "server", "origin"),
    [
        ("0.0.0.0:8080", "127.0.0.1:1", ORIGIN),
        ("127.0.0.1:8080", "10.0.0.7:1", ORIGIN),
        ("127.0.0.1:8080", "127.0.0.1:1", "*"),
        ("127.0.0.1:8080", "127.0.0.1:1", f"{ORIGIN}/page"),
    ],
)
def test_what_would_open_too_much_is_refused(address: str, server: str, origin: str) -> None:
    """Addresses beyond this machine, and origins that are none."""
    with pytest.raises(InvalidInput, match=r"address|origin"):
        configuration(address, [origin], server_address=server, descriptors=Path("contract.binpb"))
