"""What is kept about identities where others may look: look-up keys and sealed ids, by the server's secret."""

import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.files import only_one, private_folder, write_whole

NONCE_BYTES = 12
LEAST_SECRET_BYTES = 32


def ensure_secret(file: Path) -> None:
    """Make the secret where there never was one; only its owner can read it. Raises OSError, Unavailable.

    Raises ValueError where there was one, and it is gone: another would make strangers of all listeners.
    """
    private_folder(file.parent)
    made = file.with_name(f"{file.name}.made")
    with only_one(file.with_name(f"{file.name}.lock"), held="another process makes the identity secret", seconds=5):
        if file.exists():
            return
        if made.exists():
            raise ValueError(
                f"{file} is gone, by which listeners are known: put it back from your copy; or, to begin anew with "
                f"strangers, remove {made} as well"
            )
        write_whole(file, secrets.token_urlsafe(LEAST_SECRET_BYTES) + "\n")
        write_whole(made, "")


class Sealing:
    """Keys derived from one secret, for one tenant: HMAC-SHA-256 to look up, AES-256-GCM (RFC 5116) to seal.

    The secret never leaves the object; two tenants of one secret have nothing in common. Raises ValueError for a
    secret of fewer than LEAST_SECRET_BYTES.
    """

    def __init__(self, secret: bytes, *, tenant: str) -> None:
        if len(secret) < LEAST_SECRET_BYTES:
            raise ValueError(f"must have at least {LEAST_SECRET_BYTES} characters of chance")
        self._look_up = hmac.digest(secret, b"look up\0" + tenant.encode(), "sha256")
        self._box = AESGCM(hmac.digest(secret, b"seal\0" + tenant.encode(), "sha256"))

    def look_up_key(self, text: str) -> str:
        """The same for the same text; without the secret nobody can tell of which text it is, not even by trying."""
        return hmac.digest(self._look_up, text.encode(), "sha256").hex()

    def seal(self, text: str) -> bytes:
        """The text, so that only `opened` reads it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._box.encrypt(nonce, text.encode(), None)

    def opened(self, sealed: bytes) -> str:
        """The inverse. Raises ValueError where it was sealed by another secret, or touched since."""
        try:
            return self._box.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None).decode()
        except InvalidTag:
            raise ValueError("sealed by another secret, or damaged") from None
