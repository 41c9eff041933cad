"""Requests and connections of somebody who means no good, against the server of the shared stack."""

import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import quantiles

import grpc
import psutil
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from segue.v1 import ingest_pb2, ingest_pb2_grpc, play_pb2, recommend_pb2, recommend_pb2_grpc

from backend.settings import Settings
from cli import reach
from client.channel import connect
from stack.services import port_of
from stack.stack import Stack
from tests.faults.figures import Figures, Row
from tests.ingest_server import ScriptedServer, serving
from tests.rpc.test_access import METHODS
from tests.rpc.test_extremes import extremes, fill, leaves, with_value

BREAKS = {"INTERNAL", "UNKNOWN"}
INNER = re.compile(r'Traceback|File "|Error\(|Exception| at 0x[0-9a-f]+')
"""What only a program's own text holds."""


def operator(settings: Settings) -> str:
    """The header of a token that may do everything."""
    return f"Bearer {(settings.tokens / 'operator.token').read_text().strip()}"


def ask(channel: grpc.Channel, method: MethodDescriptor, data: bytes, bearer: str) -> tuple[str, str]:
    """How a call with these bytes ends: code and text. Of a stream, whether there is a first message at once."""
    name = f"/{method.containing_service.full_name}/{method.name}"
    metadata = (("authorization", bearer),)
    try:
        if method.server_streaming:
            stream = channel.unary_stream(name)(data, metadata=metadata, timeout=1)
            next(stream)
            stream.cancel()
        else:
            channel.unary_unary(name)(data, metadata=metadata, timeout=10)
    except grpc.RpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""


def structured(method: MethodDescriptor, chance: random.Random) -> bytes:
    """A sound request with some fields at their extremes, some bytes of it flipped now and then."""
    kind = GetMessageClass(method.input_type)
    request: Message = fill(kind())
    fields = list(leaves(method.input_type))
    data = request.SerializeToString()
    for path, field in chance.sample(fields, min(len(fields), chance.randrange(4))):
        data = with_value(request, path, chance.choice(extremes(field)))
        request = kind.FromString(data)
    if chance.random() < 0.3 and data:
        spoilt = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        data = bytes(spoilt)
    return data


def test_random_requests_break_nothing(
    stack: Stack, settings: Settings, figures: Figures, dose: int, seed: int
) -> None:
    """Arbitrary bytes, and sound requests with fields at their extremes: never INTERNAL or UNKNOWN, no inner text."""
    chance, each = random.Random(seed), 150 * dose
    unary = [method for method in METHODS.values() if not method.server_streaming]
    watches = [method for method in METHODS.values() if method.server_streaming]
    codes, texts = Counter[str](), set[str]()
    before = stack.state.part("server").pid
    services = {method.containing_service.full_name for method in unary}
    with grpc.insecure_channel(settings.server_address) as channel:
        for service in sorted(services):
            methods = [method for method in unary if method.containing_service.full_name == service]
            plan = [(method, chance.randbytes(chance.randrange(200))) for method in chance.choices(methods, k=each)]
            plan += [(method, structured(method, chance)) for method in chance.choices(methods, k=each)]
            for method, data in plan:
                code, text = ask(channel, method, data, operator(settings))
                codes[code] += 1
                texts.update(INNER.findall(text))
        for method in chance.choices(watches, k=4 * dose):
            codes[ask(channel, method, chance.randbytes(chance.randrange(200)), operator(settings))[0]] += 1
    crashes = int(stack.state.part("server").pid != before)
    broken = {code: codes[code] for code in BREAKS & codes.keys()}
    figures.add(
        Row(
            id="A4",
            fault="Random and structured requests",
            dose=f"{each:,} random and {each:,} structured for each of {len(services)} services",
            reach="0 crashes, 0 INTERNAL, 0 UNKNOWN, no exception text",
            seen=f"{crashes} crashes, {len(texts)} exception texts; "
            + ", ".join(f"{count:,} {code}" for code, count in codes.most_common()),
            held=not crashes and not broken and not texts,
        )
    )
    assert (0, {}, set()) == (crashes, broken, texts)


def bombs(settings: Settings, ended: threading.Event) -> None:
    """Zeros, small on the wire and fifteen megabytes when unpacked; and messages larger than the server takes."""
    zeros = bytes(15_000_000)
    large = bytes(20_000_000)
    options = (("grpc.max_send_message_length", -1),)
    with grpc.insecure_channel(settings.server_address, options=options) as channel:
        call = channel.unary_unary("/segue.v1.IngestService/RecordPlays")
        while not ended.is_set():
            for bearer in (operator(settings), "Bearer wrong"):
                for body, compression in ((zeros, grpc.Compression.Gzip), (large, grpc.Compression.NoCompression)):
                    try:
                        call(body, metadata=(("authorization", bearer),), compression=compression, timeout=10)
                    except grpc.RpcError:
                        continue


def honest(settings: Settings, count: int) -> list[float]:
    """The seconds of so many calls of somebody who asks for popular tracks twenty times a second."""
    taken = []
    with reach.channel(settings) as channel:
        stub = recommend_pb2_grpc.RecommendServiceStub(channel)
        for _ in range(count):
            began = time.monotonic()
            stub.PopularTracks(recommend_pb2.PopularTracksRequest())
            taken.append(time.monotonic() - began)
            time.sleep(0.05)
    return taken


def memory(stack: Stack) -> float:
    """Resident megabytes of the server."""
    return psutil.Process(stack.state.part("server").pid).memory_info().rss / 2**20


def idle_connections(address: str, count: int, keep: ExitStack) -> int:
    """Open connections that say nothing; how many the server took."""
    opened = 0
    for _ in range(count):
        try:
            keep.enter_context(socket.create_connection(("127.0.0.1", port_of(address)), timeout=2))
            opened += 1
        except OSError:
            break
    return opened


def p99(taken: list[float]) -> float:
    """In milliseconds."""
    return quantiles(taken, n=100)[98] * 1000


def test_bombs_and_idle_connections_cost_little(
    stack: Stack, settings: Settings, figures: Figures, dose: int, seed: int
) -> None:
    """Bodies too large or too large when unpacked, beside idle connections; an honest client asks meanwhile."""
    calls, connections = 60 * min(dose, 4), 300 * min(dose, 10)
    honest(settings, 20)
    before, base = honest(settings, 60), memory(stack)
    pid, ended = stack.state.part("server").pid, threading.Event()
    with ExitStack() as keep:
        opened = idle_connections(settings.server_address, connections, keep)
        attackers = [threading.Thread(target=bombs, args=(settings, ended)) for _ in range(2)]
        for attacker in attackers:
            attacker.start()
        try:
            during = honest(settings, calls)
            most = memory(stack)
        finally:
            ended.set()
            for attacker in attackers:
                attacker.join()
    figures.add(
        Row(
            id="A6/A7",
            fault="Oversize messages, gzip bombs and idle connections at once",
            dose=f"2 attackers for {sum(during) + 0.05 * calls:.0f} s, {opened:,} idle connections",
            reach="memory ≤ +64 MiB; an honest client's p99 at most doubled",
            seen=f"memory {most - base:+.0f} MiB; p99 {p99(before):.0f} ms before, {p99(during):.0f} ms meanwhile",
            held=most - base <= 64 and p99(during) <= 2 * p99(before),
        )
    )
    assert pid == stack.state.part("server").pid
    assert connections == opened
    assert most - base <= 64


def test_clients_do_not_storm_a_server_that_is_down(figures: Figures, dose: int) -> None:
    """With the config that they ship with, each call is tried little more than once where all fail."""
    calls = 100 * dose
    script = ScriptedServer(*[grpc.StatusCode.UNAVAILABLE] * (4 * calls))
    request = ingest_pb2.RecordPlaysRequest(plays=[play_pb2.Play(event_id="e")])
    with serving(script) as address, connect(address, "t") as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        for _ in range(calls):
            with pytest.raises(grpc.RpcError):
                stub.RecordPlays(request)
    attempts = len(script.requests) / calls
    figures.add(
        Row(
            id="A2",
            fault="Retry storm",
            dose=f"{calls:,} calls that all fail",
            reach="≤ 1.2 attempts per call with the shipped config",
            seen=f"{attempts:.2f} attempts per call",
            held=attempts <= 1.2,
        )
    )
    assert attempts <= 1.2


def listeners(stack: Stack) -> Iterator[tuple[str, str, int]]:
    """Every socket that a process of the stack listens on: program, address, port."""
    supervisor = psutil.Process(stack.state.pid)
    for process in (supervisor, *supervisor.children(recursive=True)):
        for one in process.net_connections(kind="inet"):
            if one.status == psutil.CONN_LISTEN:
                yield process.name(), one.laddr.ip, one.laddr.port


def test_nothing_listens_beyond_loopback(stack: Stack, figures: Figures) -> None:
    """Every process of the embedded stack, whatever it is written in."""
    found = list(listeners(stack))
    beyond = [one for one in found if one[1].removeprefix("::ffff:") not in ("127.0.0.1", "::1")]
    figures.add(
        Row(
            id="A18",
            fault="Listeners of the embedded default",
            dose=f"{len(found)} sockets of {len({name for name, _, _ in found})} programs",
            reach="0 listeners beyond loopback",
            seen=f"{len(beyond)} beyond loopback",
            held=not beyond,
        )
    )
    assert len(found) >= 5
    assert [] == beyond
