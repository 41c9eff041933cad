"""Whose bearer token it is: one of this home's tokens file, or one that the issuer of the settings has signed."""

from backend.rpc.auth import Principal, Tokens, token_of
from backend.rpc.issued import IssuedTokens

DOTS = 2
"""In a signed token; those of the tokens file have none."""


class AnyBearer:
    """`Bearers` over both kinds; which one it is, its form tells."""

    def __init__(self, tokens: Tokens, issued: IssuedTokens) -> None:
        self._tokens, self._issued = tokens, issued

    def principal(self, authorization: str) -> Principal:
        """See `Bearers.principal`."""
        token = token_of(authorization)
        if token.count(".") == DOTS:
            return self._issued.principal(token)
        return self._tokens.principal(authorization)
