"""Retention on the real log and store: rows leave topic and store together, and the sink has no letter for it."""

import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from backend import wiring
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY
from backend.domain.retention import Retention
from backend.ports.event_log import Record, Topic
from backend.ports.store import TableQuery
from backend.settings import Settings
from streaming.retention import Kept, Rounds
from streaming.sink import Sink
from tests.unit.test_result_topics import row

DAY = timedelta(days=1)


@pytest.mark.stack
def test_rows_leave_topic_and_store(settings: Settings) -> None:
    """Activity of six days and a letter of the sink, which no result topic holds; a tenant of the test's own."""
    now = datetime.now(UTC)  # of this test: one of the module would be that of its collection, perhaps a day before
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    own = settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}"})
    log = wiring.event_log(own)
    log.create_topics()
    with closing(wiring.store(own)) as store:
        store.migrate()
        records = [row("ann", midnight - nth * DAY) for nth in range(6)]
        assert all(log.append(LISTENER_ACTIVITY.name, records, timeout_seconds=20))
        assert all(log.append(Topic.FEEDBACK, [Record(key=b"k", value=b"no feedback")], timeout_seconds=20))
        sink = Sink(log, store)
        _carry(sink)
        assert (6, 1) == (len(store.page(LISTENER_ACTIVITY, TableQuery()).rows), sink.malformed)
        kept = Kept(event_log=log, store=store, archive=(own.home / "none").as_uri(), home=own.home)
        Rounds(kept, Retention(listener=3, letters=1), now=lambda: now).look()
        days = [(midnight - one.window_start).days for one in store.page(LISTENER_ACTIVITY, TableQuery()).rows]
        assert [0, 1, 2, 3] == days
        assert 1 == len(store.page(DEAD_LETTERS, TableQuery()).rows)
        _carry(sink)
        assert 1 == sink.malformed
        sink.close()
        store.write([], dict.fromkeys(log.ends([LISTENER_ACTIVITY.name]), 0))
        refilled = Sink(log, store)  # which reads the topic once more from its start
        _carry(refilled)
        assert 4 == len(store.page(LISTENER_ACTIVITY, TableQuery()).rows)
        refilled.close()
        # Three days on, not two: the letter may be of a day later than `now`.
        Rounds(kept, Retention(letters=1), now=lambda: now + 3 * DAY).look()
        assert () == store.page(DEAD_LETTERS, TableQuery()).rows
    log.close(timeout_seconds=5)


def _carry(sink: Sink) -> None:
    while sink.lag():
        sink.step()
