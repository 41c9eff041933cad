"""All that is held of one listener, read from where it is, line by line and never whole in memory.

In every line the listener's own id stands in the place of the pseudonym.
"""

import base64
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict

import orjson

from backend import scanning
from backend.domain.errors import InvalidInput, ModelRefused, NotFound
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY, LiveTable
from backend.extras import MissingExtra
from backend.ports.archive import PlayArchive
from backend.ports.event_log import EventLog, Topic
from backend.ports.models import ModelRepository
from backend.ports.store import RowT, TableQuery, TableStore
from backend.ports.tokens import BoundTokens
from backend.services.profiles import Profiles

_log = logging.getLogger(__name__)

Line = Mapping[str, object]

BATCH = 5_000
"""Records between two looks whether anybody waits for them."""

ROWS = 500
"""Rows of a table read at once; a dead letter may hold 4 KiB of a record."""


class HungUp(Exception):
    """Nobody waits for the answer any more."""


class Holdings:
    """What is held of the listener `listener_id`, for whom `pseudonym` stands.

    What is broken has a line that says so, and the reason in the log: it may name folders, which are nobody's business.
    `is_wanted` is asked now and then: where it says no, reading ends with HungUp. Methods raise Unavailable.
    """

    def __init__(
        self,
        listener_id: str,
        pseudonym: str,
        *,
        log: EventLog,
        archive: PlayArchive | None,
        tables: TableStore,
        profiles: Profiles,
        models: ModelRepository,
        tokens: BoundTokens,
        is_wanted: Callable[[], bool],
    ) -> None:
        self._listener_id = listener_id
        self._pseudonym = pseudonym
        self._log = log
        self._archive = archive
        self._tables = tables
        self._profiles = profiles
        self._models = models
        self._tokens = tokens
        self._is_wanted = is_wanted

    def records(self, topic: Topic) -> Iterator[Line]:
        """Every record of theirs that the topic held when this began, in order within a partition."""
        needle = self._pseudonym.encode()
        for number, record in enumerate(scanning.records(self._log, topic)):
            if number % BATCH == 0:
                self._require_wanted()
            if record.value is not None and needle in record.value:
                yield self._told(record.value)

    def archived(self) -> Iterator[Line]:
        """Their rows of the play archive; a line that says so where this server does not see it."""
        if self._archive is None:
            yield {"unreadable": "this server has no play archive"}
            return
        try:
            for number, row in enumerate(self._archive.of(self._pseudonym)):
                if number % BATCH == 0:
                    self._require_wanted()
                yield {**asdict(row), "listener_id": self._listener_id}
        except (NotFound, MissingExtra) as error:
            _log.warning("the play archive is left out of an export: %s", error)
            yield {"unreadable": "no play archive is to be seen from this server"}

    def profile(self) -> Iterator[Line]:
        """Latest plays and last words, as the next recommendation would take them."""
        profile = self._profiles.of(self._pseudonym)
        for entry, held in (("play", profile.recent), ("word", profile.words)):
            for one in held:
                yield {"entry": entry, "listener_id": self._listener_id, **asdict(one)}

    def activity(self) -> Iterator[Line]:
        """Their rows of the live table."""
        for row in self._rows(LISTENER_ACTIVITY, self._pseudonym):
            yield {**asdict(row), "listener_id": self._listener_id}

    def dead_letters(self) -> Iterator[Line]:
        """Letters on records of theirs: by the key, or by what is kept of the record."""
        for row in self._rows(DEAD_LETTERS):
            if row.record_key == self._pseudonym or self._pseudonym.encode() in _bytes_of(row.record or ""):
                key = self._listener_id if row.record_key == self._pseudonym else row.record_key
                yield {**asdict(row), "record_key": key}

    def models(self) -> Iterator[Line]:
        """What published versions learned of them."""
        for version in self._models.summaries():
            self._require_wanted()
            about = {"version": version.version, "created_at": version.created_at, "serves": version.is_current}
            try:
                factors = self._models.listener_factors(version.version, self._pseudonym)
            except NotFound:
                continue  # pruned meanwhile
            except ModelRefused as error:
                _log.error("model version %s is left out of an export: %s", version.version, error)
                yield {**about, "unreadable": "the version is incomplete or altered"}
                continue
            if factors is not None:
                yield {**about, "listener_id": self._listener_id, "factors": factors.tolist()}

    def tokens(self) -> Iterator[Line]:
        """Tokens that speak for them."""
        try:
            tokens = self._tokens.of(lambda bound: bound == self._listener_id)
        except InvalidInput as error:
            _log.error("tokens are left out of an export: %s", error)
            yield {"unreadable": "the file of tokens is broken"}
            return
        for token in tokens:
            yield {"listener_id": self._listener_id, **asdict(token)}

    def _rows(self, table: LiveTable[RowT], listener_id: str = "") -> Iterator[RowT]:
        token: str | None = ""
        while token is not None:
            self._require_wanted()
            page = self._tables.page(table, TableQuery(listener_id=listener_id, page_size=ROWS, page_token=token))
            yield from page.rows
            token = page.next_page_token or None

    def _told(self, value: bytes) -> Line:
        """A record's fields; of one that is none, its bytes."""
        try:
            fields = orjson.loads(value)
        except orjson.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict):
            return {"unreadable": base64.b64encode(value).decode()}
        return {**fields, "listener_id": self._listener_id} if fields.get("listener_id") == self._pseudonym else fields

    def _require_wanted(self) -> None:
        if not self._is_wanted():
            raise HungUp("the export was given up by who asked for it")


def _bytes_of(text: str) -> bytes:
    """What base64 holds; nothing where it is none, as a letter's text may be anything that stood in its topic."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
