"""What a Pinecone index holds and admits, as its documentation says, and what the tests make go wrong with it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KEY, INDEX = "pcsk_test", "segue-test"

Records = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Fault:
    """One answer that goes wrong: to the next request of a path that starts so."""

    path: str
    status: int = 503
    retry_after: str | None = None
    seconds: float = 0.0
    after_the_deed: bool = False


@dataclass
class PineconeDouble:
    """An index's namespaces. What is written is read `lag_seconds` later, as the service is eventually consistent.

    `faults` are taken in turn by the requests that they fit; `requests` are the method and path of all there were.
    """

    dimension: int = 32
    metric: str = "dotproduct"
    lag_seconds: float = 0.0
    unknown_namespace_is_404: bool = False
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    url: str = ""
    _written: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _shown: dict[str, Records] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def write(self, deed: Callable[[], None]) -> None:
        """Show it later."""
        with self._lock:
            self._written.append((time.monotonic() + self.lag_seconds, deed))

    def shown(self) -> dict[str, Records]:
        """The namespaces as a reader sees them now."""
        with self._lock:
            while self._written and self._written[0][0] <= time.monotonic():
                self._written.pop(0)[1]()
            return {name: dict(records) for name, records in self._shown.items() if records}

    def upsert(self, namespace: str, records: Records) -> None:
        """Namespaces are made by writing into them."""
        self.write(lambda: self._shown.setdefault(namespace, {}).update(records))

    def delete(self, namespace: str, ids: list[str] | None) -> None:
        """Records, or all of them."""

        def deed() -> None:
            for one in list(self._shown.get(namespace, {})) if ids is None else ids:
                self._shown.get(namespace, {}).pop(one, None)

        self.write(deed)

    def fault(self, path: str) -> Fault | None:
        """The next one that this path meets."""
        with self._lock:
            for place, one in enumerate(self.faults):
                if path.startswith(one.path):
                    return self.faults.pop(place)
        return None


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str, code: int = 3) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def admits(condition: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    """Pinecone's filter language, as far as it is documented for numbers, texts and lists of texts."""
    return all(_holds(name, wanted, metadata) for name, wanted in condition.items())


def _holds(name: str, wanted: Any, metadata: Mapping[str, Any]) -> bool:
    if name == "$and":
        return all(admits(one, metadata) for one in wanted)
    if name == "$or":
        return any(admits(one, metadata) for one in wanted)
    if name.startswith("$"):
        raise Refusal(400, f"{name} is not a valid top level filter operator")
    if not isinstance(wanted, Mapping):
        wanted = {"$eq": wanted}
    return all(_compares(operator, value, metadata.get(name)) for operator, value in wanted.items())


def _compares(operator: str, wanted: Any, held: Any) -> bool:
    if operator == "$exists":
        return (held is not None) == wanted
    values = held if isinstance(held, list) else [held]
    if operator in {"$in", "$nin"}:
        if not isinstance(wanted, list) or len(wanted) > 10_000:
            raise Refusal(400, f"the {operator} operator must be followed by a list of at most 10000 values")
        return (not set(values).isdisjoint(wanted)) == (operator == "$in")
    if operator in {"$eq", "$ne"}:
        return (wanted in values) == (operator == "$eq")
    if operator not in {"$gt", "$gte", "$lt", "$lte"} or not isinstance(wanted, int | float):
        raise Refusal(400, f"{operator} is not a valid filter operator, or its value is of the wrong type")
    if not isinstance(held, int | float):
        return False
    return {"$gt": held > wanted, "$gte": held >= wanted, "$lt": held < wanted, "$lte": held <= wanted}[operator]
