"""The one rule for every address on which something of Segue listens: loopback, or protected by TLS and tokens."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from backend.domain.errors import InvalidInput, Violation


def host_and_port(setting: str, address: str) -> tuple[str, int]:
    """The two of host:port, an IPv6 host without its brackets. Raises InvalidInput naming the setting."""
    try:
        place = urlsplit(f"//{address}")
        host, port = place.hostname, place.port
    except ValueError:
        host = port = None
    if not host or port is None or place.path:
        raise InvalidInput([Violation(setting, f"{address!r} is no host:port, such as 127.0.0.1:8501")])
    return host, port


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on the host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_loopback(setting: str, address: str) -> None:
    """For what has neither TLS nor a login of its own. Raises InvalidInput naming the setting."""
    try:
        here = is_loopback(host_and_port(setting, address)[0])
    except InvalidInput:
        here = False
    if not here:
        text = (
            f"{address!r} is no host:port, such as 127.0.0.1:8501, that only this machine reaches, and there is no "
            "login: put a proxy with a login before it to show it to others"
        )
        raise InvalidInput([Violation(setting, text)])


def require_protection(address: str, tls_certificate: Path | None, tls_key: Path | None) -> None:
    """For the gRPC server, which asks for tokens.

    Raises InvalidInput for half a TLS pair, and for plain text beyond loopback.
    """
    if (tls_certificate is None) != (tls_key is None):
        raise InvalidInput([Violation("tls_certificate, tls_key", "set both, or none")])
    if tls_certificate is None and not is_loopback(host_and_port("server_address", address)[0]):
        text = f"{address} is reachable from elsewhere: set tls_certificate and tls_key, or 127.0.0.1"
        raise InvalidInput([Violation("server_address", text)])
