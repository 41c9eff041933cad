"""How every command speaks: steps with their seconds, tables, progress bars; or JSON and nothing else.

Results go to stdout; steps, bars and errors go to stderr, so that `--json` can be piped as it is.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from backend.visible import OBEYED, visible


def _shown(text: str) -> str:
    """As rich prints it: neither markup nor anything that the terminal obeys."""
    return escape(visible(text))


class Output:
    """One command's voice. With `as_json` only `result` prints to stdout, and tables are silent."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = Console(highlight=False)
        self._err = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """A line for people: what happens now, what to do next. Silent with --json."""
        if not self.as_json:
            self._err.print(_shown(text), soft_wrap=True)

    def done(self, text: str, seconds: float) -> None:
        """A step that is over, as in: ✓ broker is up (3.1 s)."""
        if not self.as_json:
            self._err.print(f"[green]✓[/green] {_shown(text)} [dim]({seconds:.1f} s)[/dim]", soft_wrap=True)

    def warn(self, text: str) -> None:
        """Something a person should know, also with --json."""
        self._err.print(f"[yellow]![/yellow] {_shown(text)}", soft_wrap=True)

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        """Say what is being done while it is, then that it is done and how long it took."""
        started = time.monotonic()
        if self.as_json or not self._err.is_terminal:
            self.say(f"… {doing}")
            yield
        else:
            with self._err.status(_shown(doing)):
                yield
        self.done(done, time.monotonic() - started)

    @contextmanager
    def bar(self, text: str, total: int | None, *, unit: str = "count") -> Iterator[Progress]:
        """A progress bar over `total` (None: nobody knows how much there is).

        Move it with `progress.advance(progress.task_ids[0], n)`, from any thread. `unit` is "count" or "bytes".
        """
        columns = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *columns,
            TimeRemainingColumn(),
            console=self._err,
            disable=self.as_json,
            transient=True,
        )
        progress.add_task(_shown(text), total=total)
        with progress:
            yield progress

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table on stdout; numbers stand right. Silent with --json."""
        if self.as_json:
            return
        table = Table(title=_shown(title) or None, title_justify="left")
        for position, column in enumerate(columns):
            numeric = all(isinstance(row[position], int | float) for row in rows) and bool(rows)
            # Folded, for an id that is cut cannot be copied; a number and its heading are never broken.
            justify: Literal["right", "left"] = "right" if numeric else "left"
            table.add_column(_shown(column), justify=justify, overflow="fold", no_wrap=numeric)
        for row in rows:
            table.add_row(*(_shown(_cell(value)) for value in row))
        self._out.print(table)

    def result(self, value: object) -> None:
        """The command's result as one line of JSON on stdout; silent without --json."""
        if self.as_json:
            sys.stdout.write(to_json(value) + "\n")
            sys.stdout.flush()

    def error(self, message: str, *, kind: str) -> None:
        """What went wrong and what to do, on stderr; one JSON object with --json."""
        if self.as_json:
            sys.stderr.write(to_json({"error": kind, "message": message}) + "\n")
        else:
            self._err.print(f"[red]✗[/red] {_shown(message)}", soft_wrap=True)


def to_json(value: object) -> str:
    """One line; dataclasses as objects, days and times in ISO 8601, paths as text. Raises TypeError for anything else.

    A number that is none or has no end is null: JSON knows neither (RFC 8259, 6). JSON escapes some of what a terminal
    obeys; the rest is escaped here, so that the line may be shown as it is.
    """
    plain = json.loads(json.dumps(value, default=_plain), parse_constant=lambda _: None)
    text = json.dumps(plain, ensure_ascii=False)
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, date):  # or a datetime
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
