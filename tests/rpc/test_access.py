"""Who may call what: every method of every service, as its descriptor says; and services that do not say it."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import pytest
import segue.v1
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from segue.v1 import ingest_pb2, ingest_pb2_grpc, options_pb2

from backend.domain.errors import InvalidInput
from backend.rpc.auth import Scope, Tokens, issue_token
from backend.rpc.guard import Guard
from backend.rpc.places import Places
from backend.rpc.server import Server
from tests.rpc.conftest import World, running, services_in_memory


def methods_of_the_contract() -> list[MethodDescriptor]:
    """Every method of every service that a .proto of segue.v1 declares."""
    names = [module.name for module in pkgutil.iter_modules(segue.v1.__path__) if module.name.endswith("_pb2")]
    files = [importlib.import_module(f"segue.v1.{name}").DESCRIPTOR for name in names]
    return [method for file in files for service in file.services_by_name.values() for method in service.methods]


METHODS = {method.full_name: method for method in methods_of_the_contract()}
EVERY_METHOD = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def required_scope(method: MethodDescriptor) -> Scope:
    """The scope its option names."""
    return Scope(options_pb2.Scope.Name(option(method, options_pb2.required_scope)).removeprefix("SCOPE_").lower())


def option(method: MethodDescriptor, extension: Any) -> Any:
    """An option of the method."""
    options: Any = method.GetOptions()
    return options.Extensions[extension]


def call(channel: grpc.Channel, method: MethodDescriptor, data: bytes, authorization: str | None) -> grpc.StatusCode:
    """The code of a call with these bytes; that of a stream by its first message."""
    name = f"/{method.containing_service.full_name}/{method.name}"
    metadata = () if authorization is None else (("authorization", authorization),)
    try:
        if method.server_streaming:
            stream = channel.unary_stream(name)(data, metadata=metadata, timeout=5)
            next(stream)
            stream.cancel()
        else:
            channel.unary_unary(name)(data, metadata=metadata, timeout=5)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def naming(message: Descriptor, path: str, listener: str) -> bytes:
    """A request that names this listener at the end of the path."""
    head, _, rest = path.partition(".")
    field = message.fields_by_name[head]
    value = naming(field.message_type, rest, listener) if rest else listener.encode()
    return bytes([field.number << 3 | 2, len(value)]) + value


def listener_paths(message: Descriptor, seen: Sequence[str] = ()) -> Iterator[str]:
    """Every path of a request that ends in a field called listener_id."""
    for field in message.fields:
        if field.name == "listener_id":
            yield field.name
        elif field.message_type is not None and field.message_type.full_name not in seen:
            inner = listener_paths(field.message_type, [*seen, message.full_name])
            yield from (f"{field.name}.{path}" for path in inner)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for every walk: none of them leaves a mark that another would see."""
    with running(tmp_path_factory.mktemp("home"), with_model=True) as world:
        yield world


@pytest.fixture
def plain(world: World) -> grpc.Channel:
    """A channel that carries no token of its own."""
    channel = grpc.insecure_channel(f"127.0.0.1:{world.server.port}")
    world.channels.append(channel)
    return channel


def test_the_server_serves_the_contract_health_and_reflection(world: World) -> None:
    """So the methods walked here are all there are."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(grpc.insecure_channel(f"127.0.0.1:{world.server.port}"))
    token = (world.tokens / "operator.token").read_text().strip()
    (answer,) = stub.ServerReflectionInfo(iter([request]), metadata=(("authorization", f"Bearer {token}"),))
    expected = {method.containing_service.full_name for method in METHODS.values()}
    expected |= {health.SERVICE_NAME, reflection.SERVICE_NAME}
    assert expected == {service.name for service in answer.list_services_response.service}


@EVERY_METHOD
@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic abc"])
def test_without_a_known_token_no_method_answers(
    plain: grpc.Channel, method: MethodDescriptor, authorization: str | None
) -> None:
    """Whatever the bytes say."""
    assert grpc.StatusCode.UNAUTHENTICATED == call(plain, method, b"\xff", authorization)


@EVERY_METHOD
def test_bytes_that_are_no_message_are_invalid(world: World, plain: grpc.Channel, method: MethodDescriptor) -> None:
    """Never INTERNAL, and never a text of the parser."""
    token = (world.tokens / "operator.token").read_text().strip()
    inner = next(field for field in method.input_type.fields if field.type in (field.TYPE_STRING, field.TYPE_MESSAGE))
    no_text = bytes([inner.number << 3 | 2, 2, 0xFF, 0xFE])
    for data in (b"\xff\xff\xff", b"\x0a\x05ab", b"\x00" * 10, no_text):
        assert grpc.StatusCode.INVALID_ARGUMENT == call(plain, method, data, f"Bearer {token}")


@EVERY_METHOD
def test_a_token_of_every_other_scope_opens_no_method(
    world: World, plain: grpc.Channel, method: MethodDescriptor
) -> None:
    """And one of the scope alone does: then the bytes are looked at."""
    scope = required_scope(method)
    others, own = world.token(*set(Scope) - {scope}), issue_token(world.tokens, "own", [scope])
    assert grpc.StatusCode.PERMISSION_DENIED == call(plain, method, b"\xff", f"Bearer {others}")
    assert grpc.StatusCode.INVALID_ARGUMENT == call(plain, method, b"\xff", f"Bearer {own}")


@EVERY_METHOD
def test_a_listeners_token_reaches_no_other_listener(
    world: World, plain: grpc.Channel, method: MethodDescriptor
) -> None:
    """Neither by naming one, nor by naming none, nor where the call is about everybody."""
    bearer = f"Bearer {world.token(required_scope(method), listener_id='ann')}"
    subjects = option(method, options_pb2.subject_field)
    paths = [path for path in subjects if path not in ("*", "-")]
    for path in paths:
        of_bob, of_all, of_ann = (naming(method.input_type, path, listener) for listener in ("bob", "", "ann"))
        assert grpc.StatusCode.PERMISSION_DENIED == call(plain, method, of_bob, bearer)
        assert call(plain, method, of_all, bearer) in {
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.INVALID_ARGUMENT,
        }
        assert grpc.StatusCode.PERMISSION_DENIED == call(plain, method, of_ann + of_bob, bearer)
        world.store.identities.ensure(["ann"])
        assert grpc.StatusCode.OK == call(plain, method, of_ann, bearer)
    if not paths:
        refused = grpc.StatusCode.PERMISSION_DENIED == call(plain, method, b"", bearer)
        assert (subjects == ["*"]) == refused


@EVERY_METHOD
def test_a_listeners_token_needs_no_scope_where_the_method_is_open_to_its_subject(
    world: World, plain: grpc.Channel, method: MethodDescriptor
) -> None:
    """For that listener alone; elsewhere, and without a listener, the scope decides before a body is read."""
    is_open = option(method, options_pb2.open_to_subject)
    others = set(Scope) - {required_scope(method)}
    bearer = f"Bearer {world.token(*others, listener_id='ann')}"
    unread = grpc.StatusCode.INVALID_ARGUMENT if is_open else grpc.StatusCode.PERMISSION_DENIED
    assert unread == call(plain, method, b"\xff", bearer)
    unbound = issue_token(world.tokens, "unbound", others)
    assert grpc.StatusCode.PERMISSION_DENIED == call(plain, method, b"\xff", f"Bearer {unbound}")
    for path in option(method, options_pb2.subject_field) if is_open else ():
        of_bob, of_ann = (naming(method.input_type, path, listener) for listener in ("bob", "ann"))
        assert grpc.StatusCode.PERMISSION_DENIED == call(plain, method, of_bob, bearer)
        world.store.identities.ensure(["ann"])
        assert grpc.StatusCode.OK == call(plain, method, of_ann, bearer)


def test_only_what_is_about_one_listener_is_open_to_its_subject() -> None:
    """Export, erasure and rights."""
    opened = {name for name, method in METHODS.items() if option(method, options_pb2.open_to_subject)}
    names = ("ExportListener", "EraseListener", "SetListenerRights")
    assert {f"segue.v1.PrivacyService.{name}" for name in names} == opened


@EVERY_METHOD
def test_every_listener_that_a_request_names_is_a_subject(method: MethodDescriptor) -> None:
    """A field added to a request cannot be forgotten in its option."""
    said = set(option(method, options_pb2.subject_field))
    assert said in ({"*"}, set(listener_paths(method.input_type)) or {"-"})


def test_a_scope_of_the_contract_is_a_scope_of_tokens() -> None:
    """And the other way round."""
    names = [name.removeprefix("SCOPE_").lower() for name, number in options_pb2.Scope.items() if number]
    assert sorted(Scope) == sorted(names)


def made_up(name: str, *, scope: int | None, subjects: Sequence[str], is_open: bool = False) -> str:
    """A service with one method on plays, `Do`, that says so much of who may call it; its full name."""
    options = descriptor_pb2.MethodOptions()
    if scope is not None:
        options.Extensions[options_pb2.required_scope] = scope
    options.Extensions[options_pb2.subject_field].extend(subjects)
    options.Extensions[options_pb2.open_to_subject] = is_open
    request = ".segue.v1.RecordPlaysRequest"
    method = descriptor_pb2.MethodDescriptorProto(name="Do", input_type=request, output_type=request, options=options)
    file = descriptor_pb2.FileDescriptorProto(
        name=f"made_up/{name}.proto",
        package="made_up",
        dependency=["segue/v1/ingest.proto", "segue/v1/options.proto"],
        service=[descriptor_pb2.ServiceDescriptorProto(name=name, method=[method])],
    )
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return f"made_up.{name}"


def served(service: str, read: Any = None) -> grpc.GenericRpcHandler:
    """A handler of the service whose method answers with nothing."""
    handlers = {"Do": grpc.unary_unary_rpc_method_handler(lambda *_: b"", request_deserializer=read)}
    return grpc.method_handlers_generic_handler(service, handlers)


INGEST = options_pb2.SCOPE_INGEST
SILENT = {
    "NoScope": (None, ["-"], "required_scope"),
    "ZeroScope": (options_pb2.SCOPE_UNSPECIFIED, ["-"], "required_scope"),
    "NoSubject": (INGEST, [], "subject_field"),
    "WrongPath": (INGEST, ["plays.listener"], "'plays.listener' is no path in segue.v1.RecordPlaysRequest"),
    "ThroughString": (INGEST, ["plays.listener_id.x"], "is no path"),
    "NoString": (INGEST, ["plays.played_at"], "must end in a string"),
    "Both": (INGEST, ["*", "plays.listener_id"], "stand alone"),
    "OpenToNobody": (INGEST, ["-"], "open_to_subject needs a subject"),
    "OpenToAll": (INGEST, ["*"], "open_to_subject needs a subject"),
}


@pytest.mark.parametrize("name", SILENT)
def test_a_server_with_a_method_that_does_not_say_who_may_call_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The error names the method and what it lacks."""
    scope, subjects, text = SILENT[name]
    service = made_up(name, scope=scope, subjects=subjects, is_open=name.startswith("Open"))
    monkeypatch.setattr(
        ingest_pb2_grpc,
        "add_IngestServiceServicer_to_server",
        lambda _servicer, server: server.add_generic_rpc_handlers((served(service),)),
    )
    with pytest.raises(InvalidInput, match=rf"made_up\.{name}\.Do: .*{text}"):
        Server(services_in_memory(tmp_path), address="127.0.0.1:0", tokens=tmp_path / "tokens")


@cache
def readable() -> str:
    """A service that says all; the pool keeps it for the process."""
    return made_up("Reading", scope=INGEST, subjects=["plays.listener_id"])


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[tuple[list[bytes], grpc.Channel, Path]]:
    """A guarded server of one made-up method; the bodies it has read; a channel to it, and its tokens' folder."""
    folder, bodies = tmp_path, []

    def read(body: bytes) -> Any:
        bodies.append(body)
        return ingest_pb2.RecordPlaysRequest.FromString(body)

    service = readable()
    guard = Guard(Tokens(folder), places_of=lambda name: Places(name, 1), streams=1, health_streams=1)
    server = grpc.server(ThreadPoolExecutor(1), interceptors=[guard])
    guard.door_of(server).add_generic_rpc_handlers((served(service, read),))
    server.add_generic_rpc_handlers((served("made_up.BesideTheDoor", read),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield bodies, channel, folder
    server.stop(0).wait()


@pytest.mark.parametrize(("scopes", "code"), [((), "UNAUTHENTICATED"), ((Scope.ANALYTICS,), "PERMISSION_DENIED")])
def test_a_refused_call_is_never_read(
    reads: tuple[list[bytes], grpc.Channel, Path], scopes: tuple[Scope, ...], code: str
) -> None:
    """Token and scope are judged before the body; one that is admitted is read once."""
    bodies, channel, folder = reads
    wrong = issue_token(folder, "wrong", scopes) if scopes else "wrong"
    right = issue_token(folder, "right", [Scope.INGEST])
    body = naming(ingest_pb2.RecordPlaysRequest.DESCRIPTOR, "plays.listener_id", "ann")
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/made_up.Reading/Do")(body * 100_000, metadata=(("authorization", f"Bearer {wrong}"),))
    assert (code, []) == (caught.value.code().name, bodies)
    channel.unary_unary("/made_up.Reading/Do")(body, metadata=(("authorization", f"Bearer {right}"),))
    assert [body] == bodies


def test_a_method_added_beside_the_door_is_closed(reads: tuple[list[bytes], grpc.Channel, Path]) -> None:
    """To every token: nothing says who may call it."""
    bodies, channel, folder = reads
    token = issue_token(folder, "all", Scope)
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/made_up.BesideTheDoor/Do")(b"", metadata=(("authorization", f"Bearer {token}"),))
    assert (grpc.StatusCode.PERMISSION_DENIED, []) == (caught.value.code(), bodies)
