"""The file of tokens: what is kept of each, read with everything that is wrong with it named, and written privately."""

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from backend.domain.errors import InvalidInput, Violation
from backend.files import only_one, private_folder, write_whole

FILE = "tokens.json"
LOCK = "tokens.lock"
DIGEST_BYTES = 32
MOST_BYTES = 4 << 20
"""Some 15,000 tokens."""

_KEYS = frozenset({"name", "sha256", "scopes", "listener_id", "expires_at"})


class Scope(StrEnum):
    """What a token may do."""

    INGEST = "ingest"
    CATALOGUE = "catalogue"
    RECOMMEND = "recommend"
    ANALYTICS = "analytics"
    ADMIN = "admin"
    IDENTITIES = "identities"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEntry:
    """What is kept of a token: its SHA-256, never the token. Bound to a listener where `listener_id` is not ""."""

    name: str
    digest: bytes = field(repr=False)
    scopes: frozenset[Scope]
    listener_id: str = ""
    expires_at: datetime | None = None

    def to_json(self) -> dict[str, object]:
        """The entry as it stands in the file."""
        return {
            "name": self.name,
            "sha256": self.digest.hex(),
            "scopes": sorted(self.scopes),
            "listener_id": self.listener_id,
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """The entries of a tokens file that can be used, and a sentence for each thing that is wrong in it."""

    entries: tuple[TokenEntry, ...]
    wrong: tuple[str, ...] = ()


def read(file: Path) -> Reading:
    """The file's tokens; none where there is no file.

    An entry that cannot be understood is left out, and so is a scope that nobody knows: neither opens anything, and
    neither costs the others. Raises InvalidInput where the whole file is no list of entries, OSError where it cannot
    be opened.
    """
    entries: list[TokenEntry] = []
    wrong: list[str] = []
    for place, raw in enumerate(read_raw(file)):
        name = f"entry {place + 1}" + (f" ('{raw['name']!s:.40}')" if isinstance(raw, dict) and "name" in raw else "")
        try:
            entry, unknown = _parse(raw)
            if any(entry.digest == other.digest for other in entries):
                raise ValueError("'sha256' is that of an entry before it")
        except ValueError as error:
            wrong.append(f"{file}: {name} is left out: {error}; mend it, or take it away with `segue tokens revoke`")
            continue
        entries.append(entry)
        wrong += [
            f"{file}: {name} names the scope {scope!r}, which opens nothing: not one of {', '.join(Scope)}; mend it"
            for scope in unknown
        ]
    return Reading(tuple(entries), tuple(wrong))


def read_raw(file: Path) -> Sequence[Any]:
    """The file's list, its entries unjudged; [] where there is no file. Raises InvalidInput, OSError as `read`."""
    try:
        raw = json.loads(_content(file), object_pairs_hook=_entry)
    except FileNotFoundError:
        return []
    except (ValueError, RecursionError) as error:
        text = f"is no JSON ({error}): mend it, or remove it and issue the tokens again with `segue tokens issue`"
        raise InvalidInput([Violation(str(file), text)]) from error
    if not isinstance(raw, list):
        raise InvalidInput([Violation(str(file), "must hold a list of entries: mend it")])
    return raw


def _content(file: Path) -> bytes:
    """All of it, without waiting for a writer where it is a pipe. Raises InvalidInput for more than any tokens file."""
    if file.is_symlink() and not file.exists():
        raise InvalidInput([Violation(str(file), "is a link that leads nowhere: mend it, or remove it")])
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput([Violation(str(file), "is a folder, a pipe or a device: put the file in its place")])
        content = os.read(descriptor, MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MOST_BYTES:
        raise InvalidInput(
            [Violation(str(file), f"has more than {MOST_BYTES:,} bytes, which no list of tokens has: mend it")]
        )
    return content


def _entry(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are told where one stands twice: JSON's readers would let the last one count in silence."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else found | {"a key twice": None}


def write(file: Path, raw: Sequence[Any]) -> None:
    """Replace the file in one step; nobody but its owner can read it, at any moment."""
    write_whole(file, json.dumps(raw, indent=1) + "\n")


@contextmanager
def changing(folder: Path) -> Iterator[Path]:
    """The file in `folder`, which is made (0700), while nobody else changes it. Raises Unavailable after 5 s."""
    private_folder(folder)
    folder.chmod(0o700)  # it may be older than this rule
    with only_one(folder / LOCK, held="another command changes the tokens: try again", seconds=5):
        yield folder / FILE


def _parse(raw: object) -> tuple[TokenEntry, list[object]]:
    """The entry, and what it names as scopes and is none. Raises ValueError saying what is wrong."""
    if not isinstance(raw, dict):
        raise ValueError("it is no object")
    # A misspelt "listener_id" would make a bound token one for everybody.
    if unknown := sorted(set(raw) - _KEYS):
        raise ValueError(f"it has {', '.join(map(repr, unknown))}, which is none of {', '.join(sorted(_KEYS))}")
    scopes = raw.get("scopes")
    if not isinstance(scopes, list):
        raise ValueError("'scopes' must be a list")
    known = frozenset(Scope(scope) for scope in scopes if scope in list(Scope))
    entry = TokenEntry(
        name=_text(raw, "name"),
        digest=_digest(_text(raw, "sha256")),
        scopes=known,
        listener_id="" if raw.get("listener_id") in ("", None) else _text(raw, "listener_id"),
        expires_at=None if raw.get("expires_at") is None else _moment(_text(raw, "expires_at")),
    )
    return entry, [scope for scope in scopes if scope not in list(Scope)]


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"'{key}' must be a text")
    return value


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise ValueError("'sha256' must be 64 hexadecimal digits")
    return digest


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("'expires_at' must be a time with its zone, such as 2027-01-31T00:00:00+00:00")
    return moment
