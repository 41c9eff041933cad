"""What a load client sent and what it was told: a line before each call, a line after it, each on disk at once."""

import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self


class Fate(StrEnum):
    """What the client knows of an event."""

    OK = "ok"
    """The server said that the log holds it."""
    FAILED = "failed"
    """The server said that the log does not."""
    UNKNOWN = "unknown"
    """Nobody said: no answer, or one that leaves it open. The client sends it again."""


class Ledger:
    """An append-only file, written by any thread. Moments are seconds since 1970."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def sending(self, event_ids: Collection[str]) -> float:
        """Write down what is about to be sent; the moment."""
        return self._write({"sent": list(event_ids)})

    def told(self, fates: Mapping[str, Fate], code: str, *, sent_at: float) -> None:
        """Write down what became of a call that began at `sent_at`."""
        self._write({"fates": fates, "code": code, "sent_at": sent_at})

    def account(self) -> "Account":
        """Everything written so far."""
        return read(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, line: Mapping[str, object]) -> float:
        with self._lock:
            at = time.time()
            self._file.write(json.dumps({"at": at, **line}) + "\n")
            self._file.flush()
        return at


@dataclass(slots=True)
class Account:
    """A ledger, added up. What was confirmed once stays confirmed; `failed` is what was refused and never confirmed."""

    sent: set[str] = field(default_factory=set)
    ok: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    codes: Counter[str] = field(default_factory=Counter)
    """Calls by how they ended."""
    confirmed: list[tuple[float, float]] = field(default_factory=list)
    """Of every call that confirmed something: when it was sent and when it ended."""

    @property
    def unknown(self) -> set[str]:
        """Events of which nobody said what became of them."""
        return self.sent - self.ok - self.failed

    def back_after(self, moment: float) -> float | None:
        """Seconds from the moment until a call that was sent after it was confirmed; None where none was."""
        ends = [ended for sent_at, ended in self.confirmed if sent_at > moment]
        return min(ends) - moment if ends else None


def read(path: Path) -> Account:
    """A ledger as it stands. A last line that is cut off does not count: what it would say never came about."""
    account = Account()
    for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not text.endswith("\n"):
            break
        line = json.loads(text)
        account.sent.update(line.get("sent", ()))
        fates: dict[str, str] = line.get("fates", {})
        account.ok.update(one for one, fate in fates.items() if fate == Fate.OK)
        account.failed.update(one for one, fate in fates.items() if fate == Fate.FAILED)
        if "code" in line:
            account.codes[line["code"]] += 1
            if Fate.OK in fates.values():
                account.confirmed.append((line["sent_at"], line["at"]))
    account.failed -= account.ok
    return account
