"""Sends entries through the IngestService: artists before the tracks that name them, several requests under way."""

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import grpc
from segue.v1 import ingest_pb2

from backend.domain.tracks import Artist
from importers.calls import BATCH, IN_FLIGHT, RETRY_DELAYS, Call, lanes, reasons
from importers.catalogue.cells import Repair
from importers.catalogue.entry import Entry


@dataclass(slots=True)
class Chunk:
    """Entries that travel together; once settled, `refused` has what the server refused, by position."""

    entries: list[Entry]
    call: Call | None = None
    refused: dict[int, Repair] = field(default_factory=dict)


class Delivery:
    """Sends entries over a channel; remembers which artists the server has, so that each is sent once.

    An artists' file says more of artists than the tracks' file: send it first.
    """

    def __init__(self, channel: grpc.Channel, *, retry_delays: Sequence[float] = RETRY_DELAYS) -> None:
        self._lanes = lanes(channel)
        self._retry_delays = retry_delays
        self._known: set[str] = set()
        self._refused: dict[str, Repair] = {}

    def know(self, entry: Entry) -> None:
        """The server has these artists already: they were sent before the import was killed."""
        self._known.update(artist.artist_id for artist in entry.artists)

    def send(self, entries: Iterable[Entry]) -> Generator[Chunk, None, None]:
        """Send them and give each chunk back, in order, once the log holds of it what the server did not refuse.

        Raises Unavailable where the server stays away, grpc.RpcError for a failure that no retry helps.
        """
        under_way = deque[Chunk]()
        rest = iter(entries)
        try:
            while chunk := list(islice(rest, BATCH)):
                if len(under_way) == IN_FLIGHT:
                    yield self._settled(under_way[0])
                    under_way.popleft()
                under_way.append(self._begun(chunk))
            while under_way:
                yield self._settled(under_way[0])
                under_way.popleft()
        finally:
            for one in under_way:
                if one.call is not None:
                    one.call.cancel()

    def _begun(self, entries: list[Entry]) -> Chunk:
        chunk = Chunk(entries)
        tracks = {at: entry.track for at, entry in enumerate(entries) if entry.track is not None}
        if tracks:
            self._send_artists(entries)
            chunk.call = Call(self._lanes["tracks"], tracks)
        else:
            artists = {at: entry.artists[0] for at, entry in enumerate(entries) if entry.artists}
            chunk.call = Call(self._lanes["artists"], artists) if artists else None
        return chunk

    def _send_artists(self, entries: Iterable[Entry]) -> None:
        """Send the artists that the server does not have, and wait: their tracks would be refused otherwise."""
        found = {
            artist.artist_id: artist
            for entry in entries
            for artist in entry.artists
            if artist.artist_id not in self._known
        }
        artists: list[Artist] = list(found.values())
        lane = self._lanes["artists"]
        calls = [
            Call(lane, dict(enumerate(artists[start : start + BATCH], start)))
            for start in range(0, len(artists), BATCH)
        ]
        for call in calls:
            for fates in call.settle(self._retry_delays):
                for at, result in fates:
                    if result.outcome == ingest_pb2.INGEST_OUTCOME_REJECTED:
                        self._refused[artists[at].artist_id] = _why(result, "the server refused the artist: ")
                    else:
                        self._known.add(artists[at].artist_id)

    def _settled(self, chunk: Chunk) -> Chunk:
        if chunk.call is not None:
            for fates in chunk.call.settle(self._retry_delays):
                for at, result in fates:
                    if result.outcome == ingest_pb2.INGEST_OUTCOME_REJECTED:
                        chunk.refused[at] = self._reason(chunk.entries[at], result)
                    elif chunk.entries[at].track is None:
                        self._known.add(result.id)
        return chunk

    def _reason(self, entry: Entry, result: ingest_pb2.IngestResult) -> Repair:
        artist_ids = entry.track.artist_ids if entry.track is not None else ()
        of_artist = next((self._refused[one] for one in artist_ids if one in self._refused), None)
        return of_artist or _why(result, "the server refused it: ")


def _why(result: ingest_pb2.IngestResult, told: str) -> Repair:
    field, reason = next(reasons(result))
    return Repair(field, told + reason)
