"""A Flink session cluster over its REST address: which jobs run, and which checkpoint to go on from."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from pyarrow import fs

from backend.domain.errors import Unavailable
from backend.settings import Settings

_ALIVE = frozenset({"INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "CANCELLING", "RECONCILING"})


@dataclass(frozen=True, slots=True)
class Job:
    """A job on the cluster; `state` is Flink's word, for example RUNNING."""

    id: str
    name: str
    state: str

    @property
    def is_alive(self) -> bool:
        """Whether it runs or will run again by itself."""
        return self.state in _ALIVE


def _get(settings: Settings, path: str) -> dict[str, list[dict[str, str]]]:
    try:
        with urllib.request.urlopen(f"{settings.flink_url}{path}", timeout=5) as answer:  # noqa: S310 - operator's URL
            body: dict[str, list[dict[str, str]]] = json.load(answer)
            return body
    except (urllib.error.URLError, TimeoutError, ConnectionError, json.JSONDecodeError) as error:
        raise Unavailable(f"Flink does not answer at {settings.flink_url}{path}: {error}") from error


def jobs(settings: Settings, name: str) -> list[Job]:
    """Every job of that name that the cluster remembers. Raises Unavailable."""
    rows = _get(settings, "/jobs/overview")["jobs"]
    return [Job(row["jid"], row["name"], row["state"]) for row in rows if row["name"] == name]


def newest_checkpoint(url: str) -> str | None:
    """URL of the newest complete checkpoint in the folder at `url`, None where there is none.

    Flink itself never looks for it. A checkpoint is complete once its `_metadata` is there, which Flink writes last.
    """
    files, root = fs.FileSystem.from_uri(url)
    found = [
        entry
        for entry in files.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
        if entry.base_name == "_metadata"
    ]
    if not found:
        return None
    newest = max(found, key=lambda entry: entry.mtime_ns)
    inside: str = newest.path[len(root) :]
    return url + inside.removesuffix("/_metadata")
