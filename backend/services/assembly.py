"""The use cases over one set of parts: what every door (gRPC, and those to come) is given."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from backend.loops import Loop
from backend.ports.encoder import TextEncoder
from backend.ports.event_log import EventLog
from backend.ports.models import ModelRepository
from backend.ports.store import Store
from backend.ports.vectors import VectorIndex
from backend.services import arrivals, heartbeat, model, trending
from backend.services.answers import Answers
from backend.services.arrivals import Arrivals
from backend.services.catalogue import Catalogue
from backend.services.explore import Explorer
from backend.services.heartbeat import Heartbeat
from backend.services.ingest import IngestService
from backend.services.model import CurrentModel
from backend.services.profiles import Profiles
from backend.services.readiness import Readiness
from backend.services.recommend import Recommender
from backend.services.report import Report
from backend.services.retrieve import Retriever
from backend.services.trending import Trending

FLUSH_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases, and the background loops they need between `start` and `close`.

    Owns the event log and the store, and closes them. Doors only call; whoever made the services starts them before
    the first door opens, and closes them after the last one has closed.
    """

    ingest: IngestService
    recommender: Recommender
    explorer: Explorer
    report: Report
    catalogue: Catalogue
    readiness: Readiness
    model: CurrentModel
    event_log: EventLog
    store: Store
    loops: tuple[Loop, ...]
    stopping: threading.Event

    def start(self) -> None:
        """Load the model that is pointed to, then let the loops run."""
        self.model.refresh()
        for loop in self.loops:
            loop.start(self.stopping)

    def close(self) -> int:
        """End the loops and deliver what is queued; records left undelivered (0 when all went out)."""
        self.stopping.set()
        for loop in self.loops:
            loop.join()
        undelivered = self.event_log.close(timeout_seconds=FLUSH_SECONDS)
        self.store.close()
        return undelivered


def assembled(
    *,
    event_log: EventLog,
    store: Store,
    vectors: VectorIndex,
    models: ModelRepository,
    encoder: Callable[[], TextEncoder],
) -> Services:
    """The services over these parts, not started yet. `encoder` opens the text encoder on first use."""
    current = CurrentModel(models)
    catalogue, profiles, beat = Catalogue(store), Profiles(store), Heartbeat(event_log)
    placed = Arrivals(store=store, catalogue=catalogue, vectors=vectors, model=current, encoder=encoder)
    retriever, trends, answers = Retriever(vectors, catalogue, placed), Trending(store), Answers()
    return Services(
        ingest=IngestService(event_log, catalogue, listening=(beat, profiles)),
        recommender=Recommender(
            profiles=profiles,
            catalogue=catalogue,
            model=current,
            retriever=retriever,
            trending=trends,
            answers=answers,
        ),
        explorer=Explorer(
            catalogue=catalogue,
            model=current,
            retriever=retriever,
            trending=trends,
            answers=answers,
            encoder=encoder,
        ),
        report=Report(store, catalogue),
        catalogue=catalogue,
        readiness=Readiness(log=event_log, store=store, model=current),
        model=current,
        event_log=event_log,
        store=store,
        loops=(
            Loop("model", current.refresh, seconds=model.POLL_SECONDS),
            Loop("arrivals", placed.refresh, seconds=arrivals.POLL_SECONDS),
            Loop("heartbeat", beat.beat, seconds=heartbeat.LOOK_SECONDS),
            Loop("trends", trends.refresh, seconds=trending.LOOK_SECONDS),
        ),
        stopping=threading.Event(),
    )
