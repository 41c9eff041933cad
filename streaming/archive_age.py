"""Whether the play archive keeps up with the log: a play that was counted stands in one of its files soon after.

Files appear when the checkpoint that covers them is complete, so a job without checkpoints archives nothing; that
`verdict.py` sees by itself. Here is seen what a healthy job can hide: it counts plays, and no file comes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.buckets import files_at, reached
from backend.domain.live_tables import ARTIST_ENGAGEMENT
from backend.extras import explained
from backend.ports.event_log import EventLog, EventReader, StoredRecord, Topic
from backend.ports.fields import MalformedRecord
from backend.ports.records import play_from_record
from backend.ports.store import Store, TableQuery

with explained("streaming"):
    from pyarrow import fs

LOOK_BACK = timedelta(days=1)
"""How far back the log is looked through, which also holds heartbeats, for a play that waits."""
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """When the archive's newest file was finished (None: it has none), and since when a play waits to be in one."""

    url: str
    newest_file: datetime | None
    waiting_since: datetime | None


def look(url: str, event_log: EventLog, store: Store, *, since: datetime, until: datetime) -> Archive:
    """The archive now. A play waits that was appended between the newest file, or `since` at most, and `until`.

    Only where rows of tables were written after that file: plays that are sent again wait for nothing, as they count
    for nothing. Raises Unavailable.
    """
    newest = newest_file(url)
    start = max(newest or since, until - LOOK_BACK)
    waiting = None
    if start < until and _counted_after(store, start):
        with event_log.tail([Topic.PLAYS], since=start) as reader:
            waiting = _first_play(reader, until)
    return Archive(url=url, newest_file=newest, waiting_since=waiting)


def newest_file(url: str) -> datetime | None:
    """When the newest file that readers see was finished, UTC; None where there is none. Raises Unavailable."""
    with reached(url):
        files, root = files_at(url, setting="archive_url")
        entries = files.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    times = [entry.mtime_ns for entry in entries if entry.is_file and entry.base_name.startswith("part-")]
    return datetime.fromtimestamp(max(times) / 1e9, tz=UTC) if times else None


def _counted_after(store: Store, moment: datetime) -> bool:
    written_at = store.page(ARTIST_ENGAGEMENT, TableQuery(page_size=1)).as_of
    return written_at is not None and written_at > moment


def _first_play(reader: EventReader, until: datetime) -> datetime | None:
    """When the first play that comes was appended, if before `until`."""
    until_ms = until.timestamp() * 1000
    while reader.lag():
        for record in reader.poll(max_records=_AT_ONCE, timeout_seconds=1.0):
            if record.appended_ms < until_ms and _is_play(record):
                return datetime.fromtimestamp(record.appended_ms / 1000, tz=UTC)
    return None


def _is_play(record: StoredRecord) -> bool:
    try:
        return play_from_record(record) is not None
    except MalformedRecord:
        return False
