"""A record's value read field by field, each as the type it is promised to be: what comes out can be kept and shown.

Whatever bytes a producer appended, reading ends in values or in MalformedRecord. So text is text that UTF-8 can write,
whole numbers fit the columns they go to, moments are within the calendar, and identifiers are as short as the contract
lets them be: a profile remembers thousands of them.
"""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

import orjson

ValueT = TypeVar("ValueT")
WordT = TypeVar("WordT", bound=StrEnum)

LONGEST_IDENTIFIER = 128
"""Characters of an identifier, as in the contract."""

_WHOLE = range(-(2**31), 2**31)
"""What a column INT holds."""


class MalformedRecord(ValueError):
    """A record's value is not of the shape promised; the message says where."""


def parsed(value: bytes, what: str) -> object:
    """The one JSON value that these bytes are. Raises MalformedRecord: not UTF-8, no JSON, too deep, more than one."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise MalformedRecord(f"not {what}: {error}") from error


class Fields:
    """The fields of one JSON object. Its methods raise MalformedRecord: a field is missing or of another type."""

    def __init__(self, fields: Mapping[str, object], what: str) -> None:
        self._fields = fields
        self._what = what

    @classmethod
    def of(cls, value: bytes, what: str, *, only: Collection[str] | None = None) -> "Fields":
        """The object that these bytes are, of the fields `only` where given; `what` it should be is for messages."""
        return cls._checked(parsed(value, what), what, only)

    @classmethod
    def _checked(cls, value: object, what: str, only: Collection[str] | None) -> "Fields":
        if not isinstance(value, dict):
            raise MalformedRecord(f"not {what}: no JSON object")
        if only is not None and (unknown := value.keys() - set(only)):
            raise MalformedRecord(f"not {what}: unknown field {min(unknown)!r:.40}")
        return cls(value, what)

    def has(self, name: str) -> bool:
        """Whether the field stands there, null too."""
        return name in self._fields

    def text(self, name: str) -> str:
        """Text of any length."""
        return self._of(name, str)

    def identifier(self, name: str) -> str:
        """Text of at most LONGEST_IDENTIFIER characters."""
        found = self._of(name, str)
        return found if len(found) <= LONGEST_IDENTIFIER else self._refuse(name, found)

    def flag(self, name: str) -> bool:
        """A truth value."""
        return self._of(name, bool)

    def whole(self, name: str) -> int:
        """A whole number of 32 bits."""
        found = self._of(name, int)
        return found if found in _WHOLE else self._refuse(name, found)

    def number(self, name: str) -> float:
        """A finite number, written with a point or without."""
        return _number(self._field(name), lambda value: self._refuse(name, value))

    def word(self, name: str, kind: type[WordT]) -> WordT:
        """One of the words of an enum."""
        found = self._of(name, str)
        try:
            return kind(found)
        except ValueError:
            self._refuse(name, found)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of text."""
        return tuple(one if type(one) is str else self._refuse(name, one) for one in self._of(name, list))

    def identifiers(self, name: str) -> tuple[str, ...]:
        """A list of identifiers, at least one."""
        found = self.texts(name)
        if not found or any(len(one) > LONGEST_IDENTIFIER for one in found):
            self._refuse(name, found)
        return found

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        return self._numbers(name, self._of(name, list))

    def rows(self, name: str) -> tuple[tuple[float, ...], ...]:
        """A list of lists of finite numbers."""
        found = self._of(name, list)
        return tuple(self._numbers(name, row if type(row) is list else self._refuse(name, row)) for row in found)

    def within(self, name: str, *, only: Collection[str]) -> "Fields | None":
        """An object of these fields, or null."""
        found = self._field(name)
        return None if found is None else Fields._checked(found, f"{self._what} with {name}", only)

    def _numbers(self, name: str, values: list[Any]) -> tuple[float, ...]:
        return tuple(_number(one, lambda value: self._refuse(name, value)) for one in values)

    def _of(self, name: str, kind: type[ValueT]) -> ValueT:
        found = self._field(name)
        return found if type(found) is kind else self._refuse(name, found)

    def _field(self, name: str) -> object:
        try:
            return self._fields[name]
        except KeyError:
            raise MalformedRecord(f"not {self._what}: {name} is missing") from None

    def _refuse(self, name: str, value: object) -> NoReturn:
        raise MalformedRecord(f"not {self._what}: {name} is {told(value)}")


def _number(value: object, refuse: Callable[[object], NoReturn]) -> float:
    return float(value) if type(value) is float or type(value) is int else refuse(value)


def told(value: object) -> str:
    """A value in a message: short, and without looking into what may be nested deep."""
    return f"{value!r:.40}" if isinstance(value, (str, int, float, bool, type(None))) else f"a {type(value).__name__}"
