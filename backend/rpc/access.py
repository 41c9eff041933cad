"""Who may call what: the contract's options (options.proto), read once, when a server is made.

A method that does not say scope and subject has no place in a server: `of_service` raises, and no server starts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from segue.v1 import options_pb2

from backend.domain.errors import InvalidInput, Violation
from backend.rpc.auth import Principal, Scope

EVERYBODY = "*"
"""In place of a path: the call is about every listener, whatever its request says."""

NOBODY = "-"
"""In place of a path: the call is about no listener."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One field on a subject's path."""

    name: str
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a method asks of its caller. `open_to_subject`: of a listener's own token, no scope."""

    scope: Scope
    of_everybody: bool = False
    subjects: tuple[tuple[_Step, ...], ...] = ()
    open_to_subject: bool = False

    def require(self, principal: Principal) -> None:
        """What can be judged before the request is read. Raises PermissionRefused."""
        # Whom a bound token names is judged once the request is read: `require_subjects` holds it to its listener.
        if not (self.open_to_subject and principal.listener_id):
            principal.require(self.scope)
        if self.of_everybody:
            principal.require_listeners([""])

    def require_subjects(self, principal: Principal, request: Any) -> None:
        """Raises PermissionRefused where a field names another listener, or none, which stands for all of them."""
        for path in self.subjects:
            principal.require_listeners(_values(request, path))


def of_service(pool: DescriptorPool, service: str) -> Mapping[str, Access]:
    """The access of each method of `service` ("segue.v1.IngestService"), by its gRPC name ("/…/RecordPlays").

    Raises InvalidInput naming the service, or each method, that does not say who may call it.
    """
    try:
        methods: Sequence[MethodDescriptor] = pool.FindServiceByName(service).methods
    except KeyError:
        text = "has no descriptor, so nothing says who may call it: register the service's stubs, made by `make proto`"
        raise InvalidInput([Violation(service, text)]) from None
    found: dict[str, Access] = {}
    wrong: list[Violation] = []
    for method in methods:
        try:
            found[f"/{service}/{method.name}"] = _of_method(method)
        except InvalidInput as error:
            wrong += error.violations
    if wrong:
        raise InvalidInput(wrong)
    return found


def _of_method(method: MethodDescriptor) -> Access:
    said: Any = method.GetOptions().Extensions
    scope, subjects = said[options_pb2.required_scope], list(said[options_pb2.subject_field])
    if scope not in options_pb2.Scope.values() or scope == options_pb2.SCOPE_UNSPECIFIED:
        raise _wrong(method, "has no option segue.v1.required_scope: say which scope a token must carry")
    if not subjects:
        raise _wrong(method, "has no option segue.v1.subject_field: say whose data it is about")
    if len(subjects) > 1 and {EVERYBODY, NOBODY} & set(subjects):
        raise _wrong(method, f"segue.v1.subject_field is {subjects}: '{EVERYBODY}' and '{NOBODY}' stand alone")
    open_to_subject = said[options_pb2.open_to_subject]
    if open_to_subject and {EVERYBODY, NOBODY} & set(subjects):
        raise _wrong(method, f"segue.v1.open_to_subject needs a subject: segue.v1.subject_field is {subjects}")
    return Access(
        scope=Scope(options_pb2.Scope.Name(scope).removeprefix("SCOPE_").lower()),
        of_everybody=subjects == [EVERYBODY],
        subjects=tuple(_path(method, path) for path in subjects if path not in (EVERYBODY, NOBODY)),
        open_to_subject=open_to_subject,
    )


def _path(method: MethodDescriptor, path: str) -> tuple[_Step, ...]:
    message: Descriptor | None = method.input_type
    steps, field = [], None
    for name in path.split("."):
        field = message.fields_by_name.get(name) if message is not None else None
        if field is None or (field.message_type is not None and field.message_type.GetOptions().map_entry):
            raise _wrong(method, f"segue.v1.subject_field '{path}' is no path in {method.input_type.full_name}")
        steps.append(_Step(name, field.is_repeated))
        message = field.message_type
    if field is None or field.type != FieldDescriptor.TYPE_STRING:
        raise _wrong(method, f"segue.v1.subject_field '{path}' must end in a string")
    return tuple(steps)


def _values(message: Any, path: tuple[_Step, ...]) -> Iterator[str]:
    """Every value at the path's end; "" where nothing is set."""
    if not path:
        yield message
        return
    value = getattr(message, path[0].name)
    for one in value if path[0].repeated else (value,):
        yield from _values(one, path[1:])


def _wrong(method: MethodDescriptor, text: str) -> InvalidInput:
    return InvalidInput([Violation(method.full_name, text)])
