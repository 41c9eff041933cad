"""A pass over erasures: what is left of listeners who asked to be forgotten.

It takes all open erasures together, part after part; each step may be repeated, and a pass that is killed is taken
up by the next. Outcomes of a part: nothing is left of them → its receipt says when; something is, or a system is down →
its receipt says what it waits for, and the next pass goes on. What a pass finds is written down before it is deleted
(days to compute again, rows), as nobody finds it again.

1. LOG: events out of the log, and out of the result topics the rows and letters that name them (forgetting.py).
2. ARCHIVE: once what its job had in hand is in files, these without their rows (archive_erasing.py).
3. TABLES: rows and letters out of the store, too, and, once what their job had in hand is written, the days that
   counted them computed again, each once it is settled (backfill.py).
4. EXTRACTS: those that this home made before the tables were rid of them are made again by whoever wants them, or by
   `segue listener erasures --run`; what is left when an erasure is due is deleted (backend/extracts.py).
Identity and profile are the server's part, models that of the next training. When all parts are done the
erasure is over, and the embedded store's file is written anew (backend/rewriting.py).
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from time import monotonic

from backend import extracts
from backend.domain.erasures import ErasedPart, Erasure, PartReceipt
from backend.domain.errors import SegueError, Unavailable
from streaming import archive_erasing, backfill, compact, lineage, live_jobs, remains
from streaming.forgetting import EVENTS, RESULTS, Forgetting, Found
from streaming.ground import Ground

log = logging.getLogger(__name__)

CHECKPOINTS = 3
"""After so many more of a live job's, what it had read before the first of them is in finished files: the second was
begun after the first, and its files are finished before the third is."""

_AFTER_TABLES = "extracts that were made before are made again, or deleted, once the tables are rid of the listener"
_ELSEWHERE = "copies and backups made outside Segue are not known to it"

LONGEST_REASON = 300
"""Characters of what a part waits for."""

LOOK_AHEAD_DAYS = 28
"""Trends look back over 7 days and anomalies over 28: so far behind a day, windows are computed again with it."""


class Pass:
    """One pass over these open erasures. Its process is the only one that makes one (`erasing.run`)."""

    def __init__(
        self,
        ground: Ground,
        erasures: Sequence[Erasure],
        *,
        now: Callable[[], datetime],
        stopped: threading.Event,
        forget_seconds: float,
    ) -> None:
        self.has_deleted = False
        """Whether the store's file may hold what the store does not."""
        self._ground = ground
        self._store = ground.store
        self._now = now
        self._stopped = stopped
        self._forget_seconds = forget_seconds
        self._erasures = {_pseudonym(one): one for one in erasures}
        """By pseudonym, as they are by now."""

    def run(self) -> Sequence[Erasure]:
        """Do what can be done; the erasures as they are afterwards. Raises Unavailable where the store is down."""
        # What goes at once went since the last pass: the identity, the profile.
        self.has_deleted = bool(self._open(ErasedPart.LOG))
        for part, step in (
            (ErasedPart.LOG, self._forget),
            (ErasedPart.ARCHIVE, self._clear_archive),
            (ErasedPart.TABLES, self._compute_again),
            (ErasedPart.EXTRACTS, self._drop_extracts),
        ):
            self._try(part, step)
        return self._close()

    def _try(self, part: ErasedPart, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # whatever it is: other parts go on, and the receipt says that this one waits
            is_ours = isinstance(error, SegueError | OSError)
            log.warning("erasures: %s is left to the next pass: %s", part, error, exc_info=None if is_ours else error)
            why = " ".join(str(error).split())[:LONGEST_REASON] if is_ours else "an error that the keeper's log tells"
            for one in self._open(part):
                self._tell(one, part, told=f"waits for the next pass: {why}", until=one.due_at)

    def _open(self, part: ErasedPart) -> list[Erasure]:
        return [one for one in self._erasures.values() if not one.is_done(part)]

    def _tell(
        self,
        erasure: Erasure,
        part: ErasedPart,
        *,
        told: str,
        rows: int = 0,
        done_at: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """Put the part's receipt: `rows` are added to those that it tells of already."""
        pseudonym = _pseudonym(erasure)
        now = self._erasures[pseudonym]
        before = now.parts.get(part, PartReceipt())
        receipt = PartReceipt(rows=before.rows + rows, done_at=done_at, until=until, told=told)
        self._store.put_part(erasure.erasure_id, part, receipt)
        self._erasures[pseudonym] = replace(now, parts={**now.parts, part: receipt})

    def _put_days(self, erasure: Erasure, days: Iterable[date]) -> None:
        pseudonym = _pseudonym(erasure)
        kept = frozenset(days)
        if kept != self._erasures[pseudonym].days:
            self._store.put_days(erasure.erasure_id, kept)
            self._erasures[pseudonym] = replace(self._erasures[pseudonym], days=kept)

    def _forget(self) -> None:
        """The log, and with it the result topics: both in one cleaning."""
        if not self._open(ErasedPart.LOG):
            return
        everyone = list(self._erasures)
        forgetting = Forgetting(self._ground.event_log, [*EVENTS, *RESULTS], everyone, self._found)
        if not forgetting.run(timeout_seconds=self._forget_seconds):
            raise Unavailable("Kafka has not forgotten every record in time, and goes on when it is asked again")
        for one in self._open(ErasedPart.LOG):
            told = "events and their deletions are gone from the log and from its files"
            self._tell(one, ErasedPart.LOG, told=told, done_at=self._now())

    def _found(self, found: Mapping[str, Found]) -> None:
        """Write down what is about to be deleted of whom."""
        for pseudonym, what in found.items():
            one = self._erasures[pseudonym]
            self._put_days(one, one.days | what.days)
            for part, topics in ((ErasedPart.LOG, EVENTS), (ErasedPart.TABLES, RESULTS)):
                if rows := sum(what.records[topic] for topic in topics):
                    self._tell(one, part, rows=rows, told="is being deleted", until=one.due_at)

    def _clear_archive(self) -> None:
        waiting = self._open(ErasedPart.ARCHIVE)
        if not waiting:
            return
        self._need(ErasedPart.LOG, waiting)
        self._await_checkpoints(live_jobs.ARCHIVE)
        self._sweep()
        with compact.compacting(self._ground.site.home):
            erased = archive_erasing.erase(self._ground.spec.archive, [_pseudonym(one) for one in waiting])
        for one in waiting:
            self._put_days(one, self._erasures[_pseudonym(one)].days | erased.days)
            told = "files that held rows are written anew without them"
            if len(waiting) > 1 and erased.rows:
                told += f"; the rows are those of {len(waiting)} listeners together"
            self._tell(one, ErasedPart.ARCHIVE, rows=erased.rows, told=told, done_at=self._now())

    def _need(self, part: ErasedPart, waiting: Sequence[Erasure]) -> None:
        if any(not self._erasures[_pseudonym(one)].is_done(part) for one in waiting):
            raise Unavailable(f"{part} comes first")

    def _await_checkpoints(self, job: live_jobs.LiveJob) -> None:
        """Return once what the job has read by now is in finished files, or in result topics. Raises Unavailable."""
        cluster, spec = self._ground.site.cluster, self._ground.spec.of(job)
        first: int | None = None
        deadline = monotonic() + 60 + 4 * CHECKPOINTS * spec.interval_seconds
        while monotonic() < deadline and not self._stopped.is_set():
            running = remains.live(cluster, spec)
            if running is None:
                raise Unavailable(f"{spec.name} does not run, and what it had in hand is written when it does")
            made = running[1].checkpoints
            first = made if first is None else min(first, made)  # fewer: it was submitted again
            if made >= first + CHECKPOINTS:
                return
            self._stopped.wait(1)
        raise Unavailable(f"{spec.name} has not taken its checkpoints in time: see `segue jobs list`")

    def _sweep(self) -> None:
        for job in live_jobs.LIVE_JOBS:
            spec = self._ground.spec.of(job)
            with lineage.submitting(self._ground.site.home, job):
                running = remains.live(self._ground.site.cluster, spec)
                if running is not None:
                    remains.sweep(spec, *running)

    def _compute_again(self) -> None:
        """Rows in the store each time: a sink that was behind may have brought one before it knew."""
        for one in self._erasures.values():
            pseudonym = _pseudonym(one)
            dropped = self._store.drop_rows_of([pseudonym])
            self.has_deleted |= dropped + self._store.drop_profiles([pseudonym]) > 0
            if dropped:
                self._tell(one, ErasedPart.TABLES, rows=dropped, told="is being deleted", until=one.due_at)
        waiting = self._open(ErasedPart.TABLES)
        if not waiting:
            return
        self._need(ErasedPart.ARCHIVE, waiting)
        self._await_checkpoints(live_jobs.TABLES)
        lateness = self._ground.lateness_minutes
        last = compact.last_settled_day(self._now(), lateness_minutes=lateness)
        settled = {day for one in waiting for day in one.days if day <= last}
        if settled:
            first, end = min(settled), min(max(settled) + timedelta(days=LOOK_AHEAD_DAYS), last) + timedelta(days=1)
            self._backfill(backfill.Days(first, end))
            for one in waiting:
                self._put_days(one, one.days - settled)
        self._forget_rows()
        for one in waiting:
            left = self._erasures[_pseudonym(one)].days
            until = compact.settled_at(max(left), lateness_minutes=lateness) if left else None
            aging = f"the live jobs' own states age out within {self._ground.spec.state_days} days, or at a replay"
            if until is None:
                told = f"rows are deleted, the days that counted them computed again; {aging}"
                self._tell(one, ErasedPart.TABLES, told=told, done_at=self._now())
            else:
                told = f"rows are deleted; {len(left)} days are computed again once they are settled; {aging}"
                self._tell(one, ErasedPart.TABLES, told=told, until=until)

    def _drop_extracts(self) -> None:
        home = self._ground.site.home
        for one in self._open(ErasedPart.EXTRACTS):
            rid_at = self._erasures[_pseudonym(one)].parts.get(ErasedPart.TABLES, PartReceipt()).done_at
            if rid_at is None:
                self._tell(one, ErasedPart.EXTRACTS, told=_AFTER_TABLES, until=one.due_at)
                continue
            deleted = extracts.drop(home, made_before=rid_at) if self._now() >= one.due_at else ()
            left = extracts.age_out(home, days=0, now=self._now(), before=rid_at).left
            if left:
                told = f"made before: {', '.join(extract.path for extract in left)}; deleted then, unless made again"
                self._tell(one, ErasedPart.EXTRACTS, told=told, until=one.due_at)
            else:
                told = f"of extracts made by this home none is older than the tables now; deleted: {len(deleted)}"
                self._tell(one, ErasedPart.EXTRACTS, told=f"{told}; {_ELSEWHERE}", done_at=self._now())

    def _backfill(self, days: backfill.Days) -> None:
        site = self._ground.site
        spec = lineage.wanted(site.home, self._ground.spec)
        tables = backfill.chosen([])
        backfill.run(site.cluster, spec, tables, days, log=self._ground.event_log, store=self._store)

    def _forget_rows(self) -> None:
        """Result topics once more: the live job may have ended a session since, and the backfill deletes rows."""
        waiting = [_pseudonym(one) for one in self._open(ErasedPart.TABLES)]
        forgetting = Forgetting(self._ground.event_log, RESULTS, waiting, self._found)
        if not forgetting.run(timeout_seconds=self._forget_seconds):
            raise Unavailable("Kafka has not forgotten every row in time, and goes on when it is asked again")
        self.has_deleted |= self._store.drop_rows_of(waiting) > 0

    def _close(self) -> Sequence[Erasure]:
        """What is over is closed; all of this pass's, as the store has them."""
        seen = []
        for one in self._erasures.values():
            held = self._store.erasure(one.erasure_id)
            if held is not None and held.is_complete and held.subject is not None:
                self.has_deleted = True  # the subject goes
                self._store.close_erasure(one.erasure_id, at=self._now())
                log.info("erasure %s is over", one.erasure_id)
                held = self._store.erasure(one.erasure_id)
            if held is not None:
                seen.append(held)
        return seen


def _pseudonym(erasure: Erasure) -> str:
    assert erasure.subject is not None, "only open erasures are worked on"
    return erasure.subject.pseudonym
