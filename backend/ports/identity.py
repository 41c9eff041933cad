"""Who is who: the ids that apps give their listeners, and the pseudonyms that stand for them behind the door.

A pseudonym is drawn by chance, so nothing leads from it to the listener but the mapping; where that is gone, whoever
comes back under the same id gets another.
"""

import base64
import secrets
from collections.abc import Collection
from typing import Protocol

PSEUDONYM_BYTES = 16
PSEUDONYM_LENGTH = 26
"""Characters: 128 random bits in base32, small letters."""


def new_pseudonym() -> str:
    """128 bits from the system's source of chance, as an identifier that records may hold."""
    return base64.b32encode(secrets.token_bytes(PSEUDONYM_BYTES)).decode().rstrip("=").lower()


class Identities(Protocol):
    """The mapping. Every method raises Unavailable.

    What lies under it tells nobody who is who without the server's secret. Any number of processes share one mapping:
    of two that meet a listener at the same time, both get the same pseudonym.
    """

    def check(self) -> None:
        """Raises Unavailable where the mapping cannot be read, or not by this server's secret, which it names then."""
        ...

    def pseudonyms(self, listener_ids: Collection[str]) -> dict[str, str]:
        """Those of the known listeners among them, by the listener's own id."""
        ...

    def ensure(self, listener_ids: Collection[str]) -> dict[str, str]:
        """That of each of them, made where there was none; durable when it returns."""
        ...

    def listener_ids(self, pseudonyms: Collection[str]) -> dict[str, str]:
        """The listeners' own ids of the known pseudonyms among them, by pseudonym."""
        ...

    def forget(self, pseudonym: str) -> bool:
        """Nobody is behind the pseudonym any more, durably; whether somebody was."""
        ...

    def look_up_key(self, listener_id: str) -> str:
        """What the mapping knows a listener's own id by: the same for the same id, and it tells nobody of which id."""
        ...
