"""A client that plays tracks at a steady pace and keeps a ledger of it."""

import random
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import ingest_pb2, ingest_pb2_grpc, play_pb2

from backend.domain.tracks import Artist, Track
from backend.settings import Settings
from cli import reach
from importers import send
from tests.faults.ledger import Fate, Ledger

DEADLINE_SECONDS = 5.0
DRAIN_SECONDS = 90.0
FATES = {
    ingest_pb2.INGEST_OUTCOME_ACCEPTED: Fate.OK,
    ingest_pb2.INGEST_OUTCOME_DUPLICATE: Fate.OK,
    ingest_pb2.INGEST_OUTCOME_REJECTED: Fate.FAILED,
}
"""Of an element; any other outcome leaves it open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the client plays: `rate` plays a second over all lanes, a call of `batch` at a time in each.

    Of the plays that were confirmed, the share `again` is sent once more, as by a client that lost the answer.
    """

    rate: float = 100.0
    batch: int = 10
    lanes: int = 4
    listeners: int = 40
    tracks: int = 60
    artists: int = 12
    again: float = 0.05


class Load:
    """Plays of listeners `NAME-l…` of tracks by artists `NAME-a…`; the same for the same name, seed and pace.

    What nobody confirmed is sent again with the same event id, as `segue ingest` does, until `stop` has seen all of it
    confirmed or DRAIN_SECONDS are over.
    """

    def __init__(self, settings: Settings, ledger: Ledger, *, name: str, seed: int, shape: Shape | None = None) -> None:
        self.name = name
        self.ledger = ledger
        self._settings = settings
        self._shape = shape or Shape()
        self._stopping = threading.Event()
        self._lanes = [
            threading.Thread(target=self._play, args=(random.Random(f"{name}-{seed}-{lane}"),), name=f"load-{lane}")
            for lane in range(self._shape.lanes)
        ]
        self._broken: list[BaseException] = []

    def start(self) -> None:
        """Send the catalogue, then begin to play."""
        shape = self._shape
        artists = [Artist(artist_id=f"{self.name}-a{nth}", name=f"Artist {nth}") for nth in range(shape.artists)]
        tracks = [
            Track(
                track_id=f"{self.name}-t{nth}",
                title=f"Track {nth}",
                artist_ids=(artists[nth % shape.artists].artist_id,),
                duration_milliseconds=180_000,
            )
            for nth in range(shape.tracks)
        ]
        with reach.channel(self._settings) as channel:
            send.send(channel, artists=artists, tracks=tracks)
        for lane in self._lanes:
            lane.start()

    def stop(self) -> None:
        """Play no more, and wait until every play sent is confirmed or given up. Raises what ended a lane early."""
        self._stopping.set()
        for lane in self._lanes:
            lane.join()
        if self._broken:
            raise self._broken[0]

    def _play(self, chance: random.Random) -> None:
        try:
            with reach.channel(self._settings) as channel:
                self._lane(ingest_pb2_grpc.IngestServiceStub(channel), chance)
        except BaseException as error:  # noqa: BLE001 - told to whoever calls `stop`
            self._broken.append(error)

    def _lane(self, stub: ingest_pb2_grpc.IngestServiceStub, chance: random.Random) -> None:
        shape = self._shape
        every = shape.batch * shape.lanes / shape.rate
        open_: deque[play_pb2.Play] = deque()
        due = time.monotonic() + chance.random() * every
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due = max(due + every, time.monotonic() - every)  # what could not be sent in time is not made up for
            again = [open_.popleft() for _ in range(min(len(open_), shape.batch // 2))]
            fresh = [self._drawn(chance) for _ in range(shape.batch - len(again))]
            batch = [*again, *fresh]
            fates = self._call(stub, batch)
            open_.extend(play for play in batch if fates[play.event_id] is not Fate.OK)
            open_.extend(play for play in batch if fates[play.event_id] is Fate.OK and chance.random() < shape.again)
        until = time.monotonic() + DRAIN_SECONDS
        while open_ and time.monotonic() < until:
            batch = [open_.popleft() for _ in range(min(len(open_), 500))]
            fates = self._call(stub, batch)
            open_.extend(play for play in batch if fates[play.event_id] is not Fate.OK)
            time.sleep(0.2)

    def _drawn(self, chance: random.Random) -> play_pb2.Play:
        shape, now = self._shape, Timestamp()
        now.FromDatetime(datetime.now(UTC))
        return play_pb2.Play(
            event_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            listener_id=f"{self.name}-l{chance.randrange(shape.listeners)}",
            track_id=f"{self.name}-t{chance.randrange(shape.tracks)}",
            played_at=now,
            milliseconds_played=chance.choice((180_000, 90_000, 4_000)),
        )

    def _call(self, stub: ingest_pb2_grpc.IngestServiceStub, plays: list[play_pb2.Play]) -> dict[str, Fate]:
        """Send them; the fate of each."""
        sent_at = self.ledger.sending([play.event_id for play in plays])
        try:
            answer = stub.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=plays), timeout=DEADLINE_SECONDS)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            fates = dict.fromkeys((play.event_id for play in plays), Fate.UNKNOWN)
            self.ledger.told(fates, code.name, sent_at=sent_at)
        else:
            fates = {one.id: FATES.get(one.outcome, Fate.UNKNOWN) for one in answer.results}
            self.ledger.told(fates, "OK", sent_at=sent_at)
        return fates
