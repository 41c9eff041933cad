"""What work on everything that is kept of listeners works on."""

from dataclasses import dataclass
from pathlib import Path

from backend.ports.event_log import EventLog
from backend.ports.store import Store
from streaming.site import Site
from streaming.spec import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """`spec` is that of any live job. `store_file` is the embedded store's, None where the store is another."""

    event_log: EventLog
    store: Store
    site: Site
    spec: JobSpec
    store_file: Path | None = None

    @property
    def lateness_minutes(self) -> int:
        """What a day waits beyond the hour that every day is given (`compact.last_settled_day`), until it is settled.

        For late plays, and for sessions: one that is over ends with silence, which may be longer than that hour.
        """
        return self.spec.lateness_minutes + max(self.spec.session_minutes - 60, 0)
