"""The folders that a job's state lies in: `<checkpoints>/<job>/<digest>/…`, one folder with `_metadata` per state.

Flink itself never looks for a state to go on from. A checkpoint or savepoint is complete once its `_metadata` is there,
which Flink writes last. One that holds a file `_passed_over` is never gone on from: Flink refused it, or an operator
asked to compute from the start of the log.
"""

from dataclasses import dataclass

from backend.buckets import files_at, reached
from backend.extras import explained

with explained("streaming"):
    from pyarrow import fs

_COMPLETE, _PASSED_OVER = "_metadata", "_passed_over"


@dataclass(frozen=True, slots=True)
class State:
    """A complete checkpoint or savepoint; `written_ns` is when its `_metadata` was, in nanoseconds since 1970."""

    url: str
    written_ns: int

    @property
    def is_savepoint(self) -> bool:
        """Whether somebody asked for it: `segue jobs upgrade` puts savepoints beside checkpoints."""
        return self.url.rsplit("/", maxsplit=1)[-1].startswith("savepoint-")


def states(url: str) -> list[State]:
    """Every complete state in the folder at `url` that is not passed over, newest first; [] without a folder.

    Raises Unavailable where an object store does not answer.
    """
    with reached(url):
        files, root = files_at(url, setting="checkpoints_url")
        entries = files.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    passed_over = {entry.path.rpartition("/")[0] for entry in entries if entry.base_name == _PASSED_OVER}
    found = [
        State(url + entry.path.rpartition("/")[0][len(root) :], entry.mtime_ns)
        for entry in entries
        if entry.base_name == _COMPLETE and entry.path.rpartition("/")[0] not in passed_over
    ]
    return sorted(found, key=lambda state: state.written_ns, reverse=True)


def newest(url: str) -> State | None:
    """The newest of `states`, None where there is none."""
    return next(iter(states(url)), None)


def pass_over(state: State, why: str) -> None:
    """Never go on from this state; `why` is written beside it for whoever looks."""
    files, folder = files_at(state.url, setting="checkpoints_url")
    with reached(state.url), files.open_output_stream(f"{folder}/{_PASSED_OVER}") as file:
        file.write(f"{why}\n".encode())
