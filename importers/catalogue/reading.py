"""From a file's records to entries: a track and its artists, an artist, or why a record is neither."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from pathlib import Path

from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from importers.catalogue import tables
from importers.catalogue.cells import (
    MOST_ARTISTS,
    Repair,
    date_of,
    is_null,
    milliseconds_of,
    several,
    shown,
    tags_of,
)
from importers.catalogue.entry import Entry, merged, to_its_end
from importers.catalogue.features import FeatureTable, features_of
from importers.catalogue.mapping import FileMapping, Kind
from importers.rows import BadField, BadRow, Record, Value, checked_id, derived_id
from importers.spotify_songs import artist_id_of

Read = Callable[[Record], Entry]


def entries_of(
    path: Path,
    mapping: FileMapping,
    *,
    allow_training: bool,
    joined: FeatureTable | None = None,
    adapt: Callable[[Record], Record] = lambda record: record,
) -> Iterator[Entry]:
    """The entries of a file, one per record, in its order; of a merged file the refused ones first.

    `joined` has the audio features of tracks that the file has none of; `adapt` changes each record before it is read.
    The file has all columns of the mapping: see
    `fitting.fitted`. Raises InvalidInput for a file that cannot be read.
    """
    reader = EntryReader(mapping, allow_training=allow_training, joined=joined)
    read: Read = reader.artist if mapping.kind is Kind.ARTISTS else reader.track
    entries = (_entry(record, read, adapt) for record in tables.records(path, mapping.columns))
    # Where the file breaks off, what came before is merged all the same.
    return merged(to_its_end(entries)) if mapping.merged else entries


def _entry(record: Record | BadRow, read: Read, adapt: Callable[[Record], Record]) -> Entry:
    if isinstance(record, BadRow):
        return Entry(line=record.line, refused=Repair(record.field, record.reason))
    try:
        return read(adapt(record))
    except BadField as wrong:
        return Entry(line=record[0], refused=Repair(wrong.field, wrong.reason))


class EntryReader:
    """Makes entries of records, by one mapping; remembers the artists it has met, by name or id."""

    def __init__(self, mapping: FileMapping, *, allow_training: bool, joined: FeatureTable | None = None) -> None:
        self._mapping = mapping
        self._allowed = allow_training
        self._joined = joined
        self._met: dict[tuple[str, str], Artist] = {}

    def artist(self, record: Record) -> Entry:
        """An artist. Raises BadField."""
        line, cells = record
        mapping, repairs = self._mapping, list[Repair]()
        name = self._name(cells, mapping.title, repairs)
        given = checked_id(mapping.id, mapping.id_prefix + cells[mapping.id].strip()) if mapping.id else ""
        artist = Artist(
            artist_id=given or self._id_of(name),
            name=name,
            tags=self._tags(cells, repairs),
            source=mapping.source,
            allow_training=self._allowed,
        )
        return Entry(line=line, artists=(artist,), repairs=tuple(repairs))

    def track(self, record: Record) -> Entry:
        """A track with its artists. Raises BadField where it has no title, no artist or a broken id."""
        line, cells = record
        mapping, repairs = self._mapping, list[Repair]()
        title = self._name(cells, mapping.title, repairs)
        artists = self._artists(cells, repairs)
        artist_ids = tuple(artist.artist_id for artist in artists)
        if mapping.id:
            track_id = checked_id(mapping.id, mapping.id_prefix + cells[mapping.id].strip())
        else:
            track_id = derived_id(f"{mapping.source}-track", title.casefold(), *artist_ids)
        track = Track(
            track_id=track_id,
            title=title,
            artist_ids=artist_ids,
            album=self._album(cells, repairs),
            released_on=_kept(mapping.released_on, cells, date_of, repairs) or "",
            duration_milliseconds=_kept(mapping.duration, cells, self._length, repairs) or 0,
            tags=self._tags(cells, repairs),
            audio_features=self._features(track_id, cells, repairs),
            source=mapping.source,
            allow_training=self._allowed,
        )
        return Entry(line=line, artists=artists, track=track, repairs=tuple(repairs))

    def _name(self, cells: Mapping[str, str], column: str, repairs: list[Repair]) -> str:
        name = shown(column, cells[column], repairs.append)
        if not name:
            raise BadField(column, "the row has no name")
        return name

    def _artists(self, cells: Mapping[str, str], repairs: list[Repair]) -> tuple[Artist, ...]:
        mapping = self._mapping
        names = self._several("artists", mapping.artists, cells)
        ids = self._several("artist_ids", mapping.artist_ids, cells)
        if not names:
            raise BadField(mapping.artists[0], "the row names no artist")
        if mapping.artist_ids and len(ids) != len(names):
            raise BadField(mapping.artist_ids[0], f"{len(ids)} ids stand for {len(names)} names")
        found = dict[str, Artist]()
        for name, given in zip(names, ids or repeat(""), strict=False):
            artist = self._met.get((name, given)) or self._meet(name, given, repairs)
            found[artist.artist_id] = artist
        if len(found) > MOST_ARTISTS:
            repairs.append(Repair(mapping.artists[0], f"has {len(found)} artists; the first {MOST_ARTISTS} were kept"))
        return tuple(found.values())[:MOST_ARTISTS]

    def _meet(self, name: str, given: str, repairs: list[Repair]) -> Artist:
        mapping, column = self._mapping, self._mapping.artists[0]
        plain = shown(column, name, repairs.append)
        if not plain:
            raise BadField(column, "an artist has no name")
        artist_id = checked_id(mapping.artist_ids[0], mapping.artist_id_prefix + given) if given else self._id_of(plain)
        artist = Artist(artist_id=artist_id, name=plain, source=mapping.source, allow_training=self._allowed)
        self._met[name, given] = artist
        return artist

    def _id_of(self, name: str) -> str:
        """The id of an artist of whom only the name is known: the same in every file of the source."""
        source = self._mapping.source
        return artist_id_of(name) if source is Source.SPOTIFY else derived_id(f"{source}-artist", name.casefold())

    def _several(self, field: str, columns: Iterable[str], cells: Mapping[str, str]) -> list[str]:
        found: list[str] = []
        written = self._mapping.how(field)
        for column in columns:
            try:
                found += several(cells[column], written)
            except ValueError as error:
                raise BadField(column, str(error)) from None
        return found

    def _tags(self, cells: Mapping[str, str], repairs: list[Repair]) -> tuple[str, ...]:
        found: list[str] = []
        for column in self._mapping.tags:
            if is_null(cells[column]):
                continue
            try:
                found += several(cells[column], self._mapping.how("tags"))
            except ValueError as error:
                repairs.append(Repair(column, f"{error}; its tags are left out"))
        return tags_of(self._mapping.tags[0], found, repairs.append) if found else ()

    def _album(self, cells: Mapping[str, str], repairs: list[Repair]) -> str:
        column = self._mapping.album
        return shown(column, cells[column], repairs.append) if column else ""

    def _length(self, column: str, text: str) -> int:
        return 0 if is_null(text) else milliseconds_of(column, text, unit=self._mapping.unit)

    def _features(self, track_id: str, cells: Mapping[str, str], repairs: list[Repair]) -> AudioFeatures | None:
        found = features_of(cells, self._mapping, repairs) if self._mapping.features else None
        return found or (self._joined.get(track_id) if self._joined is not None else None)


def _kept(
    column: str, cells: Mapping[str, str], read: Callable[[str, str], Value], repairs: list[Repair]
) -> Value | None:
    """What `read` makes of the cell; None where there is no column or, which is a repair, the cell is wrong."""
    if not column:
        return None
    try:
        return read(column, cells[column])
    except BadField as wrong:
        repairs.append(Repair(wrong.field, f"{wrong.reason}; it is left out"))
        return None


def features_in(path: Path, mapping: FileMapping, table: FeatureTable) -> Iterator[Entry]:
    """Read a file of audio features into `table`; an entry per record, with neither track nor artist."""
    for record in tables.records(path, mapping.columns):
        if isinstance(record, BadRow):
            yield Entry(line=record.line, refused=Repair(record.field, record.reason))
            continue
        line, cells = record
        repairs = list[Repair]()
        features = features_of(cells, mapping, repairs)
        if features is not None:
            table.put(mapping.id_prefix + cells[mapping.id].strip(), features)
            yield Entry(line=line, repairs=tuple(repairs))
        else:
            why = repairs[0] if repairs else Repair(mapping.id, "the row has no audio features")
            yield Entry(line=line, refused=why)
