"""Carries result topics, the catalogue and profiles from the event log into the store.

Outcomes of a record:
1. a result row → upserted by its primary key
2. a result row's deletion → the row is deleted
3. a track or artist → put into the catalogue
4. a play or feedback → merged into the listener's profile, once per event id
5. a heartbeat, or a record without a value in plays or feedback, or under the key NUDGE: a deletion → passed over
6. malformed, whatever it holds → logged with topic, partition and offset, counted, passed over; a letter of it is
   written, but of plays, whose letters are Flink's
7. of a listener who is being erased, or a row that names one → left out
8. the store is down → Unavailable; nothing of the batch counts as done and the offsets stay
Offsets are written after the rows, into the same database: a sink killed in between writes the same rows again, which
changes nothing.
While the store writes one batch, a thread reads and decodes the next: no batch is begun before the one before it is in
the store with its offsets, and one that was only read counts for nothing.
"""

import logging
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from backend import endings, logs, wiring
from backend.domain.errors import InvalidInput, Unavailable
from backend.domain.listeners import Profile, merge
from backend.ports.event_log import EventLog
from backend.ports.store import Store
from backend.settings import Settings
from streaming.batch import TOPICS, Batch
from streaming.erased import Erased
from streaming.letters import count
from streaming.sink_metrics import SinkMetrics

log = logging.getLogger(__name__)
BATCH = 20_000
"""Records a batch: large enough that the many refreshes of one open hour collapse into one write."""
GATHER_SECONDS = 0.05
"""How long a small batch waits for what comes with it: every batch costs the store some round trips of its own, and a
refresh of the job comes in pieces, from each of its tasks and for each partition."""
SMALL = 1_000
"""Records that are worth a batch at once."""
TELL_SECONDS = 5.0
"""How often the lag is measured and logged."""


class Sink:
    """Reads batches and writes them, one after another: a slow store slows the reading, which is the back-pressure.

    After Unavailable it is of no more use: close it and open another, which begins at the stored offsets.
    """

    def __init__(self, event_log: EventLog, store: Store, metrics: SinkMetrics | None = None) -> None:
        self._store = store
        self._metrics = metrics or SinkMetrics()
        self._letters = store.letters()
        self._erased = Erased(store)
        self._reader = event_log.reader(TOPICS, store.offsets())
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sink-reader")
        self._next: Future[Batch] | None = None
        self._has_failed = False
        self._read = 0
        self._carried = 0
        self.written = 0
        self.malformed = 0

    def step(self, timeout_seconds: float = 0.5) -> int:
        """Carry one batch over; how many records it had. Raises Unavailable (outcome 8)."""
        if self._has_failed:
            raise Unavailable("this sink has failed before: open another, which goes on from the stored offsets")
        try:
            return self._step(timeout_seconds)
        except BaseException:
            self._has_failed = True
            raise

    def _step(self, timeout_seconds: float) -> int:
        batch = (self._next or self._ahead.submit(self._decoded, timeout_seconds)).result()
        self._next = None
        if not batch.records:
            return 0
        self._next = self._ahead.submit(self._decoded, timeout_seconds)
        self._write(batch)
        self._carried += batch.records
        self.written += len(batch.rows)
        self.malformed += batch.malformed
        self._metrics.wrote(records=batch.records, rows=len(batch.rows), malformed=batch.malformed)
        return batch.records

    def _decoded(self, timeout_seconds: float) -> Batch:
        """The next batch; empty where no record came in time. Runs in the reading thread."""
        polled = self._reader.poll(max_records=BATCH, timeout_seconds=timeout_seconds)
        if 0 < len(polled) < SMALL:
            time.sleep(GATHER_SECONDS)
            # Not all that is there: the store would wait while a large first batch is decoded.
            polled += self._reader.poll(max_records=min(SMALL, BATCH - len(polled)), timeout_seconds=0)
        self._read += len(polled)
        batch = Batch()
        batch.add(polled)
        return batch

    def _write(self, batch: Batch) -> None:
        if erased := self._erased.pseudonyms():
            batch.without(erased)
        if batch.artists:
            self._store.put_artists(list(batch.artists.values()))
        if batch.tracks:
            self._store.put_tracks(list(batch.tracks.values()))
        listeners = list(batch.plays.keys() | batch.feedback.keys())
        if listeners:
            known = self._store.profiles(listeners)
            self._store.put_profiles(
                [
                    merge(
                        known.get(one, Profile(listener_id=one)), batch.plays.get(one, []), batch.feedback.get(one, [])
                    )
                    for one in listeners
                ]
            )
        letters = {at: self._letters.get(at, 0) + batch.letters[at] for at in batch.offsets}
        self._letters |= letters
        counts = [
            count(topic, sum(number for at, number in self._letters.items() if at.topic == topic))
            for topic in {at.topic for at in batch.letters}
        ]
        self._store.write([*batch.rows.values(), *counts], batch.offsets, letters)

    def lag(self) -> int:
        """Records not carried over yet, those included that are read already."""
        return self._reader.lag() + self._read - self._carried

    def close(self) -> None:
        """Stop reading; what was only read is left to the next sink."""
        self._ahead.shutdown(cancel_futures=True)
        self._reader.close()


def run(event_log: EventLog, store: Store, stopped: threading.Event, *, metrics_address: str = "") -> None:
    """Carry until `stopped`; when a part is down, begin again from the stored offsets. `metrics_address`: host:port."""
    metrics = SinkMetrics()
    with metrics.served(metrics_address):
        while not stopped.is_set():
            sink: Sink | None = None
            try:
                sink = Sink(event_log, store, metrics)
                _carry(sink, metrics, stopped)
            except Unavailable as error:
                log.warning("%s; going on from the stored offsets in 1 s", error)
                stopped.wait(1)
            finally:
                if sink:
                    sink.close()


def _carry(sink: Sink, metrics: SinkMetrics, stopped: threading.Event) -> None:
    told = 0.0
    while not stopped.is_set():
        if time.monotonic() - told > TELL_SECONDS:
            lag = sink.lag()
            metrics.lag.set(lag)
            log.info("rows written %d, malformed %d, lag %d", sink.written, sink.malformed, lag)
            told = time.monotonic()
        sink.step()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.to_stderr()
    stopped = endings.asked_to_stop()
    settings = Settings()
    try:
        event_log, store = wiring.event_log(settings), wiring.store(settings)
        run(event_log, store, stopped, metrics_address=settings.sink_metrics_address)
    except InvalidInput as error:
        log.error("cannot start: %s", error)
        sys.exit(2)
    store.close()
    event_log.close(timeout_seconds=5)


if __name__ == "__main__":
    main()
