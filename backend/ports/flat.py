"""Flat records: one JSON object of scalars in UTF-8 and nothing else, read by the same patterns in Python and in Flink.

Topics `plays` and `feedback` are read by both, and each must come to the same: what Flink counts and a profile does
not, or the other way round, nobody would ever find. Two JSON parsers never agree on what stands behind an object, on
bytes that are no text, or on numbers of any size. So a record is one pattern, its Shape, that means the same to `re`
and to `java.util.regex` (streaming/reading.py puts it into SQL), and a field's token, the JSON as it stands in the
record, is what the field's kind says. All patterns are over bytes, each as the character of its number (ISO-8859-1).

They are linear: nothing that was matched is given back (`*+`, `++`), so that no record is slow or deep.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

import orjson

from backend.ports.fields import LONGEST_IDENTIFIER, MalformedRecord

_SPACE = r"[ \t\n\r]*+"
_COLON = f"{_SPACE}:{_SPACE}"
_COMMA = f"{_SPACE},{_SPACE}"
_NAME = r"\x22[\x20\x21\x23-\x5B\x5D-\x7F]*+\x22"
_HEX = "[0-9A-Fa-f]"
_CHARACTER = (
    r"[\x20\x21\x23-\x5B\x5D-\x7F]"
    r"|\\(?:[\x22\\/bfnrt]"
    rf"|u(?:[0-9A-CE-Fa-ce-f]{_HEX}{{3}}|[Dd][0-7]{_HEX}{{2}}|[Dd][89ABab]{_HEX}{{2}}\\u[Dd][C-Fc-f]{_HEX}{{2}}))"
    r"|[\xC2-\xDF][\x80-\xBF]|\xE0[\xA0-\xBF][\x80-\xBF]|\xED[\x80-\x9F][\x80-\xBF]"
    r"|[\xE1-\xEC\xEE\xEF][\x80-\xBF]{2}"
    r"|\xF0[\x90-\xBF][\x80-\xBF]{2}|[\xF1-\xF3][\x80-\xBF]{3}|\xF4[\x80-\x8F][\x80-\xBF]{2}"
)
"""One character of a JSON string in UTF-8 (RFC 8259, RFC 3629); half of a surrogate pair is none."""
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_VALUE = rf"(?:\x22(?:{_CHARACTER})*+\x22|{_NUMBER}|true|false|null)"
_SCALAR = r"(\x22(?:[^\x22\\]++|\\[\x00-\xFF])*+\x22|[^ \t\n\r,}]++)"
TOKENS = rf"(\x22[^\x22\\]*+\x22){_COLON}{_SCALAR}"
"""The name, quotes and all, and the token of each field of a record that is of some shape."""

_FIELD = f"{_NAME}{_COLON}{_VALUE}"


def _braced(fields: str) -> str:
    return rf"{_SPACE}\{{{_SPACE}{fields}{_SPACE}\}}{_SPACE}"


FLAT = _braced(f"(?:{_FIELD}(?:{_COMMA}{_FIELD})*+)?")
"""A record of any shape."""

_TOKENS, _FLAT = re.compile(TOKENS.encode()), re.compile(FLAT.encode())


class Kind(StrEnum):
    """What a field's token may be."""

    IDENTIFIER = rf"\x22[\x21\x23-\x5B\x5D-\x7E]{{1,{LONGEST_IDENTIFIER}}}+\x22"
    """Visible ASCII, as all identifiers of the contract are: each is a key of tables."""
    MOMENT = "[0-9]{1,13}+"
    """Milliseconds since 1970 UTC."""
    COUNT = "[0-9]{1,9}+"
    FLAG = "(?:true|false)"
    TEXT = rf"\x22(?:{_CHARACTER}){{0,{LONGEST_IDENTIFIER}}}+\x22"
    """At most LONGEST_IDENTIFIER characters."""
    WORD = r"\x22[a-z_]++\x22"
    """One of the field's words."""
    NULL = "null"
    """Nothing: other shapes have something here."""


@dataclass(frozen=True)
class Field:
    """A field of a flat record. An optional one may be missing or null."""

    name: str
    kind: Kind
    meaning: str = ""
    words: tuple[str, ...] = ()
    is_optional: bool = False

    @cached_property
    def token(self) -> str:
        """The pattern of its token."""
        kind = rf"\x22(?:{'|'.join(self.words)})\x22" if self.words else self.kind.value
        return f"(?:{kind}|null)" if self.is_optional else kind

    @cached_property
    def whole(self) -> str:
        """The pattern of name and token."""
        return rf"\x22{self.name}\x22{_COLON}{self.token}"


class Shape:
    """Records of these fields, each of its kind, in any order, and of others whatever they hold but lists and objects.

    What we write has all fields in their order and no others: that is quicker to see, and to read.
    """

    def __init__(self, what: str, fields: Sequence[Field]) -> None:
        self.fields = fields
        self._what = what
        names = "|".join(field.name for field in fields)
        other = rf"(?!\x22(?:{names})\x22){_NAME}{_COLON}{_VALUE}"
        some = f"(?:{'|'.join(field.whole for field in fields)}|{other})"
        needed = "".join(rf"(?=[\x00-\xFF]*?\x22{field.name}\x22{_COLON})" for field in fields if not field.is_optional)
        self.written = _braced(_COMMA.join(field.whole for field in fields))
        """All of a record as we write it."""
        self.pattern = _braced(rf"{needed}{some}(?:{_COMMA}{some})*+")
        """All of any record. Of a field that stands there twice the first counts, but both are of its kind."""

    # Compiled when the first record is read: most commands read none.
    @cached_property
    def _written(self) -> re.Pattern[bytes]:
        return re.compile(self.written.encode())

    @cached_property
    def _any(self) -> re.Pattern[bytes]:
        return re.compile(self.pattern.encode())

    def fits(self, value: bytes) -> bool:
        """Whether the record is of this shape."""
        return (self._written.fullmatch(value) or self._any.fullmatch(value)) is not None

    def find(self, value: bytes) -> "FlatRecord | None":
        """The record's fields; None where it is not of this shape."""
        return FlatRecord(_tokens(value)) if self.fits(value) else None

    def read(self, value: bytes) -> "FlatRecord":
        """The record's fields. Raises MalformedRecord with the first that is not what it should be."""
        found = self.find(value)
        if found is None:
            raise self.complaint(value)
        return found

    def complaint(self, value: bytes) -> MalformedRecord:
        """What is wrong with a record that is not of this shape."""
        if not _FLAT.fullmatch(value):
            return MalformedRecord(f"not {self._what}: not one flat JSON object in UTF-8")
        found = FlatRecord(_tokens(value))
        for field in self.fields:
            token = found.token(field.name)
            if token is None:
                if not field.is_optional:
                    return MalformedRecord(f"not {self._what}: {field.name} is missing")
            elif not re.fullmatch(field.token.encode(), token):
                return MalformedRecord(f"not {self._what}: {field.name} is {token.decode(errors='replace'):.40}")
        return MalformedRecord(f"not {self._what}: a field stands twice")


def _tokens(value: bytes) -> dict[bytes, bytes]:
    """Of one name the first."""
    return dict(reversed(_TOKENS.findall(value)))


@dataclass(frozen=True, slots=True)
class FlatRecord:
    """The tokens of a record by name, quotes and all. To be read as values they must be of the fields' kinds."""

    tokens: Mapping[bytes, bytes]

    def is_null(self, name: str) -> bool:
        """Whether the field is missing or null."""
        return self._or_null(name) == b"null"

    def text(self, name: str) -> str:
        """Text, an identifier or a word; "" where there is none."""
        token = self._or_null(name)
        if token == b"null":
            return ""
        return str(orjson.loads(token)) if b"\\" in token else token[1:-1].decode()

    def count(self, name: str) -> int:
        """A whole number; 0 where there is none."""
        token = self._or_null(name)
        return 0 if token == b"null" else int(token)

    def flag(self, name: str) -> bool:
        """A truth value."""
        return self._or_null(name) == b"true"

    def moment(self, name: str) -> datetime:
        """A moment; aware, UTC."""
        return datetime.fromtimestamp(int(self._or_null(name)) / 1000, tz=UTC)

    def token(self, name: str) -> bytes | None:
        """The field as it stands in the record; None where it is missing."""
        return self.tokens.get(f'"{name}"'.encode())

    def _or_null(self, name: str) -> bytes:
        return self.token(name) or b"null"


def named_in(value: bytes, field: Field) -> str | None:
    """What a flat record of any shape says in a field of text; None where the record or the field is something else."""
    token = FlatRecord(_tokens(value)).token(field.name) if _FLAT.fullmatch(value) else None
    if token is None or not re.fullmatch(field.token.encode(), token):
        return None
    return str(orjson.loads(token))


def token_pattern(name: str) -> str:
    """Finds the token of a field in any bytes, as group 1: within a string no name stands between quotes."""
    return rf"\x22{name}\x22{_COLON}{_SCALAR}"


def moment_pattern(name: str) -> str:
    """Finds a field of kind MOMENT in any bytes; its digits are group 1."""
    return rf"\x22{name}\x22{_COLON}({Kind.MOMENT.value}){_SPACE}[,}}]"
