"""Page tokens: opaque to clients, bound to the question they continue."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence

from backend.domain.errors import InvalidInput, Violation

Position = str | int | float
"""One value of the sort key (or the like) after which the next page starts."""

LARGEST = 2**53
"""Numbers beyond it are nobody's position: they would overflow the store's integers."""


def question_digest(*parts: object) -> str:
    """A short fingerprint of what was asked, so that a token cannot continue another question."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def encode_page_token(position: Sequence[Position], *, question: str) -> str:
    """The token of the page that starts after `position`."""
    text = json.dumps([question, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_page_token(token: str, shape: Sequence[type], *, question: str) -> tuple[Position, ...]:
    """The position in a token: one value of each type in `shape`.

    Raises InvalidInput for a token that is altered or belongs to another question.
    """
    refused = InvalidInput(
        [Violation("page_token", "not a token of this question: send next_page_token with the same fields, or none")]
    )
    try:
        fields = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise refused from error
    if not isinstance(fields, list) or len(fields) != len(shape) + 1 or fields[0] != question:
        raise refused
    position = fields[1:]
    if any(type(value) is not wanted for value, wanted in zip(position, shape, strict=True)):
        raise refused
    if any(isinstance(value, int | float) and not abs(value) < LARGEST for value in position):
        raise refused
    return tuple(position)
