"""Where an issuer's public keys (RFC 7517) are read: at an address, in a file, or where its discovery says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from backend.domain.errors import InvalidInput, Unavailable, Violation
from backend.listening import is_loopback

TIMEOUT_SECONDS = 5.0
"""For each step of a request to the issuer."""

MOST_BYTES = 1 << 20
"""More than any set of keys."""

DISCOVERY = "/.well-known/openid-configuration"

Read = Callable[[], bytes]
"""Reads the set of keys. Raises Unavailable, without a word of what was read."""


def keys_of(issuer: str, keys_url: str) -> Read:
    """Reads the keys at `keys_url`; where that is "", at the address that the issuer's OpenID discovery names.

    Raises InvalidInput, naming the setting, for an address over which anybody between could give keys of their own.
    """
    require_private("oidc_keys_url" if keys_url else "oidc_issuer", keys_url or issuer)
    if not keys_url:
        return lambda: _get(_discovered(issuer))
    if urlsplit(keys_url).scheme == "file":
        return lambda: _file(Path(unquote(urlsplit(keys_url).path)))
    return lambda: _get(keys_url)


def require_private(setting: str, url: str) -> None:
    """Raises InvalidInput unless the address is https://, a file, or plain http:// on this machine."""
    try:
        parts = urlsplit(url)
        scheme, host, path = parts.scheme, parts.hostname or "", parts.path
    except ValueError:
        scheme = host = path = ""
    named = path if scheme == "file" and setting == "oidc_keys_url" else host
    if not named or not (scheme in ("https", "file") or (scheme == "http" and is_loopback(host))):
        also = ", or file:///… for a set of keys kept here" if setting == "oidc_keys_url" else ""
        text = f"{url!r} must be https://…{also} (http:// on this machine's loopback only)"
        raise InvalidInput([Violation(setting, text)])


def _discovered(issuer: str) -> str:
    """The address of the keys that the issuer's discovery names."""
    try:
        told: Any = json.loads(_get(issuer.rstrip("/") + DISCOVERY))
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"the discovery of {issuer} is no JSON") from error
    if not isinstance(told, dict) or told.get("issuer") != issuer or not isinstance(told.get("jwks_uri"), str):
        raise Unavailable(f"the discovery of {issuer} does not name this issuer and its jwks_uri: see oidc_keys_url")
    try:
        require_private("jwks_uri", told["jwks_uri"])
    except InvalidInput as error:
        raise Unavailable(f"the discovery of {issuer} leads astray: {error}") from error
    return str(told["jwks_uri"])


def _get(url: str) -> bytes:
    from backend import web  # noqa: PLC0415 - a server without an issuer needs no HTTP client

    found = b""
    local = is_loopback(urlsplit(url).hostname or "")
    try:
        with web.client(timeout_seconds=TIMEOUT_SECONDS, local=local) as client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                found += part
                if len(found) > MOST_BYTES:
                    raise Unavailable(f"{url} answers with more than {MOST_BYTES:,} bytes")
    except web.FAILURES as error:
        raise Unavailable(f"{url} cannot be read: {error}") from error
    return found


def _file(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            found = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unavailable(f"{file} cannot be read: {error.strerror}") from error
    if len(found) > MOST_BYTES:
        raise Unavailable(f"{file} has more than {MOST_BYTES:,} bytes")
    return found
