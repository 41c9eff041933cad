"""What tracks are filtered by, of the whole catalogue in columns: whom a filter admits, without a look at each.

A track costs some 75 bytes, and 4 for each tag and artist. The vector index has facets of its own, of the version's
tracks and of fewer kinds; these are of every track and for every filter, and say how many pass before any search.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.domain.rights import Source
from backend.domain.tracks import Track
from backend.domain.wanted import TrackFilter, released_in
from backend.ranking.stored import lines_bytes
from backend.ranking.topics import TopicTracks, TrackIds

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
Postings = Mapping[str, NDArray[np.int32]]

_SOURCES = tuple(Source)


class RowsById:
    """Which row an id stands in, found by its hash; 12 bytes an id, a tenth of a dictionary's."""

    def __init__(self, ids: Sequence[str]) -> None:
        hashes = np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids))
        order = np.argsort(hashes, kind="stable")
        self._hashes = array("q", hashes[order].tobytes())
        self._rows = array("i", order.astype(np.int32).tobytes())

    def row(self, track_id: str, ids: TrackIds) -> int | None:
        """Of an id among `ids`, those that this was made of; None where it is none of them."""
        wanted = hash(track_id)
        at = bisect_left(self._hashes, wanted)
        while at < len(self._hashes) and self._hashes[at] == wanted:
            if ids[self._rows[at]] == track_id:
                return self._rows[at]
            at += 1
        return None


@dataclass(frozen=True, slots=True)
class FacetTable:
    """The facets of tracks by row, `ids` sorted; `tags` (casefolded) and `artists` say in which rows each stands.

    `spellings` are the tags as the catalogue writes them, by their casefolded form. 0 stands for an unknown year or
    duration.
    """

    ids: TrackIds
    rows: RowsById
    years: NDArray[np.int16]
    durations: NDArray[np.int32]
    sources: NDArray[np.int8]
    tags: Postings
    artists: Postings
    spellings: Mapping[str, frozenset[str]]

    def admitted(self, wanted: TrackFilter, topics: Mask | None = None) -> Mask:
        """(len(ids),): what `TrackFilter.admits` says of each; `topics` are the rows in the topics asked for."""
        mask = np.ones(len(self.ids), dtype=np.bool_) if topics is None else topics.copy()
        if wanted.tags:
            mask &= self._having(self.tags, wanted.tags)
        if wanted.artist_ids:
            mask &= self._having(self.artists, wanted.artist_ids)
        if wanted.without_artist_ids:
            mask &= ~self._having(self.artists, wanted.without_artist_ids)
        if wanted.sources:
            mask &= np.isin(self.sources, [_SOURCES.index(one) for one in wanted.sources])
        for column, least, most in (
            (self.years, wanted.first_year, wanted.last_year),
            (self.durations, wanted.shortest_milliseconds, wanted.longest_milliseconds),
        ):
            if least or most:
                mask &= (column > 0) & (column >= least) & (column <= (most or np.iinfo(column.dtype).max))
        return mask

    def row(self, track_id: str) -> int | None:
        """Where a track stands; None where it is none of them."""
        return self.rows.row(track_id, self.ids)

    def rows_of(self, artist_id: str) -> NDArray[np.int32]:
        """The rows of an artist's tracks."""
        return self.artists.get(artist_id, np.empty(0, dtype=np.int32))

    def _having(self, postings: Postings, names: Sequence[str]) -> Mask:
        mask = np.zeros(len(self.ids), dtype=np.bool_)
        for name in names:
            if name in postings:
                mask[postings[name]] = True
        return mask


def facet_table(tracks: Iterable[Track]) -> FacetTable:
    """The table of tracks, each given once, in any order."""
    ids: list[str] = []
    years, durations, sources = array("h"), array("i"), array("b")
    tags: dict[str, array[int]] = {}
    artists: dict[str, array[int]] = {}
    spellings: dict[str, set[str]] = {}
    for row, track in enumerate(tracks):
        ids.append(track.track_id)
        years.append(released_in(track))
        durations.append(track.duration_milliseconds)
        sources.append(_SOURCES.index(track.source))
        for tag in track.tags:
            spellings.setdefault(tag.casefold(), set()).add(tag)
        for folded in {tag.casefold() for tag in track.tags}:
            tags.setdefault(folded, array("i")).append(row)
        for artist_id in set(track.artist_ids):
            artists.setdefault(artist_id, array("i")).append(row)
    keys = [track_id.encode() for track_id in ids]
    order = sorted(range(len(ids)), key=keys.__getitem__)
    places = np.empty(len(ids), dtype=np.int32)
    places[order] = np.arange(len(ids), dtype=np.int32)
    ordered = [ids[at] for at in order]
    return FacetTable(
        ids=TrackIds(lines_bytes(ordered)),
        rows=RowsById(ordered),
        years=np.frombuffer(years, dtype=np.int16)[order] if ids else np.empty(0, dtype=np.int16),
        durations=np.frombuffer(durations, dtype=np.int32)[order] if ids else np.empty(0, dtype=np.int32),
        sources=np.frombuffer(sources, dtype=np.int8)[order] if ids else np.empty(0, dtype=np.int8),
        tags=_placed(tags, places),
        artists=_placed(artists, places),
        spellings={folded: frozenset(written) for folded, written in spellings.items()},
    )


def _placed(named: Mapping[str, "array[int]"], places: NDArray[np.int32]) -> Postings:
    return {name: places[np.frombuffer(rows, dtype=np.int32)] for name, rows in named.items()}


@dataclass(frozen=True, slots=True)
class Joined:
    """What a version's topics know of a table's rows: `topic` is a place among its topics (-1: none)."""

    topic: NDArray[np.int16]
    plays: NDArray[np.int32]


def joined(ids: TrackIds, topics: TopicTracks | None) -> Joined:
    """Both are sorted, so they are gone through side by side. Without topics no track has one, or plays."""
    topic = np.full(len(ids), -1, dtype=np.int16)
    plays = np.zeros(len(ids), dtype=np.int32)
    if topics is not None:
        rows, others = _met(ids, topics.track_ids)
        topic[rows], plays[rows] = topics.places[others], topics.plays[others]
    return Joined(topic, plays)


def in_topics(held: Joined, topics: TopicTracks, topic_ids: Sequence[str]) -> Mask:
    """The rows in one of these topics, of either level."""
    wanted = frozenset(topic_ids)
    own = [number for number, one in enumerate(topics.topics) if wanted & {one.topic_id, one.parent_id}]
    return np.isin(held.topic, own)


def _met(left: TrackIds, right: TrackIds) -> tuple[Rows, Rows]:
    """Where the same id stands in both."""
    own, theirs = left.lines(), right.lines()
    rows, others = array("q"), array("q")
    at = 0
    for row, line in enumerate(own):
        while at < len(theirs) and theirs[at] < line:
            at += 1
        if at < len(theirs) and theirs[at] == line:
            rows.append(row)
            others.append(at)
    return np.array(rows, dtype=np.int64), np.array(others, dtype=np.int64)
