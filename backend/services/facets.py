"""Which tracks of the catalogue a filter admits: known before any search, so that a narrow one fills a page."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from backend.domain.errors import InvalidInput, Unavailable, Violation
from backend.domain.tracks import Track
from backend.domain.wanted import TrackFilter
from backend.ports.models import ModelVersion
from backend.ports.store import CatalogueStore
from backend.ports.vectors import Filter
from backend.ranking.facets import FacetTable, Joined, Mask, Rows, facet_table, in_topics, joined
from backend.services.catalogue import Catalogue
from backend.services.model import CurrentModel

POLL_SECONDS = 5.0
MOST = 2_000_000
"""Tracks held at most: some 200 MB. Those beyond them are admitted by no filter."""

MOST_NEW = 20_000
"""Tracks that may come between two looks. With more of them, or once new ones are as many and a quarter of those that
were read, the catalogue is read again."""

FEW = 5_000
"""So many admitted tracks are all scored, one by one; of more the index is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a filter comes to now: `count` tracks, all of their `ids` where these are few, None else.

    `where` is as much of it as a vector index can look to by itself; `most_played` gives so many of the tracks, those
    with the most plays that the version learned from first, of equals by id.
    """

    count: int
    ids: Sequence[str] | None
    admits: Callable[[str], bool]
    where: Filter
    most_played: Callable[[int], list[str]]


@dataclass(frozen=True, slots=True)
class _Held:
    """The catalogue as it was read, what came since (by id), and what one version knows of the rows."""

    table: FacetTable
    new: dict[str, Track]
    version: str
    joined: Joined


class CatalogueFacets:
    """The facets of all tracks, in memory.

    A loop reads the whole catalogue once; then come the tracks that the catalogue learns of, whoever took them in. So
    it answers while the store is down. Thread-safe.
    """

    def __init__(self, store: CatalogueStore, catalogue: Catalogue, model: CurrentModel) -> None:
        self._store = store
        self._model = model
        self._come: deque[Track] = deque(maxlen=MOST_NEW)
        self._held: _Held | None = None
        self._reading = threading.Lock()
        catalogue.listen(self._come.extend)

    def admission(self, wanted: TrackFilter, model: ModelVersion | None, *, field: str = "filter") -> Admission:
        """Who passes. Raises InvalidInput (a topic that the version has not), Unavailable (nothing was read yet)."""
        held = self._of(model)
        topics = None if model is None else model.topics
        in_them: Mask | None = None
        if wanted.topic_ids:
            _require_topics(wanted.topic_ids, model, field)
            assert topics is not None  # required just now
            in_them = in_topics(held.joined, topics, wanted.topic_ids)
        mask = held.table.admitted(wanted, in_them)
        for track_id in held.new:
            if (row := held.table.row(track_id)) is not None:
                mask[row] = False
        fresh = [
            track.track_id
            for track in held.new.values()
            if wanted.admits(track, topics.topics_of(track.track_id) if topics else ())
        ]
        rows = np.flatnonzero(mask)
        count = len(rows) + len(fresh)
        few = [*(held.table.ids[row] for row in rows.tolist()), *fresh] if count <= FEW else None
        return Admission(
            count=count,
            ids=few,
            admits=_admits(held.table, mask, frozenset(fresh)),
            where=_where(held.table, wanted),
            most_played=lambda limit: _most_played(held, rows, fresh, limit),
        )

    @property
    def state(self) -> object:
        """Another object whenever a filter may admit others."""
        return self._held

    def tracks_by(self, artist_id: str, *, most: int) -> list[str]:
        """Tracks of an artist, those with the most plays first. Raises Unavailable."""
        held = self._of(self._model.version)
        rows = held.table.rows_of(artist_id).astype(np.int64)
        fresh = [one.track_id for one in held.new.values() if artist_id in one.artist_ids]
        return list(dict.fromkeys(_most_played(held, rows, fresh, most)))

    def plays(self, model: ModelVersion, track_ids: Sequence[str]) -> dict[str, int] | None:
        """The plays of tracks that a version learned from; None where it tells of none."""
        if model.topics is None:
            return None
        rows = {one: model.topics.track_ids.row(one) for one in track_ids}
        return {one: 0 if row is None else int(model.topics.plays[row]) for one, row in rows.items()}

    def refresh(self) -> None:
        """Read what has come. Raises Unavailable where the store is down; the next call tries it again."""
        with self._reading:
            self._refresh(self._model.version)

    def _of(self, model: ModelVersion | None) -> _Held:
        held = self._held
        version = model.version if model else ""
        if held is None or held.version != version or self._come:
            with self._reading:
                self._refresh(model)
            held = self._held
        if held is None:
            raise Unavailable("the catalogue was not read yet, so nobody knows what a filter admits")
        return held

    def _refresh(self, model: ModelVersion | None) -> None:
        held, version = self._held, model.version if model else ""
        topics = None if model is None else model.topics
        come_by = len(self._come)
        if held is None or come_by == MOST_NEW or len(held.new) + come_by >= max(MOST_NEW, len(held.table.ids) // 4):
            table = facet_table(islice(self._store.all_tracks(), MOST))
            held = _Held(table, {}, version, joined(table.ids, topics))
        elif held.version != version:
            held = _Held(held.table, held.new, version, joined(held.table.ids, topics))
        come = [self._come.popleft() for _ in range(len(self._come))]
        if held is self._held and not come:
            return
        self._held = _Held(held.table, held.new | {one.track_id: one for one in come}, version, held.joined)


def _require_topics(topic_ids: Sequence[str], model: ModelVersion | None, field: str) -> None:
    """Raises InvalidInput naming each that is none."""
    topics = None if model is None else model.topics
    if topics is None:
        text = "no model version with topics serves: `segue train` makes one; until then filter by tags"
        raise InvalidInput([Violation(f"{field}.topic_ids", text)])
    unknown = [one for one in topic_ids if topics.topic(one) is None]
    if unknown:
        text = "there is no topic '{}' in the model version that serves; ListTopics has them all"
        raise InvalidInput([Violation(f"{field}.topic_ids", text.format(one)) for one in unknown])


def _admits(table: FacetTable, mask: Mask, fresh: frozenset[str]) -> Callable[[str], bool]:
    def admits(track_id: str) -> bool:
        row = table.row(track_id)
        return track_id in fresh or (row is not None and bool(mask[row]))

    return admits


def _where(table: FacetTable, wanted: TrackFilter) -> Filter:
    """Tags as the catalogue writes them; of tags that it does not have, as they were asked for."""
    return Filter(
        tags=frozenset(chain.from_iterable(table.spellings.get(tag, (tag,)) for tag in wanted.tags)),
        artists=frozenset(wanted.artist_ids),
        sources=frozenset(one.value for one in wanted.sources),
        first_year=wanted.first_year or None,
        last_year=wanted.last_year or None,
    )


def _most_played(held: _Held, rows: Rows, fresh: Sequence[str], limit: int) -> list[str]:
    plays = held.joined.plays[rows]
    best = rows[np.argsort(-plays, kind="stable")[:limit]]
    return [*(held.table.ids[row] for row in best.tolist()), *fresh][:limit]
