"""Tokens that an issuer signs: what is taken, what is refused and how, and keys that come, go and cannot be read."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.domain.errors import InvalidInput, Unauthenticated, Unavailable
from backend.rpc.auth import Scope
from backend.rpc.issued import Claims, IssuedTokens, scopes_of
from backend.rpc.issuer_keys import AGAIN_SECONDS, REFRESH_SECONDS, IssuerKeys
from backend.rpc.issuer_source import MOST_BYTES, keys_of
from tests.issuer_double import AUDIENCE, IssuerDouble, curve_key, edwards_key, issuer, jwk, rsa_key

ALL = ("RS256", "PS256", "ES256", "ES384", "EdDSA")


@pytest.fixture
def double() -> Iterator[IssuerDouble]:
    """An issuer that runs."""
    with issuer() as double:
        yield double


class Asked:
    """The tokens of a double, its keys read once, by a clock that stands until it is told."""

    def __init__(self, double: IssuerDouble, *, algorithms: tuple[str, ...] = ALL, **rules: Any) -> None:
        self.now, self.passed = datetime.now(UTC), 0.0
        self.keys = IssuerKeys(keys_of(double.url, double.keys_url), algorithms, clock=lambda: self.passed)
        claims = Claims(issuer=double.url, audience=AUDIENCE, algorithms=algorithms, **rules)
        self.tokens = IssuedTokens(claims, self.keys, clock=lambda: self.now)
        self.keys.look()

    def refusal(self, token: str) -> str:
        """What a token that is refused hears."""
        with pytest.raises(Unauthenticated) as caught:
            self.tokens.principal(token)
        return str(caught.value)


def test_a_token_speaks_for_its_listener_with_its_scopes(double: IssuerDouble) -> None:
    """Words that mean nothing here carry nothing; the log is given the app's name and never the person's."""
    token = double.token(scope="openid segue:recommend segue:ingest profile", azp="music-app", email="ann@example.org")
    found = Asked(double).tokens.principal(token)
    assert frozenset({Scope.RECOMMEND, Scope.INGEST}) == found.scopes
    assert ("ann", "issued:music-app") == (found.listener_id, found.name)
    assert "ann" not in found.caller


def test_claims_are_found_where_the_settings_say(double: IssuerDouble) -> None:
    """By a name with dots in it as it is, else by a path; a list of words as well as a text."""
    asked = Asked(
        double,
        listener_claim="https://segue.example/listener",
        scopes_claim="realm_access.roles",
        scopes=scopes_of("music-app=recommend+ingest, analyst = analytics"),
    )
    token = double.token(
        sub="someone", **{"https://segue.example/listener": "bob", "realm_access": {"roles": ["analyst", 7, "other"]}}
    )
    found = asked.tokens.principal(token)
    assert ("bob", {Scope.ANALYTICS}) == (found.listener_id, found.scopes)


def test_only_the_word_of_the_settings_makes_a_token_one_for_every_listener(double: IssuerDouble) -> None:
    """Without it a token without a listener is refused, not taken for everybody's."""
    token = double.token(sub=None, scope="segue:recommend segue:server")
    assert "the token lacks the claim 'sub', which names its listener" == Asked(double).refusal(token)
    assert "" == Asked(double, unbound_scope="segue:server").tokens.principal(token).listener_id


@pytest.mark.parametrize("listener", ["", "a b", "x" * 200, "ann\n", 7, None, ["ann"], {"id": "ann"}])
def test_what_is_no_listeners_id_is_refused(double: IssuerDouble, listener: object) -> None:
    """As the contract has ids."""
    asked = Asked(double, listener_claim="listener")
    assert "listener" in asked.refusal(double.token(listener=listener))


def refusals(double: IssuerDouble) -> dict[str, tuple[str, str]]:
    """Tokens that open nothing, by what is wrong with each, and what is said of it."""
    now, other = int(time.time()), rsa_key(1)
    good = double.token()
    header, payload, signature = good.split(".")
    forged = base64.urlsafe_b64encode(json.dumps({"iss": double.url, "sub": "bob"}).encode()).rstrip(b"=").decode()
    public = rsa_key().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "expired": (double.token(exp=now - 31), "the token has expired: get a new one from its issuer"),
        "not yet": (double.token(nbf=now + 60), "the token is not valid yet"),
        "issued later": (double.token(iat=now + 60), "the token is not valid yet"),
        "audience": (double.token(aud="another"), "the token is for another audience"),
        "audiences": (double.token(aud=["another", "third"]), "the token is for another audience"),
        "issuer": (double.token(iss="https://evil.example"), "the token is of another issuer"),
        "issuer's part": (double.token(iss=double.url[:-1]), "the token is of another issuer"),
        "issuers": (double.token(iss=[double.url]), "the token is of another issuer"),
        "no exp": (double.token(exp=None), "the token lacks the claim 'exp'"),
        "no aud": (double.token(aud=None), "the token lacks the claim 'aud'"),
        "no iss": (double.token(iss=None), "the token lacks the claim 'iss'"),
        "text for exp": (double.token(exp="soon"), "the token's 'exp', 'nbf' and 'iat' must be seconds since 1970"),
        "endless": (double.token(exp=float("inf")), "the token's 'exp', 'nbf' and 'iat' must be seconds since 1970"),
        "other key": (double.token(key=other), "the token's signature is wrong"),
        "altered": (f"{header}.{forged}.{signature}", "the token's signature is wrong"),
        "cut": (f"{header}.{payload}.", "the token's signature is wrong"),
        "none": (unsigned(double, "none"), "the token is signed by an algorithm that is not taken here"),
        "None": (unsigned(double, "None"), "the token is signed by an algorithm that is not taken here"),
        "no algorithm": (unsigned(double, None), "the token is signed by an algorithm that is not taken here"),
        "the public key as a secret": (
            by_secret(double, pem),
            "the token is signed by an algorithm that is not taken here",
        ),
        "another algorithm of the family": (
            double.token(algorithm="RS512"),
            "the token is signed by an algorithm that is not taken here",
        ),
        "a curve's algorithm with an RSA key's id": (
            double.token(key=curve_key(), algorithm="ES256"),
            "the token is signed by a key that its issuer does not name",
        ),
        "garbage": ("a.b.c", "the token is malformed"),
        "empty": ("..", "the token is malformed"),
        "too long": (double.token(pad="x" * 9_000), "the token is too long"),
        "bound to a key otherwise": (
            double.token(cnf={"jkt": "x"}),
            "the token is bound to a key of its client, which is not asked for here",
        ),
    }


def unsigned(double: IssuerDouble, algorithm: str | None) -> str:
    """A token with no signature that says so, or says nothing."""
    told = {"kid": "one", "typ": "JWT"} | ({} if algorithm is None else {"alg": algorithm})
    header = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
    return f"{header}.{double.token().split('.')[1]}."


def by_secret(double: IssuerDouble, secret: bytes) -> str:
    """A token whose HS256 takes the issuer's public key for the secret: everybody has it."""
    header = base64.urlsafe_b64encode(b'{"alg": "HS256", "kid": "one"}').rstrip(b"=").decode()
    signed = f"{header}.{double.token().split('.')[1]}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_each_wrong_token_is_refused_and_hears_why(double: IssuerDouble) -> None:
    """In words of ours: nothing of the token, the keys or the settings is told."""
    asked, wrong = Asked(double), refusals(double)
    assert {name: text for name, (_, text) in wrong.items()} == {
        name: asked.refusal(token) for name, (token, _) in wrong.items()
    }


def test_clocks_may_differ_by_the_leeway_and_a_remembered_token_expires(double: IssuerDouble) -> None:
    """It was verified before: its end is looked at again at each call."""
    asked, token = Asked(double), double.token()
    ends = datetime.fromtimestamp(jwt.decode(token, options={"verify_signature": False})["exp"], UTC)
    asked.tokens.principal(token)
    asked.now = ends + timedelta(seconds=29.9)
    assert "ann" == asked.tokens.principal(token).listener_id
    asked.now = ends + timedelta(seconds=30)
    assert "expired" in asked.refusal(token)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("PS256", rsa_key()),
        ("ES256", curve_key()),
        ("ES384", curve_key(ec.SECP384R1())),
        ("EdDSA", edwards_key()),
    ],
)
def test_every_kind_of_public_key_is_taken(double: IssuerDouble, algorithm: str, key: Any) -> None:
    """Where its algorithm is allowed; where it is not, the same token is refused."""
    double.keys = {"one": key, "two": rsa_key(1)}
    token = double.token(algorithm=algorithm)
    assert "ann" == Asked(double).tokens.principal(token).listener_id
    assert "algorithm" in Asked(double, algorithms=("RS256",)).refusal(token)


def test_a_key_without_an_id_serves_tokens_without_one(double: IssuerDouble) -> None:
    """As an issuer with one key may have it."""
    double.jwks = json.dumps({"keys": [jwk(rsa_key(), None)]}).encode()
    assert "ann" == Asked(double).tokens.principal(double.token(None)).listener_id


def test_a_new_key_is_asked_for_once_and_soon_known(double: IssuerDouble) -> None:
    """The token that names it hears that a retry helps; none of them makes this server ask more often."""
    asked = Asked(double)
    double.keys["two"] = rsa_key(1)
    asked.passed = AGAIN_SECONDS
    token = double.token("two")
    with pytest.raises(Unavailable):
        asked.tokens.principal(token)
    for _ in range(50):
        asked.keys.look()
    assert (2, "ann") == (len(double.requests), asked.tokens.principal(token).listener_id)
    for number in range(50):
        assert "does not name" in asked.refusal(double.token(f"k{number}", key=rsa_key()))
        asked.keys.look()
    assert 2 == len(double.requests)
    asked.passed += AGAIN_SECONDS
    asked.keys.look()
    assert 3 == len(double.requests)


def test_a_key_that_the_issuer_takes_back_opens_nothing_after_the_next_look(double: IssuerDouble) -> None:
    """Not even for tokens that were verified by it before."""
    asked, token = Asked(double), double.token()
    asked.tokens.principal(token)
    double.keys = {"two": rsa_key(1)}
    asked.passed = REFRESH_SECONDS - 1
    asked.keys.look()
    assert "ann" == asked.tokens.principal(token).listener_id
    asked.passed = REFRESH_SECONDS
    asked.keys.look()
    assert "does not name" in asked.refusal(token)


BROKEN: dict[str, bytes] = {
    "no JSON": b"<html>",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "no keys": b"{}",
    "no list": b'{"keys": {}}',
    "none": b'{"keys": []}',
    "for others": json.dumps({"keys": [jwk(rsa_key(), "one", use="enc")]}).encode(),
    "too large": b" " * (MOST_BYTES + 1),
}


@pytest.mark.parametrize("served", [None, *BROKEN])
def test_keys_read_before_count_while_the_issuer_cannot_be_read(double: IssuerDouble, served: str | None) -> None:
    """Said in the log once, and again tried every few seconds; a key that is not known then hears of a retry."""
    asked, token = Asked(double), double.token()
    double.is_down, double.jwks = served is None, BROKEN.get(served or "")
    asked.passed = REFRESH_SECONDS
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            asked.keys.look()
            asked.passed += AGAIN_SECONDS
    assert ["the issuer's keys cannot be read: those read before still count"] == [
        line["event"] for line in logs if line["log_level"] == "error"
    ]
    assert "ann" == asked.tokens.principal(token).listener_id
    with pytest.raises(Unavailable):
        asked.tokens.principal(double.token("two", key=rsa_key(1)))
    double.is_down, double.jwks, double.keys["two"] = False, None, rsa_key(1)
    asked.keys.look()
    assert "ann" == asked.tokens.principal(double.token("two")).listener_id


def test_a_key_that_cannot_be_used_costs_itself_only(double: IssuerDouble) -> None:
    """Secrets, short keys, what is no key; a private part that an issuer shows by mistake is in no log."""
    private = jwk(rsa_key(), "private") | {"d": "c2VjcmV0", "p": "c2VjcmV0", "q": "c2VjcmV0"}
    double.jwks = json.dumps(
        {
            "keys": [
                {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
                jwk(rsa_key(2, bits=1024), "short"),
                {"kty": "RSA", "kid": "empty"},
                {"kty": "EC", "crv": "P-256", "x": "!", "y": "!", "kid": "crooked"},
                {"kty": "?"},
                jwk(rsa_key(), None) | {"kid": 7},
                "text",
                None,
                private,
                jwk(rsa_key(), "pinned", alg="PS256"),
                jwk(rsa_key(), "one"),
            ]
        }
    ).encode()
    with structlog.testing.capture_logs() as logs:
        asked = Asked(double)
    assert "ann" == asked.tokens.principal(double.token()).listener_id
    assert "does not name" in asked.refusal(double.token("short", key=rsa_key(2, bits=1024), algorithm="RS256"))
    assert "does not name" in asked.refusal(double.token("pinned", key=rsa_key()))
    assert "ann" == asked.tokens.principal(double.token("private", key=rsa_key())).listener_id
    assert 6 == len([line for line in logs if line["log_level"] == "warning"])
    assert "c2VjcmV0" not in repr(logs)


def test_discovery_says_where_the_keys_are(double: IssuerDouble) -> None:
    """Where no address is set; one that speaks of another issuer, or leads into the open, is not followed."""
    read = keys_of(double.url, "")
    assert double.pages()["/keys"] == read()
    for told in (
        {"issuer": "https://other.example"},
        {"jwks_uri": "http://example.org/keys"},
        {"jwks_uri": "file:///etc/hostname"},
        {"jwks_uri": 7},
    ):
        sound = dict(double.discovery)
        double.discovery |= told
        with pytest.raises(Unavailable):
            read()
        double.discovery = sound


def test_keys_can_be_a_file(double: IssuerDouble, tmp_path: Path) -> None:
    """One that is not there is told as an issuer that is down."""
    file = tmp_path / "keys of ours.json"
    read = keys_of("https://issuer.example", file.as_uri())
    with pytest.raises(Unavailable, match="No such file"):
        read()
    file.write_bytes(double.pages()["/keys"])
    assert double.pages()["/keys"] == read()


@pytest.mark.parametrize("url", ["http://example.org/keys", "ftp://x/y", "keys.json", "https://", "http://[", "file:"])
def test_keys_are_never_read_in_the_open(url: str) -> None:
    """Whoever is between could give keys of their own."""
    with pytest.raises(InvalidInput, match=r"^oidc_keys_url: "):
        keys_of("https://issuer.example", url)
    with pytest.raises(InvalidInput, match=r"^oidc_issuer: "):
        keys_of(url, "")


@pytest.mark.parametrize(
    ("rules", "setting"),
    [
        ({"audience": ""}, "oidc_audience"),
        *(({"algorithms": one}, "oidc_algorithms") for one in ((), ("none",), ("HS256",), ("RS256", "HS256"), ("",))),
        ({"listener_claim": ""}, "oidc_listener_claim"),
        ({"unbound_scope": "segue:admin"}, "oidc_unbound_scope"),
    ],
)
def test_rules_that_would_let_strangers_in_are_refused_at_the_start(rules: dict[str, Any], setting: str) -> None:
    """Each names its setting."""
    with pytest.raises(InvalidInput, match=f"^{setting}"):
        Claims(**{"issuer": "https://issuer.example", "audience": AUDIENCE} | rules)


@pytest.mark.parametrize("text", ["app", "app=", "=ingest", "app=ingest+", "app=everything", "a=ingest,b"])
def test_a_mapping_of_scopes_that_is_none_is_told(text: str) -> None:
    """With the part that is wrong."""
    with pytest.raises(InvalidInput, match=r"^oidc_scopes: "):
        scopes_of(text)
