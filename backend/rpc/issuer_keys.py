"""An issuer's public keys, kept: read now and then, and again where a token names one that is not known."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from backend.domain.errors import Unauthenticated, Unavailable
from backend.rpc.issuer_source import Read

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.2
"""Between two looks at whether the keys are to be read again."""

REFRESH_SECONDS = 300.0
"""Keys are read again after so long, so that one that the issuer takes back opens nothing any more."""

AGAIN_SECONDS = 10.0
"""Not more often than this, whatever keys tokens name: nobody makes this server flood its issuer."""

FAMILIES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""Signatures that a key may make, by its type and curve. A secret shared by both sides (HS…) is none of them."""

ALGORITHMS = tuple(name for family in FAMILIES.values() for name in family)
"""Every signature that can be allowed."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A key for one algorithm; two are the same where the issuer wrote the same."""

    key: PyJWK = field(compare=False, repr=False)
    written: str = field(repr=False)


_Keys = Mapping[tuple[str, str], _Held]
"""By key id and algorithm."""


class IssuerKeys:
    """The keys that `read` finds, by key id and algorithm, of the `algorithms` that are allowed.

    `look` is called by a loop: no call waits for the issuer. While it cannot be read, the keys read last still count.
    Thread-safe.
    """

    def __init__(self, read: Read, algorithms: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._algorithms, self._clock = read, frozenset(algorithms), clock
        self._lock = threading.Lock()
        self._keys: _Keys = {}
        self._generation = 0
        self._is_wanted = True
        self._tried_at = self._read_at = float("-inf")
        self._trouble = ""

    @property
    def generation(self) -> int:
        """Another number whenever the keys are others: what was judged by those before is judged anew."""
        return self._generation

    @property
    def age_seconds(self) -> float:
        """Since the keys were read; infinite before."""
        return self._clock() - self._read_at

    def __len__(self) -> int:
        return len({kid for kid, _ in self._keys})

    def key(self, kid: str, algorithm: str) -> PyJWK:
        """The key of that id for that algorithm; "" is the id of a key, or of a token, that names none.

        Raises Unauthenticated where the issuer has no such key, and Unavailable where it is being asked for, or cannot
        be asked: then a retry helps.
        """
        if algorithm not in self._algorithms:
            raise Unauthenticated("the token is signed by an algorithm that is not taken here")
        with self._lock:
            found = self._keys.get((kid, algorithm))
            if found is not None:
                return found.key
            asked_lately = self._clock() - self._tried_at < AGAIN_SECONDS
            self._is_wanted = True
            if asked_lately and not self._trouble:
                raise Unauthenticated("the token is signed by a key that its issuer does not name")
        raise Unavailable("the keys of the tokens' issuer are being read, or cannot be: see this server's log")

    def look(self) -> None:
        """Read the keys where it is time to. What goes wrong is logged, once until it goes well or otherwise wrong."""
        with self._lock:
            passed = self._clock() - self._tried_at
            if passed < AGAIN_SECONDS or (passed < REFRESH_SECONDS and not self._is_wanted and not self._trouble):
                return
        try:
            keys = self._parsed(self._read())
            trouble = "" if keys else f"no key for {', '.join(sorted(self._algorithms))} is among them"
        except Unavailable as error:
            keys, trouble = {}, str(error)
        self._keep(keys, trouble)

    def _keep(self, keys: _Keys, trouble: str) -> None:
        with self._lock:
            self._tried_at = self._clock()
            self._is_wanted = False
            if not trouble:
                self._read_at = self._tried_at
                if keys != self._keys:
                    self._keys, self._generation = keys, self._generation + 1
                    _log.info("the issuer's keys were read", keys=len(self))
            if trouble and trouble != self._trouble:
                _log.error("the issuer's keys cannot be read: those read before still count", error=trouble)
            self._trouble = trouble

    def _parsed(self, content: bytes) -> dict[tuple[str, str], _Held]:
        """The keys that can be used; each that cannot is logged, and costs itself only. Raises Unavailable."""
        try:
            told: Any = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Unavailable("what was read is no JSON") from error
        listed = told.get("keys") if isinstance(told, dict) else None
        if not isinstance(listed, list):
            raise Unavailable("what was read is no set of keys: it has no list 'keys'")
        found: dict[tuple[str, str], _Held] = {}
        for place, raw in enumerate(listed, 1):
            try:
                found.update(self._usable(raw))
            except (PyJWTError, ValueError, TypeError) as error:
                # Never the key itself: an issuer that is set up wrongly may show its private part.
                _log.warning("a key of the issuer is left out", key=place, kind=type(error).__name__)
        return found

    def _usable(self, raw: object) -> dict[tuple[str, str], _Held]:
        """The key, once for each allowed algorithm. Raises ValueError and PyJWTError where it is none."""
        if not isinstance(raw, dict):
            raise TypeError("a key is an object")
        if raw.get("use", "sig") != "sig" or "verify" not in raw.get("key_ops", ["verify"]):
            return {}  # for encryption: no business of ours
        kind, curve = raw.get("kty"), raw.get("crv", "")
        able = FAMILIES.get((str(kind), "" if kind == "RSA" else str(curve)), ())
        wanted = [one for one in able if one in self._algorithms and raw.get("alg", one) == one]
        kid = raw.get("kid", "")
        if not isinstance(kid, str):
            raise TypeError("a key's id is a text")
        public = {name: value for name, value in raw.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
        written = json.dumps(public, sort_keys=True)
        found = {(kid, one): _Held(PyJWK(public, algorithm=one), written) for one in wanted}
        if any(one.key.Algorithm.check_key_length(one.key.key) for one in found.values()):
            raise ValueError("the key is too short")
        return found
