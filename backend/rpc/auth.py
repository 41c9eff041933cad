"""Tokens: random, stored as hashes, scoped, compared in constant time."""

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from backend.domain.errors import PermissionRefused, Unauthenticated

TOKENS_FILE = "tokens.json"
OPERATOR = "operator"


class Scope(StrEnum):
    """What a token may do."""

    INGEST = "ingest"
    CATALOGUE = "catalogue"
    RECOMMEND = "recommend"
    ANALYTICS = "analytics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whose token it is. A token bound to a listener speaks for that listener only."""

    name: str
    scopes: frozenset[Scope]
    listener_id: str = ""

    def require(self, scope: Scope) -> None:
        """Raises PermissionRefused where the token lacks the scope."""
        if scope not in self.scopes:
            raise PermissionRefused(f"the token '{self.name}' does not carry the scope '{scope.value}'")

    def require_listeners(self, listener_ids: Iterable[str]) -> None:
        """Raises PermissionRefused where the token belongs to another listener."""
        if self.listener_id and any(one != self.listener_id for one in listener_ids):
            raise PermissionRefused(f"the token '{self.name}' belongs to another listener")


@dataclass(frozen=True, slots=True)
class _Token:
    digest: bytes
    principal: Principal


class Tokens:
    """The tokens in a folder's `tokens.json`: name, sha256, scopes and optionally listener_id of each.

    Read again whenever the file changes, so that a token given or taken away counts from the next call. Hashes
    without salt or stretching are enough, because the tokens are 256 random bits. Thread-safe.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / TOKENS_FILE
        self._read_of: tuple[int, int] | None = None
        self._tokens: tuple[_Token, ...] = ()
        self._lock = threading.Lock()

    def principal(self, authorization: str) -> Principal:
        """Whose `Bearer TOKEN` it is. Raises Unauthenticated."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("send metadata 'authorization: Bearer TOKEN'")
        digest = _digest(token.strip())
        found: Principal | None = None
        for known in self._current():
            # No early end: the time taken must not tell how many tokens come before.
            if hmac.compare_digest(known.digest, digest):
                found = known.principal
        if found is None:
            raise Unauthenticated("the token is not known here")
        return found

    def _current(self) -> Sequence[_Token]:
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return ()
        with self._lock:
            if self._read_of != (stat.st_mtime_ns, stat.st_ino):
                self._tokens = tuple(_parse(entry) for entry in json.loads(self._file.read_text()))
                self._read_of = (stat.st_mtime_ns, stat.st_ino)
            return self._tokens


def issue_token(folder: Path, name: str, scopes: Iterable[Scope], *, listener_id: str = "") -> str:
    """Make a token, keep its hash under `name` (replacing one of that name) and return it: it is not kept anywhere."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / TOKENS_FILE
    entries = json.loads(file.read_text()) if file.exists() else []
    token = secrets.token_urlsafe(32)
    entry = {"name": name, "sha256": _digest(token).hex(), "scopes": sorted(scopes), "listener_id": listener_id}
    entries = [*(one for one in entries if one["name"] != name), entry]
    _write_private(file, json.dumps(entries, indent=1) + "\n")
    return token


def ensure_operator_token(folder: Path) -> Path:
    """The file with the operator's token (every scope), made on first start; only its owner can read it."""
    file = folder / f"{OPERATOR}.token"
    if not file.exists():
        token = issue_token(folder, OPERATOR, Scope)
        _write_private(file, token + "\n")
    return file


def _parse(entry: dict[str, object]) -> _Token:
    scopes = entry["scopes"]
    if not isinstance(scopes, list):
        raise TypeError(f"tokens.json: scopes of {entry['name']} must be a list")
    return _Token(
        bytes.fromhex(str(entry["sha256"])),
        Principal(
            name=str(entry["name"]),
            scopes=frozenset(Scope(scope) for scope in scopes),
            listener_id=str(entry.get("listener_id") or ""),
        ),
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _write_private(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    draft.replace(file)
