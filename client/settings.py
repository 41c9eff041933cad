"""Where the server is and which token to show it: argument > environment > running stack > default.

Analytics is a client and never imports the backend, so it reads the three facts it needs by itself.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

DEFAULT_ADDRESS: Final = "127.0.0.1:50051"
"""The server's default."""


_ADDRESS: Final = re.compile(r"(unix:.+|[^\s:]+:\d{1,5}|\[[^\s\]]+\]:\d{1,5})")
_TOKEN: Final = re.compile(r"[!-~]+")
"""What a header can carry, and no blank."""


class NotConfigured(Exception):
    """The server's address or the token cannot be found; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How to reach a server: host:port, the token to show, and the PEM file for TLS (None: plain, loopback only)."""

    address: str
    token: str = field(repr=False)
    certificate: Path | None = None


def read(
    *, address: str | None = None, token: str | None = None, environment: Mapping[str, str] | None = None
) -> ServerSettings:
    """Return the server's settings.

    Looked up in order: the arguments; SEGUE_SERVER_ADDRESS, SEGUE_TOKEN, SEGUE_TLS_CERTIFICATE; then in the folder
    SEGUE_HOME (default .segue) endpoints.json and tokens/operator.token, which a running stack writes.
    `environment` is os.environ where absent. Raises NotConfigured where there is no token or a file is broken.
    """
    variables = os.environ if environment is None else environment
    home = Path(variables.get("SEGUE_HOME") or ".segue")
    certificate = variables.get("SEGUE_TLS_CERTIFICATE")
    if certificate and not Path(certificate).is_file():
        raise NotConfigured(
            f"SEGUE_TLS_CERTIFICATE names {certificate}, which is no file: give the server's PEM file, or `unset` it."
        )
    if not token and variables.get("SEGUE_TOKEN") == "":
        raise NotConfigured("SEGUE_TOKEN is empty: give a token, or `unset` it for the one of this machine's stack.")
    found = ServerSettings(
        address=address or variables.get("SEGUE_SERVER_ADDRESS") or _address_of_stack(home) or DEFAULT_ADDRESS,
        token=token or variables.get("SEGUE_TOKEN") or _operator_token(home),
        certificate=Path(certificate) if certificate else None,
    )
    if not _ADDRESS.fullmatch(found.address):
        raise NotConfigured(
            f"SEGUE_SERVER_ADDRESS is {found.address!r}, and should be host:port, such as `{DEFAULT_ADDRESS}`."
        )
    if not _TOKEN.fullmatch(found.token):
        raise NotConfigured(
            "SEGUE_TOKEN holds characters that no token has: give it as `segue tokens issue` printed it."
        )
    return found


def _address_of_stack(home: Path) -> str | None:
    file = home / "endpoints.json"
    try:
        endpoints = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NotConfigured(f"{file} cannot be read ({error}). Run `segue up` to write it anew.") from error
    address = endpoints.get("server_address") if isinstance(endpoints, dict) else None
    return address if isinstance(address, str) else None


def _operator_token(home: Path) -> str:
    file = home / "tokens" / "operator.token"
    try:
        token = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        token = ""
    except (OSError, ValueError) as error:
        raise NotConfigured(f"{file} cannot be read ({error}). Set SEGUE_TOKEN instead.") from error
    if not token:
        raise NotConfigured(f"No token: {file} is missing or empty. Run `segue up`, or set SEGUE_TOKEN.")
    return token
