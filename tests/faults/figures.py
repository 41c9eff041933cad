"""What a fault test saw, one line of JSON per row of the report."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of docs/faults.md. `id` is that of ../shared/design/faults.md; `held`: the reach was reached."""

    id: str
    fault: str
    dose: str
    reach: str
    seen: str
    held: bool
    test: str = ""
    seed: int = 0
    at: str = ""
    commit: str = ""


def told(rows: Path) -> list[Row]:
    """The rows of a file, in the order in which they were written."""
    return [Row(**json.loads(line)) for line in rows.read_text(encoding="utf-8").splitlines()]


class Figures:
    """Takes the rows of a run: printed, and appended to a file where one is named.

    `run` is what every row says of it: test, seed, at (text), commit.
    """

    def __init__(self, file: Path | None, **run: str | int) -> None:
        self.rows = 0
        self._file = file
        self._run = run

    def add(self, row: Row) -> None:
        """Note a row, before anything is asserted of it."""
        self.rows += 1
        line = json.dumps(asdict(row) | self._run, ensure_ascii=False)
        print(line)  # noqa: T201 - pytest shows it where the test fails
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def seconds(measured: Sequence[float]) -> str:
    """The middle and the longest."""
    return f"{median(measured):.1f} s in the middle, {max(measured):.1f} s at most"
