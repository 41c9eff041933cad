"""How long what is kept is kept, in days; 0 is for ever. docs/privacy.md says why."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY, LIVE_TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """One number for each kind of what is kept; fields are named as the settings `retention_NAME_days`."""

    events: int = 0
    archive: int = 0
    letters: int = 0
    listener: int = 0
    tables: int = 0
    extracts: int = 0
    receipts: int = 0

    def of_table(self, name: str) -> int:
        """Of the rows of a live table; a table whose rows have no moment holds what is so now, and keeps it."""
        if not LIVE_TABLES[name].moment:
            return 0
        return {DEAD_LETTERS.name: self.letters, LISTENER_ACTIVITY.name: self.listener}.get(name, self.tables)

    def of_topics(self) -> dict[str, int]:
        """Of the records of topics, by name; those that are not named are kept for ever."""
        return {"plays": self.events, "feedback": self.events, **{name: self.of_table(name) for name in LIVE_TABLES}}


def kept_since(now: datetime, days: int) -> datetime:
    """The first moment, UTC, that is kept, where so many days are: whole days go, the first of them `days` ago."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)
