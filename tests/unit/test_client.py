"""The analytics channel and where it finds its server."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from segue.v1 import analytics_pb2, analytics_pb2_grpc

from client import settings
from client.channel import DEADLINES, InsecureChannel, connect


class _Flaky(analytics_pb2_grpc.AnalyticsServiceServicer):
    """Unavailable once, then well."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], float | None]] = []

    def ListTrends(self, request, context):  # noqa: N802 - named by the contract
        self.calls.append((dict(context.invocation_metadata()), context.time_remaining()))
        if 1 == len(self.calls):
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
        return analytics_pb2.ListTrendsResponse()


@pytest.fixture
def flaky():
    """A server that is unavailable at the first call, and its address."""
    servicer, server = _Flaky(), grpc.server(ThreadPoolExecutor(1))
    analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(0).wait()


def test_a_read_is_sent_again_with_its_token(flaky) -> None:
    """UNAVAILABLE is tried again, and both sends carry the token."""
    servicer, address = flaky
    with connect(address, "secret") as channel:
        analytics_pb2_grpc.AnalyticsServiceStub(channel).ListTrends(analytics_pb2.ListTrendsRequest())
    assert ["Bearer secret"] * 2 == [metadata["authorization"] for metadata, _ in servicer.calls]


def test_a_call_without_a_timeout_gets_the_default(flaky) -> None:
    """The server sees the deadline of the service's default; a caller's own stays."""
    servicer, address = flaky
    with connect(address, "secret") as channel:
        call = analytics_pb2_grpc.AnalyticsServiceStub(channel).ListTrends
        call(analytics_pb2.ListTrendsRequest())
        call(analytics_pb2.ListTrendsRequest(), timeout=2)
    default, own = servicer.calls[1][1], servicer.calls[2][1]
    assert 5 < default < DEADLINES["segue.v1.AnalyticsService"] + 1
    assert own < 3  # gRPC rounds up on the wire


@pytest.mark.parametrize("address", ["example.org:50051", "10.0.0.7:50051", "0.0.0.0:50051"])
def test_a_token_never_travels_in_the_open(address: str) -> None:
    """Beyond loopback a certificate is asked for."""
    with pytest.raises(InsecureChannel, match="certificate"):
        connect(address, "secret")


def test_settings_prefer_arguments_then_environment_then_the_running_stack(tmp_path: Path) -> None:
    """Each fact is looked up by itself, in that order."""
    (tmp_path / "endpoints.json").write_text(json.dumps({"server_address": "127.0.0.1:1", "kafka_servers": "x"}))
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "operator.token").write_text("from-file\n")
    environment = {"SEGUE_HOME": str(tmp_path)}
    found = settings.read(environment=environment)
    assert ("127.0.0.1:1", "from-file") == (found.address, found.token)
    found = settings.read(environment=environment | {"SEGUE_SERVER_ADDRESS": "127.0.0.1:2", "SEGUE_TOKEN": "env"})
    assert ("127.0.0.1:2", "env") == (found.address, found.token)
    found = settings.read(address="127.0.0.1:3", token="flag", environment=environment)
    assert ("127.0.0.1:3", "flag") == (found.address, found.token)


def test_a_missing_token_says_what_to_do(tmp_path: Path) -> None:
    """The sentence names the command and the variable."""
    with pytest.raises(settings.NotConfigured, match=r"segue up.*SEGUE_TOKEN"):
        settings.read(environment={"SEGUE_HOME": str(tmp_path)})


def test_a_broken_endpoints_file_says_which(tmp_path: Path) -> None:
    """The sentence names the file."""
    (tmp_path / "endpoints.json").write_text("{")
    with pytest.raises(settings.NotConfigured, match=r"endpoints\.json"):
        settings.read(token="t", environment={"SEGUE_HOME": str(tmp_path)})


def test_a_token_is_not_in_the_settings_text() -> None:
    """Logs and tracebacks print settings; the secret stays out."""
    assert "hush" not in repr(settings.read(token="hush", environment={}))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("SEGUE_SERVER_ADDRESS", address) for address in ("nonsense", "127.0.0.1", "127.0.0.1:", ":1", "a b:1")),
        *(("SEGUE_TOKEN", token) for token in ("é", "a\nb", "a b", "\udcff")),
        ("SEGUE_TLS_CERTIFICATE", "/nowhere/at/all"),
    ],
)
def test_a_setting_that_cannot_be_one_is_named(variable: str, value: str, tmp_path: Path) -> None:
    """Before a call is made, which would blame the server."""
    fine = {"SEGUE_HOME": str(tmp_path), "SEGUE_SERVER_ADDRESS": "127.0.0.1:1", "SEGUE_TOKEN": "t"}
    assert "t" == settings.read(environment=fine).token
    with pytest.raises(settings.NotConfigured, match=rf"^{variable} .*`"):
        settings.read(environment=fine | {variable: value})
