"""A double of an OpenID Connect issuer: serves discovery and a JWKS on loopback, and signs tokens with its keys."""

import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.warnings import InsecureKeyLengthWarning

AUDIENCE = "segue"


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same for the same number: making one takes longer than a test."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(key: Any, kid: str | None, **more: str) -> dict[str, Any]:
    """What the JWKS tells of a key."""
    kind: Any = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((one for type_, one in kind.items() if isinstance(key, type_)), OKPAlgorithm)
    told = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**told, **({} if kid is None else {"kid": kid}), **more}


class _Handler(BaseHTTPRequestHandler):
    double: "IssuerDouble"

    def log_message(self, *_: object) -> None:
        """Silence: `requests` keeps them."""

    def do_GET(self) -> None:
        self.double.requests.append(self.path)
        found = None if self.double.is_down else self.double.pages().get(self.path)
        self.send_response(500 if found is None else 200)
        self.end_headers()
        self.wfile.write(b"" if found is None else found)


class IssuerDouble:
    """An issuer with one RSA key, `kid` "one"; what it serves and whether it is down may be changed at any time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: dict[str, Any] = {"one": rsa_key()}
        self.is_down = False
        self.requests: list[str] = []
        self.jwks: bytes | None = None
        self.discovery: dict[str, Any] = {"issuer": url, "jwks_uri": f"{url}/keys"}

    @property
    def keys_url(self) -> str:
        return f"{self.url}/keys"

    def pages(self) -> dict[str, bytes]:
        """What is served, by path."""
        told = {"keys": [jwk(key, kid) for kid, key in self.keys.items()]}
        return {
            "/.well-known/openid-configuration": json.dumps(self.discovery).encode(),
            "/keys": json.dumps(told).encode() if self.jwks is None else self.jwks,
        }

    def token(self, kid: str | None = "one", *, key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """A token that is good for a minute, of listener ann; claims that are None are left out."""
        now = int(time.time())
        told = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 60, "scope": "", **claims}
        told = {name: value for name, value in told.items() if value is not None}
        signing = self.keys[kid or "one"] if key is None else key
        headers = {"typ": "JWT"} | ({} if kid is None else {"kid": kid})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # a wrong token may be signed with a short key
            # Not jwt.encode, which looks at claims: a wrong token has any.
            return jwt.PyJWS().encode(json.dumps(told).encode(), signing, algorithm=algorithm, headers=headers)


@contextmanager
def issuer() -> Iterator[IssuerDouble]:
    """The double, served for as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    double = IssuerDouble(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("_Of", (_Handler,), {"double": double})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def curve_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """A key on a curve, P-256 where none is said."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def edwards_key() -> ed25519.Ed25519PrivateKey:
    """A key for EdDSA."""
    return ed25519.Ed25519PrivateKey.generate()
