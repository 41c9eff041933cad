"""What Flink's REST address answers, refuses, or does not answer, against a server on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backend.domain.errors import Unavailable
from stack import flink
from streaming.cluster import Cluster

ANSWERS: dict[str, tuple[int, str]] = {
    "GET /overview": (200, json.dumps({"taskmanagers": 1})),
    "PATCH /jobs/a?mode=cancel": (202, ""),
    "POST /jobs/a/stop": (400, json.dumps({"errors": ["No such job\n\tat a.B.c(B.java:1)", "", "really"]})),
    "GET /jobs/a/exceptions": (502, "<html>gateway</html>"),
    "GET /moved": (307, ""),
    "GET /words": (200, "no JSON"),
    "GET /nowhere?/overview": (404, ""),
}


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    """Requests and their bodies, in order."""
    return []


@pytest.fixture
def cluster(asked: list[tuple[str, str]]) -> Iterator[Cluster]:
    """A server with ANSWERS."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            asked.append((f"{self.command} {self.path}", body))
            status, text = ANSWERS[f"{self.command} {self.path}"]
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Location", "/overview")
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Cluster(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def test_an_answer_is_decoded_and_none_is_empty(cluster: Cluster) -> None:
    """Flink answers some calls with nothing."""
    assert {"taskmanagers": 1} == cluster.request("/overview")
    assert {} == cluster.request("/jobs/a?mode=cancel", method="PATCH")


def test_a_refusal_carries_flinks_words(cluster: Cluster, asked: list[tuple[str, str]]) -> None:
    """The first line of each of its errors; where it names none, the status and what it said."""
    with pytest.raises(Unavailable, match=r"^Flink refuses POST /jobs/a/stop: No such job; really$"):
        cluster.request("/jobs/a/stop", method="POST", body={"drain": False})
    assert {"drain": False} == json.loads(asked[0][1])
    with pytest.raises(Unavailable, match="502 Bad Gateway: <html>gateway</html>"):
        cluster.request("/jobs/a/exceptions")


def test_a_redirect_is_not_followed(cluster: Cluster, asked: list[tuple[str, str]]) -> None:
    """Only the operator's address is asked."""
    with pytest.raises(Unavailable, match="307 Temporary Redirect"):
        cluster.request("/moved")
    assert [("GET /moved", "")] == asked


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "nonsense", "http://127.0.0.1:70000"])
def test_nobody_there_is_unavailable_with_the_address(address: str) -> None:
    """Also where the address is none."""
    with pytest.raises(Unavailable, match=f"does not answer at {address}/overview"):
        Cluster(address).request("/overview")


def test_a_login_in_the_address_is_not_told() -> None:
    """Nor in the driver's own words."""
    with pytest.raises(Unavailable, match="does not answer at http://…@127") as caught:
        Cluster("http://bob:h0rse@127.0.0.1:9").request("/overview")
    assert "h0rse" not in str(caught.value)


def test_an_answer_that_is_no_json_is_unavailable(cluster: Cluster) -> None:
    """Something else listens there."""
    with pytest.raises(Unavailable, match="does not answer at"):
        cluster.request("/words")


def test_the_stacks_check_counts_task_managers(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback, past any proxy that the environment names."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert "" == flink.check(cluster.url, task_managers=1)
    with pytest.raises(Unavailable, match="has not registered"):
        flink.check(cluster.url, task_managers=2)
    with pytest.raises(Unavailable, match="does not answer"):
        flink.overview(f"{cluster.url}/nowhere?")
