"""The contract's rules (protovalidate annotations), checked on messages."""

from functools import cache
from typing import Any

from google.protobuf.message import Message
from protovalidate import Validator

from backend.domain.errors import Violation


@cache
def _validator() -> Validator:
    """One for the process: it keeps the compiled rules."""
    return Validator()


def violations_of(message: Message, *, path: str = "") -> tuple[Violation, ...]:
    """Every broken rule, with the field's path (under `path`, where given)."""
    found = []
    for violation in _validator().collect_violations(message):
        proto = violation.proto
        within = _path(proto.field.elements if proto.field is not None else ())
        found.append(Violation(".".join(part for part in (path, within) if part), proto.message or proto.rule_id))
    return tuple(found)


def _path(elements: Any) -> str:
    """For example "audio_features.tempo" or "artist_ids[0]"."""
    return ".".join(
        element.field_name if element.subscript is None else f"{element.field_name}[{element.subscript.value}]"
        for element in elements
    )
