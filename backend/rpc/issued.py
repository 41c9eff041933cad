"""Bearer tokens that somebody else issues (JWT, by an OpenID Connect issuer): verified, and what their claims allow."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from jwt.exceptions import (
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTokenError,
    MissingRequiredClaimError,
    PyJWTError,
)
from segue.v1 import recommend_pb2

from backend.domain.errors import InvalidInput, Unauthenticated, Violation
from backend.rpc.auth import Principal, Scope
from backend.rpc.contract import violations_of
from backend.rpc.issuer_keys import ALGORITHMS, IssuerKeys
from backend.services.bounded import BoundedMap

REMEMBERED = 4_096
"""Tokens whose signature is not verified again: as many as callers who ask within minutes."""

LONGEST_TOKEN = 8_192
"""Characters; gRPC's own bound on metadata is near."""

_CLIENT = re.compile(r"[\w.-]{1,40}")
_OPTIONS: Any = {
    "require": ["exp", "iss", "aud"],
    # By this module's own clock, also for tokens that are remembered.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What is asked of the issuer's tokens, and what their claims mean.

    A token speaks for the listener in `listener_claim`; one that carries `unbound_scope` speaks for every listener.
    `scopes` says which values of `scopes_claim` (a text of words, or a list) carry which scopes; others carry none.
    A claim within others is named by its path ("realm_access.roles").
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    leeway_seconds: int = 30
    listener_claim: str = "sub"
    scopes_claim: str = "scope"
    scopes: Mapping[str, frozenset[Scope]] = field(
        default_factory=lambda: {f"segue:{scope}": frozenset({scope}) for scope in Scope}
    )
    unbound_scope: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput, naming the setting."""
        if not self.audience:
            raise _wrong(
                "oidc_audience", "is needed with oidc_issuer: tokens for other services must open nothing here"
            )
        unknown = [one for one in self.algorithms if one not in ALGORITHMS]
        if unknown or not self.algorithms:
            text = (
                f"must name signatures by public keys, of {', '.join(ALGORITHMS)}; not {', '.join(unknown) or 'none'}"
            )
            raise _wrong("oidc_algorithms", text)
        if not self.listener_claim or not self.scopes_claim:
            raise _wrong("oidc_listener_claim, oidc_scopes_claim", "name the claims that are looked at")
        if self.unbound_scope in self.scopes:
            raise _wrong("oidc_unbound_scope", "must be a word of its own, none of those that carry a scope")


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was verified: when it is good, in seconds since 1970."""

    principal: Principal
    begins: float
    ends: float


class IssuedTokens:
    """The tokens of one issuer. Thread-safe; waits for nobody (`IssuerKeys`)."""

    def __init__(
        self, claims: Claims, keys: IssuerKeys, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.keys = keys
        self._claims, self._clock = claims, clock
        self._known: BoundedMap[tuple[int, bytes], _Known] = BoundedMap(REMEMBERED)

    def principal(self, token: str) -> Principal:
        """Whose token it is. Raises Unauthenticated, saying what is wrong and nothing of the token; Unavailable."""
        place = (self.keys.generation, hashlib.sha256(token.encode()).digest())
        known = self._known.get(place)
        if known is None:
            known = self._verified(token)
            self._known.put(place, known)
        now, leeway = self._clock().timestamp(), self._claims.leeway_seconds
        if now >= known.ends + leeway:
            raise Unauthenticated("the token has expired: get a new one from its issuer")
        if now < known.begins - leeway:
            raise Unauthenticated("the token is not valid yet")
        return known.principal

    def _verified(self, token: str) -> _Known:
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            kid, algorithm = header.get("kid", ""), header.get("alg", "")
            if not isinstance(kid, str) or not isinstance(algorithm, str):
                raise Unauthenticated("the token's header is malformed")
            key = self.keys.key(kid, algorithm)
            told = jwt.decode(
                token,
                key,
                algorithms=[algorithm],  # one of those allowed: no other has a key
                audience=self._claims.audience,
                issuer=self._claims.issuer,
                options=_OPTIONS,
            )
        except PyJWTError as error:
            raise Unauthenticated(_said(error)) from None  # what it quotes is the caller's
        return _Known(self._meant(told), *_span(told))

    def _meant(self, told: Mapping[str, Any]) -> Principal:
        """What the claims of a verified token allow. Raises Unauthenticated."""
        _require_no_other_key(told)
        words = _words(_claim(told, self._claims.scopes_claim))
        scopes = frozenset(scope for word in words for scope in self._claims.scopes.get(word, ()))
        unbound = bool(self._claims.unbound_scope) and self._claims.unbound_scope in words
        listener = "" if unbound else self._listener(told)
        client = told.get("azp") or told.get("client_id")
        name = client if isinstance(client, str) and _CLIENT.fullmatch(client) else "client"
        subject = f"{told.get('iss')}\n{told.get('sub')}\n{client}\n{listener}"
        return Principal(
            # The log shows it: the app, never the person.
            name=f"issued:{name}",
            scopes=scopes,
            listener_id=listener,
            key=f"issued:{hashlib.sha256(subject.encode()).hexdigest()[:32]}",
        )

    def _listener(self, told: Mapping[str, Any]) -> str:
        found = _claim(told, self._claims.listener_claim)
        if found is None:
            raise Unauthenticated(
                f"the token lacks the claim '{self._claims.listener_claim}', which names its listener"
            )
        if not isinstance(found, str) or violations_of(recommend_pb2.RecommendRequest(listener_id=found)):
            raise Unauthenticated(f"the token's claim '{self._claims.listener_claim}' is no listener's id")
        return found


def _require_no_other_key(told: Mapping[str, Any]) -> None:
    """Raises Unauthenticated for a token that counts only beside a certificate or a key (RFC 7800, 8705).

    Nothing here asks the client for one, and without it the token may be a stolen one.
    """
    if told.get("cnf") is not None:
        raise Unauthenticated("the token is bound to a key of its client, which is not asked for here")


def _said(error: PyJWTError) -> str:
    """What is wrong, in words of ours alone."""
    if isinstance(error, MissingRequiredClaimError):
        return f"the token lacks the claim '{error.claim}'"
    for kind, text in (
        (InvalidSignatureError, "the token's signature is wrong"),
        (InvalidAudienceError, "the token is for another audience"),
        (InvalidIssuerError, "the token is of another issuer"),
        (InvalidTokenError, "the token is malformed"),
    ):
        if isinstance(error, kind):
            return text
    return "the token cannot be verified"


def _span(told: Mapping[str, Any]) -> tuple[float, float]:
    """When the token is good, without leeway: from the later of `nbf` and `iat` to `exp`. Raises Unauthenticated."""
    moments = [told.get(name, 0.0) for name in ("nbf", "iat", "exp")]
    if any(isinstance(one, bool) or not isinstance(one, int | float) or not abs(one) < 1e12 for one in moments):
        raise Unauthenticated("the token's 'exp', 'nbf' and 'iat' must be seconds since 1970")
    not_before, issued, ends = map(float, moments)
    return max(not_before, issued), ends


def _claim(told: Mapping[str, Any], name: str) -> object:
    """The claim of that name, else at that path; None where there is none."""
    if name in told:
        return told[name]
    found: Any = told
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _words(value: object) -> frozenset[str]:
    """The words of a text, or of a list."""
    listed = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(one for one in listed if isinstance(one, str))


def _wrong(setting: str, text: str) -> InvalidInput:
    return InvalidInput([Violation(setting, text)])


def scopes_of(text: str) -> Mapping[str, frozenset[Scope]]:
    """What setting oidc_scopes says: "music-app=recommend+ingest, analyst=analytics". Raises InvalidInput."""
    found: dict[str, frozenset[Scope]] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        word, _, names = part.rpartition("=")
        listed = [name.strip() for name in names.split("+")]
        if not word.strip() or any(name not in list(Scope) for name in listed):
            raise _wrong("oidc_scopes", f"{part!r} must be WORD=SCOPE+SCOPE, scopes of {', '.join(Scope)}")
        found[word.strip()] = frozenset(map(Scope, listed))
    return found
