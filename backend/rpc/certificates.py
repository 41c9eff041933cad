"""Tokens that count only beside a client certificate: whoever steals one lacks the key (RFC 8705)."""

import base64
import hashlib
import hmac
import ssl
from collections.abc import Iterable, Mapping

from backend.domain.errors import Unauthenticated
from backend.rpc.auth import Principal

NAMES = ("x509_common_name", "x509_subject_alternative_name")
PEM = "x509_pem_cert"


def require_certificate(principal: Principal, shown: Mapping[str, Iterable[bytes]]) -> None:
    """Raises Unauthenticated where the token is bound to a certificate that the connection has not shown.

    `shown` is gRPC's auth context: it holds a client's certificate where `tls_client_ca` has verified it, else none.
    """
    names = [bytes(name).decode(errors="replace") for kind in NAMES for name in shown.get(kind, ())]
    if principal.certificate and principal.certificate not in names:
        raise Unauthenticated("the token counts only beside the client certificate that it is bound to")
    wanted = principal.certificate_digest
    if wanted and not any(hmac.compare_digest(wanted, digest(bytes(pem))) for pem in shown.get(PEM, ())):
        raise Unauthenticated("the token counts only beside the client certificate that it is bound to")


def digest(pem: bytes) -> str:
    """The SHA-256 of a certificate as tokens name it (`x5t#S256`): in base64url, without padding."""
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
