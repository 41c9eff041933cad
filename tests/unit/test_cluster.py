"""What Flink's REST address answers, refuses, or does not answer, against a server on loopback."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backend.domain.errors import Unavailable
from stack import flink
from streaming import gateway
from streaming.cluster import Cluster, Job

RESULT = "/v3/sessions/s/operations"
GATEWAY: dict[str, tuple[int, str]] = {
    "POST /v3/sessions": (200, json.dumps({"sessionHandle": "s"})),
    "POST /v3/sessions/s/statements": (200, json.dumps({"operationHandle": "o"})),
    f"GET {RESULT}/o/result/0?rowFormat=JSON": (200, json.dumps({"resultType": "EOS", "jobID": "a7"})),
    "DELETE /v3/sessions/s": (200, json.dumps({"status": "CLOSED"})),
}
ANSWERS: dict[str, tuple[int, str]] = {
    "GET /overview": (200, json.dumps({"taskmanagers": 1})),
    "PATCH /jobs/a?mode=cancel": (202, ""),
    "POST /jobs/a/stop": (400, json.dumps({"errors": ["No such job\n\tat a.B.c(B.java:1)", "", "really"]})),
    "GET /jobs/a/exceptions": (502, "<html>gateway</html>"),
    "GET /moved": (307, ""),
    "GET /words": (200, "no JSON"),
    "GET /nowhere?/overview": (404, ""),
    **GATEWAY,
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

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Cluster(url, url)
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


def test_a_job_that_is_only_just_starting_has_no_checkpoints_yet(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flink 2.3 answers 500 then, in these words; any other refusal is one, told by the error on its side."""
    answers = {
        "GET /jobs/a": {"vertices": []},
        "GET /jobs/a/metrics?get=numRestarts": [],
        "GET /jobs/a/exceptions?maxExceptions=1": {"exceptionHistory": {"entries": []}},
    }
    for asked, answer in answers.items():
        monkeypatch.setitem(ANSWERS, asked, (200, json.dumps(answer)))
    said = (
        "<Exception on server side:\no.a.f.UnavailableDispatcherOperationException: Unable to get JobMasterGateway {}."
    )
    job = Job("a", "t.archive", "INITIALIZING", datetime.now(UTC))
    for state, refuses in (("for initializing job", False), ("of a job that is lost", True)):
        errors = ["Internal server error.", said.format(state) + "\n\tat o.a.f.Dispatcher.ask(Dispatcher.java:1)"]
        monkeypatch.setitem(ANSWERS, "GET /jobs/a/checkpoints", (500, json.dumps({"errors": errors})))
        if refuses:
            with pytest.raises(Unavailable, match=r"error.; o.a.f.Unavailable\S+: Unable to get .* of a job"):
                cluster.health(job)
        else:
            assert (0, None) == (cluster.health(job).checkpoints, cluster.health(job).checkpoint)


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


def test_statements_run_in_a_session_of_their_own(cluster: Cluster, asked: list[tuple[str, str]]) -> None:
    """In order, for the cluster that the session names; the session is closed, the last one's job is told."""
    assert "a7" == gateway.run(cluster, ["SET 'a' = 'b'", "EXECUTE PLAN 'p'"])
    (first, opened), *_, (last, _) = asked
    assert ("POST /v3/sessions", "DELETE /v3/sessions/s") == (first, last)
    port = cluster.url.rpartition(":")[2]
    told = {"execution.target": "remote", "rest.address": "127.0.0.1", "rest.port": port}
    assert told == json.loads(opened)["properties"]
    said = [json.loads(body)["statement"] for what, body in asked if what.endswith("/statements")]
    assert ["SET 'a' = 'b'", "EXECUTE PLAN 'p'"] == said


def test_what_the_gateway_refuses_is_told_in_flinks_words(
    cluster: Cluster, asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The causes, and none of the places in the code; no statement after it is run, and the session is closed."""
    trace = "o.a.f.SqlGatewayException: Failed\n\tat x.Y.z(Y.java:1)\nCaused by: ValidationException: No table `t`"
    refused = (500, json.dumps({"errors": ["Internal server error.", trace]}))
    monkeypatch.setitem(ANSWERS, f"GET {RESULT}/o/result/0?rowFormat=JSON", refused)
    with pytest.raises(Unavailable, match=r"(?s)Failed.*Caused by: ValidationException: No table `t`$") as raised:
        gateway.run(cluster, ["INSERT INTO t SELECT 1", "never"])
    assert "Y.java" not in str(raised.value)
    assert "DELETE /v3/sessions/s" == asked[-1][0]
    assert not any("never" in body for _, body in asked)


def test_a_job_that_is_not_submitted_in_time_is_no_job(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a script that submits none."""
    monkeypatch.setitem(ANSWERS, f"GET {RESULT}/o/result/0?rowFormat=JSON", (200, '{"resultType": "NOT_READY"}'))
    with pytest.raises(Unavailable, match="has not submitted the job in time"):
        gateway.run(cluster, ["EXECUTE PLAN 'p'"], timeout_seconds=0.3)
    monkeypatch.setitem(ANSWERS, f"GET {RESULT}/o/result/0?rowFormat=JSON", (200, '{"resultType": "PAYLOAD"}'))
    with pytest.raises(Unavailable, match="submitted no job"):
        gateway.run(cluster, ["CREATE TABLE t (a INT)"])


def test_a_gateway_that_is_not_there_names_the_setting() -> None:
    """With the next step."""
    with pytest.raises(Unavailable, match=r"127.0.0.1:9: .*flink_sql_url"):
        gateway.run(Cluster("http://127.0.0.1:9", "http://127.0.0.1:9"), ["SELECT 1"])


def test_a_login_in_the_gateways_address_is_not_told() -> None:
    """As none in the cluster's is."""
    with pytest.raises(Unavailable) as raised:
        gateway.run(Cluster("http://127.0.0.1:9", "http://bob:h0rse@127.0.0.1:9"), ["SELECT 1"])
    assert "h0rse" not in str(raised.value)
