"""Tokens of an issuer, rates and request ids through a real server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend.rpc.auth import Scope, issue_token
from backend.rpc.call import REQUEST_ID
from backend.rpc.issued import Claims, IssuedTokens
from backend.rpc.issuer_keys import IssuerKeys
from backend.rpc.issuer_source import keys_of
from backend.rpc.rates import BURST_SECONDS, Buckets, Rates
from backend.rpc.server import Server
from client.channel import _Defaults, connect
from tests.issuer_double import AUDIENCE, issuer
from tests.rpc.conftest import services_in_memory
from tests.rpc.test_recommend import until


@contextmanager
def served(home: Path, **rules: Any) -> Iterator[str]:
    """The address of a server with these rules."""
    services = services_in_memory(home)
    server = Server(services, address="127.0.0.1:0", tokens=home / "tokens", **rules)
    services.start()
    server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.stop()
        services.close()


def recommend(channel: grpc.Channel, listener: str, **details: Any) -> Any:
    """The call itself, for what came with its answer."""
    stub = recommend_pb2_grpc.RecommendServiceStub(channel)
    return stub.Recommend.with_call(recommend_pb2.RecommendRequest(listener_id=listener), **details)


def code(channel: grpc.Channel, listener: str) -> grpc.StatusCode:
    """How a call ends."""
    asked = recommend_pb2.RecommendRequest(listener_id=listener)
    ended: grpc.StatusCode = recommend_pb2_grpc.RecommendServiceStub(channel).Recommend.future(asked).code()
    return ended


@contextmanager
def impatient(address: str, token: str) -> Iterator[grpc.Channel]:
    """A channel that sends no call again: ours waits for as long as the server says."""
    with grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel:
        yield grpc.intercept_channel(channel, _Defaults(token))


def test_an_issuers_token_opens_its_listeners_data_only(tmp_path: Path) -> None:
    """With the scope that its claims carry; the tokens of the home go on beside it."""
    with issuer() as double:
        claims = Claims(issuer=double.url, audience=AUDIENCE)
        keys = IssuerKeys(keys_of(double.url, ""), claims.algorithms)
        with served(tmp_path, issued=IssuedTokens(claims, keys)) as address:
            until(lambda: len(keys) == 1)
            own = issue_token(tmp_path / "tokens", "app", [Scope.RECOMMEND])
            expected = {
                double.token(scope="segue:recommend"): (grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED),
                double.token(scope="segue:ingest"): (grpc.StatusCode.PERMISSION_DENIED,) * 2,
                double.token(scope="segue:recommend", aud="other"): (grpc.StatusCode.UNAUTHENTICATED,) * 2,
                own: (grpc.StatusCode.OK, grpc.StatusCode.OK),
            }
            for token, codes in expected.items():
                with connect(address, token) as channel:
                    assert codes == (code(channel, "ann"), code(channel, "bob"))


def test_a_caller_hears_when_they_may_call_again(tmp_path: Path) -> None:
    """Ten seconds' worth of calls at once and no more; another token has a bucket of its own."""
    with served(tmp_path, rates=Rates(per_token=0.5)) as address:
        tokens = [issue_token(tmp_path / "tokens", name, [Scope.RECOMMEND]) for name in ("eager", "calm")]
        with impatient(address, tokens[0]) as eager, impatient(address, tokens[1]) as calm:
            codes = [code(calm, "ann")]
            for _ in range(int(0.5 * BURST_SECONDS)):
                recommend(eager, "ann")
            with pytest.raises(grpc.RpcError) as caught:
                recommend(eager, "ann")
            assert [grpc.StatusCode.OK] == codes
            assert grpc.StatusCode.OK == code(calm, "ann")
    status = rpc_status.from_call(caught.value)
    assert status is not None
    told = {detail.TypeName(): detail for detail in status.details}
    reason, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert told["google.rpc.ErrorInfo"].Unpack(reason)
    assert told["google.rpc.RetryInfo"].Unpack(retry)
    assert "RATE_EXCEEDED" == reason.reason
    assert 0 < retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9 <= 3


def test_all_tokens_of_a_listener_share_one_bucket(tmp_path: Path) -> None:
    """A second token makes nobody's calls more."""
    with served(tmp_path, rates=Rates(per_listener=0.1)) as address:
        tokens = [issue_token(tmp_path / "tokens", name, [Scope.RECOMMEND], listener_id="ann") for name in ("a", "b")]
        with impatient(address, tokens[0]) as first, impatient(address, tokens[1]) as second:
            recommend(first, "ann")
            with pytest.raises(grpc.RpcError) as caught:
                recommend(second, "ann")
    assert isinstance(caught.value, grpc.Call)
    assert "this listener may make" in (caught.value.details() or "")


def test_buckets_fill_with_time_and_are_bounded_in_number() -> None:
    """Whoever asked longest ago is forgotten, and begins with a full one."""
    now = 0.0
    buckets = Buckets(1.0, burst_seconds=2, most=2, clock=lambda: now)
    assert [0.0, 0.0, 1.0] == [buckets.take("a") for _ in range(3)]
    now = 1.0
    assert [0.0, 1.0] == [buckets.take("a") for _ in range(2)]
    assert [0.0, 0.0] == [buckets.take(one) for one in "bc"]
    assert 2 == len(buckets)
    assert 0.0 == buckets.take("a")


@pytest.mark.parametrize(("given", "kept"), [("order-17", True), ("two words", False), ("x" * 65, False)])
def test_a_request_id_is_in_log_and_trailer(tmp_path: Path, given: str, kept: bool) -> None:
    """The caller's own where it is one, else one of ours; of a refused call, too."""
    with served(tmp_path) as address:
        token = issue_token(tmp_path / "tokens", "app", [Scope.RECOMMEND])
        with connect(address, token) as channel, structlog.testing.capture_logs() as logs:
            _, call = recommend(channel, "ann", metadata=((REQUEST_ID, given),))
            with pytest.raises(grpc.RpcError) as caught:
                recommend(channel, "not an id", metadata=((REQUEST_ID, given),))
    assert isinstance(caught.value, grpc.Call)
    ids = [dict(one.trailing_metadata())[REQUEST_ID] for one in (call, caught.value)]
    assert ids == [line["request_id"] for line in logs if line["event"] == "call"]
    assert kept is (ids == [given, given])
