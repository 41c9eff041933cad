"""Page tokens: opaque to clients, bound to the question they continue.

What it carries stands beside a digest of that and of the question, so that a token that was altered is refused. It is
not signed with a key of ours, and need not be: it gives a client nothing that the question would not. In lists it is a
place in the order, and the filters come with the request; in answers it names an answer that is kept with the question
it belongs to, who asked included, and opens to no other (services/answers.py, ADR 11).
"""

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
    """A fingerprint of what was asked (128 bits: nobody finds another question with it)."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def encode_page_token(position: Sequence[Position], *, question: str) -> str:
    """The token of the page that starts after `position`."""
    text = json.dumps([question_digest(question, *position), *position], separators=(",", ":"))
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
    if not isinstance(fields, list) or len(fields) != len(shape) + 1:
        raise refused
    position = fields[1:]
    if fields[0] != question_digest(question, *position):
        raise refused
    if any(type(value) is not wanted for value, wanted in zip(position, shape, strict=True)):
        raise refused
    if any(isinstance(value, int | float) and not abs(value) < LARGEST for value in position):
        raise refused
    return tuple(position)
