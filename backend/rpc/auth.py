"""Tokens: random, stored as hashes, scoped, compared in constant time."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from backend.domain.errors import InvalidInput, NotFound, PermissionRefused, Unauthenticated, Violation
from backend.files import write_whole
from backend.rpc import token_file
from backend.rpc.token_file import Scope, TokenEntry

__all__ = [
    "OPERATOR",
    "Bearers",
    "Principal",
    "Scope",
    "Tokens",
    "ensure_operator_token",
    "issue_token",
    "revoke_token",
    "token_of",
]

_log = structlog.get_logger(__name__)

OPERATOR = "operator"
"""The token that a server makes for the commands, dashboard and extracts of its own machine."""

OPERATOR_SCOPES = frozenset(Scope) - {Scope.IDENTITIES}
"""So that pages and extracts show pseudonyms; who may see the listeners' own ids issues a token that carries both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whose token it is. A token bound to a listener speaks for that listener only.

    `name` is what the log shows; `key` tells callers of one name apart ("": the name does).
    """

    name: str
    scopes: frozenset[Scope]
    listener_id: str = ""
    key: str = ""

    @property
    def caller(self) -> str:
        """Who calls, for shares and rates."""
        return self.key or self.name

    def require(self, scope: Scope) -> None:
        """Raises PermissionRefused where the token lacks the scope."""
        if scope not in self.scopes:
            raise PermissionRefused(f"the token '{self.name}' does not carry the scope '{scope.value}'")

    def require_listeners(self, listener_ids: Iterable[str]) -> None:
        """Raises PermissionRefused where the token belongs to another listener."""
        if self.listener_id and any(one != self.listener_id for one in listener_ids):
            raise PermissionRefused(f"the token '{self.name}' belongs to another listener")


class Bearers(Protocol):
    """Knows whose tokens are whose."""

    def principal(self, authorization: str) -> Principal:
        """Whose `Bearer TOKEN` it is. Raises Unauthenticated, and Unavailable where that cannot be said now."""


def token_of(authorization: str) -> str:
    """The TOKEN of `Bearer TOKEN`. Raises Unauthenticated."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send metadata 'authorization: Bearer TOKEN'")
    return token.strip()


def _now() -> datetime:
    return datetime.now(UTC)


class Tokens:
    """The tokens in a folder's `tokens.json`.

    Read again whenever the file changes, so that a token given or taken away counts from the next call. A file that has
    become unreadable is logged, and the tokens read last still count; so is each entry that is wrong, which costs
    itself only. Hashes without salt or stretching are enough, because the tokens are 256 random bits. Thread-safe.
    Raises InvalidInput, or OSError, where the file cannot be read the first time.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self._file = folder / token_file.FILE
        self._clock = clock
        self._lock = threading.Lock()
        self._version = self._look()
        self._entries = self._read()

    def principal(self, authorization: str) -> Principal:
        """Whose `Bearer TOKEN` it is. Raises Unauthenticated."""
        digest = _digest(token_of(authorization))
        found: TokenEntry | None = None
        for known in self._current():
            # No early end: the time taken must not tell how many tokens come before.
            if hmac.compare_digest(known.digest, digest):
                found = known
        if found is None:
            raise Unauthenticated("the token is not known here")
        if found.expires_at is not None and found.expires_at <= self._clock():
            raise Unauthenticated(f"the token '{found.name}' expired at {found.expires_at.isoformat()}")
        return Principal(name=found.name, scopes=found.scopes, listener_id=found.listener_id)

    def _current(self) -> Sequence[TokenEntry]:
        with self._lock:
            if (version := self._look()) != self._version:
                self._version = version  # one line in the log for each version of a broken file
                try:
                    self._entries = self._read()
                except (InvalidInput, OSError) as error:
                    _log.error("tokens file is broken: the tokens read before it still count", error=str(error))
            return self._entries

    def _look(self) -> tuple[int, ...]:
        """What tells one version of the file from another; () where there is none to be seen."""
        try:
            stat = self._file.stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_ino, stat.st_size, stat.st_mode

    def _read(self) -> Sequence[TokenEntry]:
        reading = token_file.read(self._file)
        for sentence in reading.wrong:
            _log.error("wrong entry in tokens file", error=sentence)
        return reading.entries


def issue_token(
    folder: Path,
    name: str,
    scopes: Iterable[Scope],
    *,
    listener_id: str = "",
    expires_at: datetime | None = None,
    replace: bool = True,
) -> str:
    """Make a token, keep its hash under `name` and return it: it is not kept anywhere.

    One of that name is replaced. Raises InvalidInput where it must not be (`replace`), or the tokens file is broken.
    """
    token = secrets.token_urlsafe(32)
    entry = TokenEntry(
        name=name, digest=_digest(token), scopes=frozenset(scopes), listener_id=listener_id, expires_at=expires_at
    )
    with token_file.changing(folder) as file:
        raw = token_file.read_raw(file)
        others = [one for one in raw if not _is_named(one, name)]
        if len(others) < len(raw) and not replace:
            text = f"a token '{name}' is there already: choose another name, revoke it, or replace it with --replace"
            raise InvalidInput([Violation("name", text)])
        token_file.write(file, [*others, entry.to_json()])
    return token


def revoke_token(folder: Path, name: str) -> None:
    """Take a token away; the server knows at its next call. Raises NotFound, and InvalidInput for a broken file."""
    with token_file.changing(folder) as file:
        raw = token_file.read_raw(file)
        others = [one for one in raw if not _is_named(one, name)]
        if len(others) == len(raw):
            raise NotFound(f"no token is named '{name}': see `segue tokens list`")
        token_file.write(file, others)
    if name == OPERATOR:
        _operator_file(folder).unlink(missing_ok=True)


def ensure_operator_token(folder: Path) -> Path:
    """The file with the operator's token (OPERATOR_SCOPES); only its owner can read it.

    Made on first start, and again where it is empty, `tokens.json` does not know it, or knows it with fewer scopes.
    Raises InvalidInput where the tokens file is broken.
    """
    file = _operator_file(folder)
    held = file.read_text().strip() if file.exists() else ""
    entries = token_file.read(folder / token_file.FILE).entries
    known = {entry.digest for entry in entries if entry.scopes >= OPERATOR_SCOPES}
    if not held or _digest(held) not in known:
        write_whole(file, issue_token(folder, OPERATOR, OPERATOR_SCOPES) + "\n")
    return file


def _operator_file(folder: Path) -> Path:
    return folder / f"{OPERATOR}.token"


def _is_named(raw: object, name: str) -> bool:
    return isinstance(raw, dict) and raw.get("name") == name


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
