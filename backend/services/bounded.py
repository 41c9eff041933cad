"""Mappings that forget: at most so many entries or so much weight, and optionally those that are old."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedMap(Generic[Key, Value]):
    """Keeps the `size` entries put or read last; `get` passes over those older than `seconds`. Thread-safe."""

    def __init__(self, size: int, *, seconds: float = float("inf"), clock: Callable[[], float] = lambda: 0.0) -> None:
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value, None where there is none or it is too old."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            put_at, value = entry
            if self._clock() - put_at > self._seconds:
                return None
            self._entries.move_to_end(key)
            return value

    def old(self, key: Key) -> Value | None:
        """The value, however old it is; None where there is none."""
        with self._lock:
            entry = self._entries.get(key)
            return entry[1] if entry is not None else None

    def put(self, key: Key, value: Value) -> None:
        """Keep a value; the entry used longest ago goes where there is no room."""
        with self._lock:
            self._entries[key] = (self._clock(), value)
            self._entries.move_to_end(key)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class WeighedMap(Generic[Key, Value]):
    """Keeps the entries put or read last, as long as their weights come to at most `most`. Thread-safe."""

    def __init__(self, most: int, *, seconds: float = float("inf"), clock: Callable[[], float] = lambda: 0.0) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._entries: OrderedDict[Key, tuple[float, int, Value]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value, None where there is none or it is too old."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or self._clock() - entry[0] > self._seconds:
                return None
            self._entries.move_to_end(key)
            return entry[2]

    def old(self, key: Key) -> Value | None:
        """The value, however old it is; None where there is none."""
        with self._lock:
            entry = self._entries.get(key)
            return entry[2] if entry is not None else None

    def put(self, key: Key, value: Value, *, weight: int) -> None:
        """Keep a value; the entries used longest ago go where there is no room."""
        with self._lock:
            self._drop(key)
            self._entries[key] = (self._clock(), weight, value)
            self._weight += weight
            while self._weight > self._most:
                self._drop(next(iter(self._entries)))

    def forget(self, keys: Iterable[Key]) -> None:
        """Those of them that are kept are so no more."""
        with self._lock:
            for key in keys:
                self._drop(key)

    def items(self) -> list[tuple[Key, Value]]:
        """All of them, those used longest ago first."""
        with self._lock:
            return [(key, value) for key, (_, _, value) in self._entries.items()]

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= entry[1]
