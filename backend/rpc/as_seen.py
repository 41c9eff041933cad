"""Listeners in live tables as who asks may see them: by their own ids, or by the pseudonyms that rows hold.

A token with the scope IDENTITIES names and sees the app's own ids, and pseudonyms where nobody is behind them any more;
one bound to a listener its own id; any other pseudonyms alone.
"""

from collections.abc import Iterable
from typing import Any

from backend.rpc.auth import Principal, Scope
from backend.services.identities import KnownIdentities

NOBODY = "-"
"""In a filter: no listener's id or pseudonym begins so."""


class AsSeen:
    """For one call. Raises Unavailable where ids are to be told and the mapping cannot be read."""

    def __init__(self, identities: KnownIdentities, principal: Principal) -> None:
        self._identities = identities
        self._bound_to = principal.listener_id
        self._sees_ids = Scope.IDENTITIES in principal.scopes

    def asked(self, listener_id: str) -> str:
        """Whom a filter means, as rows name them; "" stays everybody.

        Of a bound token it is the listener whom the token belongs to, as the guard has made sure.
        """
        if self._bound_to:
            return self._identities.pseudonym(self._bound_to) or NOBODY
        if listener_id and self._sees_ids:
            return self._identities.pseudonym(listener_id) or listener_id
        return listener_id

    def show(self, rows: Iterable[Any], field: str) -> None:
        """Put into that field of the messages whom its pseudonym stands for, where the caller may see it."""
        if not (self._sees_ids or self._bound_to):
            return
        named = [row for row in rows if getattr(row, field)]
        found = self._identities.listener_ids(sorted({getattr(row, field) for row in named}))
        for row in named:
            setattr(row, field, found.get(getattr(row, field), getattr(row, field)))
