"""Who makes the call that a thread works on: for the few servicers whose answer depends on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from backend.rpc.auth import Principal

_CALLER: ContextVar[Principal] = ContextVar("caller")


@contextmanager
def calling(principal: Principal) -> Iterator[None]:
    """Around the work on a call of this principal."""
    before = _CALLER.set(principal)
    try:
        yield
    finally:
        _CALLER.reset(before)


def caller() -> Principal:
    """Whose call it is. Raises LookupError outside of `calling`."""
    return _CALLER.get()
