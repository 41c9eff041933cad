"""A listener's data given out: a zip of JSON lines with a README, made while it is sent."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from backend.domain.errors import NotFound, Overloaded
from backend.ports.archive import PlayArchive
from backend.ports.event_log import EventLog, Topic
from backend.ports.models import ModelRepository
from backend.ports.store import TableStore
from backend.ports.tokens import BoundTokens
from backend.services.export_readme import Section, readme
from backend.services.holdings import Holdings, Line
from backend.services.identities import KnownIdentities
from backend.services.profiles import Profiles
from backend.services.zip_stream import ZipStream

EXPORTS_AT_ONCE = 2
"""Each reads the whole of two topics, and holds some 70 MB meanwhile."""

README = "README.md"


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    lines: Callable[[Holdings], Iterable[Line]]


FILES: Sequence[_File] = (
    _File("plays.jsonl", lambda held: held.records(Topic.PLAYS)),
    _File("archive.jsonl", Holdings.archived),
    _File("feedback.jsonl", lambda held: held.records(Topic.FEEDBACK)),
    _File("rights.jsonl", lambda held: held.records(Topic.RIGHTS)),
    _File("profile.jsonl", Holdings.profile),
    _File("listener_activity.jsonl", Holdings.activity),
    _File("dead_letters.jsonl", Holdings.dead_letters),
    _File("models.jsonl", Holdings.models),
    _File("tokens.jsonl", Holdings.tokens),
)
"""In the order in which they stand in the zip; the README comes last, as it says how many lines each has."""


class Exporter:
    """Gives out what is held of a listener. Thread-safe."""

    def __init__(
        self,
        *,
        log: EventLog,
        tables: TableStore,
        profiles: Profiles,
        models: ModelRepository,
        identities: KnownIdentities,
        tokens: BoundTokens,
        archive: PlayArchive | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log = log
        self._tables = tables
        self._profiles = profiles
        self._models = models
        self._identities = identities
        self._tokens = tokens
        self._archive = archive
        self._now = now
        self._places = threading.BoundedSemaphore(EXPORTS_AT_ONCE)

    def export(self, listener_id: str, *, is_wanted: Callable[[], bool] = lambda: True) -> Iterator[bytes]:
        """The chunks of the zip, at most `zip_stream.CHUNK` bytes each.

        Where `is_wanted` says no any more, it ends with HungUp. Raises NotFound for a listener of whom nothing is
        held, Overloaded where EXPORTS_AT_ONCE are made already, Unavailable.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded(f"{EXPORTS_AT_ONCE} exports are made already: try again when one has ended")
        try:
            pseudonym = self._identities.pseudonym(listener_id)
            if pseudonym is None:
                raise NotFound("nothing is held of a listener of this id")
            held = Holdings(
                listener_id,
                pseudonym,
                log=self._log,
                archive=self._archive,
                tables=self._tables,
                profiles=self._profiles,
                models=self._models,
                tokens=self._tokens,
                is_wanted=is_wanted,
            )
            yield from self._zip(held, listener_id, pseudonym)
        finally:
            self._places.release()

    def _zip(self, held: Holdings, listener_id: str, pseudonym: str) -> Iterator[bytes]:
        made_at = self._now()
        zipped = ZipStream(at=made_at)
        sections = []
        for file in FILES:
            counted = _Counted(file.lines(held))
            yield from zipped.file(file.name, counted)
            sections.append(Section(name=file.name, lines=counted.lines))
        text = readme(listener_id, pseudonym, made_at=made_at, sections=sections)
        yield from zipped.file(README, [text.encode()])
        yield from zipped.close()


class _Counted:
    """Lines as JSON, counted while they are taken."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = lines
        self.lines = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.lines += 1
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
