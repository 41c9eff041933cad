"""Calls of Pinecone's client with a deadline: what may be tried again is, and what cannot helps itself with a sentence.

The client's own retries are switched off: its data plane takes no retry settings and would wait up to a minute and
a half three times for a service that asks for it, whatever the caller has left.
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pinecone import Index, Pinecone, RetryConfig
from pinecone._internal.constants import DATA_PLANE_API_VERSION
from pinecone._internal.http_client import HTTPClient
from pinecone.errors import (
    ApiError,
    ForbiddenError,
    NotFoundError,
    PaymentRequiredError,
    PineconeConnectionError,
    PineconeError,
    PineconeTimeoutError,
    RateLimitError,
    UnauthorizedError,
)

from backend.domain.errors import InvalidInput, Unavailable, Violation

T = TypeVar("T")

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same request may do better; every request here may be sent twice."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
_OPEN_SECONDS = 10.0
_LEAST_TIMEOUT = 0.05


class Calls:
    """One Pinecone index, called within deadlines. Thread-safe.

    `controller` is where the control plane is, "" for Pinecone's own. Raises InvalidInput where the settings are wrong
    and Unavailable where Pinecone cannot be reached.
    """

    def __init__(self, api_key: str, *, index: str, controller: str = "") -> None:
        once = RetryConfig(max_retries=0)
        self._name = index
        try:
            with Pinecone(api_key=api_key, host=controller or None, timeout=_OPEN_SECONDS, retry_config=once) as client:
                self._index: Index = self.within(_OPEN_SECONDS, lambda _: _without_retries(client.index(index)))
        except NotFoundError as error:
            raise InvalidInput(
                [
                    Violation(
                        "vectors_url", f"Pinecone has no index {index} in this project: create it, dense, dotproduct"
                    )
                ]
            ) from error
        except (UnauthorizedError, ForbiddenError) as error:
            raise InvalidInput([Violation("pinecone_api_key", _refused(error))]) from error

    def close(self) -> None:
        """Let go of the connections; nothing can be asked then."""
        self._index.close()

    def ask(self, seconds: float, request: Callable[[Index, float], T]) -> T:
        """What the index answers to `request`, which is handed the index and its timeout. Raises as `within`."""
        try:
            return self.within(seconds, lambda timeout: request(self._index, timeout))
        except (UnauthorizedError, ForbiddenError, PaymentRequiredError) as error:
            raise Unavailable(_refused(error)) from error

    def within(self, seconds: float, request: Callable[[float], T]) -> T:
        """Try until it is answered or `seconds` are over, waiting as long as Pinecone asks for.

        Raises NotFoundError, UnauthorizedError, ForbiddenError and PaymentRequiredError as they come, and Unavailable
        for everything else, at once where waiting would take longer than there is time.
        """
        deadline = time.monotonic() + seconds
        backoff = _FIRST_WAIT
        while True:
            try:
                return request(max(deadline - time.monotonic(), _LEAST_TIMEOUT))
            except (NotFoundError, UnauthorizedError, ForbiddenError, PaymentRequiredError):
                raise
            except PineconeError as error:
                wait = max(_asked_wait(error), random.uniform(backoff / 2, backoff))
                if not _passes(error) or time.monotonic() + wait > deadline:
                    raise Unavailable(self._sentence(error, seconds)) from error
            time.sleep(wait)
            backoff = min(2 * backoff, _LONGEST_WAIT)

    def _sentence(self, error: PineconeError, seconds: float) -> str:
        asked = _asked_wait(error)
        if isinstance(error, RateLimitError) and asked:
            return (
                f"Pinecone asks to wait {asked:g} s before index {self._name} is called again, longer than the "
                f"{seconds:g} s there are: try again later, or raise the project's limit"
            )
        if isinstance(error, ApiError) and not _passes(error):
            return f"Pinecone refused a request of index {self._name} (HTTP {error.status_code}): {error}"
        return f"Pinecone index {self._name} (vectors_url) did not answer within {seconds:g} s: {error}"


def _without_retries(index: Index) -> Index:
    """The index over a connection that tries once. `Pinecone(retry_config=…)` reaches the control plane only."""
    config = replace(index._config, retry_config=RetryConfig(max_retries=0))
    index._http.close()
    index._http = HTTPClient(config, DATA_PLANE_API_VERSION)
    return index


def _passes(error: PineconeError) -> bool:
    if isinstance(error, ApiError):
        return error.status_code in _PASSING
    return isinstance(error, PineconeTimeoutError | PineconeConnectionError)


def _asked_wait(error: PineconeError) -> float:
    """Seconds of the answer's Retry-After, 0 where it holds none that is a number."""
    if not isinstance(error, ApiError) or not error.headers:
        return 0.0
    try:
        return max(0.0, float({key.lower(): value for key, value in error.headers.items()}["retry-after"]))
    except (KeyError, ValueError):
        return 0.0


def _refused(error: ApiError) -> str:
    return (
        f"Pinecone refused the key (HTTP {error.status_code}: {error}): set SEGUE_PINECONE_API_KEY to one of the "
        "project that holds the index, and look at its quota at app.pinecone.io"
    )
