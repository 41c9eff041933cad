"""The use cases over one set of parts: what every door (gRPC, and those to come) is given."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backend import loops
from backend.domain.feedback import Feedback
from backend.domain.plays import Play
from backend.loops import Loop
from backend.ports.encoder import TextEncoder
from backend.ports.event_log import EventLog, Topic
from backend.ports.models import ModelRepository
from backend.ports.records import artist_from_value, feedback_from_value, play_from_value, track_from_value
from backend.ports.store import Store
from backend.ports.vectors import VectorIndex
from backend.services import answers, arrivals, follow, heartbeat, model, trending
from backend.services.answers import Answers
from backend.services.arrivals import Arrivals
from backend.services.catalogue import Catalogue
from backend.services.explore import Explorer
from backend.services.follow import Followed, Follower
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

EVENTS_BEHIND = 50_000
"""Plays and feedback of others that may wait to be read; what is older is in the store sooner."""

FOLLOWING_AGAIN_SECONDS = 5.0
"""The longest pause of a follower whose log is down: no play of others is known until it reads again."""


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
        loops.join(self.loops)
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
    retriever, trends, kept = Retriever(vectors, catalogue, placed), Trending(store), Answers(store)
    ingest = IngestService(event_log, catalogue, listening=(beat, profiles))
    return Services(
        ingest=ingest,
        recommender=Recommender(
            profiles=profiles,
            catalogue=catalogue,
            model=current,
            retriever=retriever,
            trending=trends,
            answers=kept,
        ),
        explorer=Explorer(
            catalogue=catalogue,
            model=current,
            retriever=retriever,
            trending=trends,
            answers=kept,
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
            Loop("answers", kept.tidy, seconds=answers.TIDY_SECONDS),
            _following("events of others", _events(event_log, ingest, profiles)),
            _following("catalogue of others", _catalogue(event_log, catalogue)),
        ),
        stopping=threading.Event(),
    )


def _events(event_log: EventLog, ingest: IngestService, profiles: Profiles) -> Follower:
    """Plays and feedback, for fresh profiles and for duplicates."""

    def plays(taken_in: Sequence[Play]) -> None:
        ingest.plays_followed(taken_in)
        profiles.plays_accepted(taken_in)

    def feedback(taken_in: Sequence[Feedback]) -> None:
        ingest.feedback_followed(taken_in)
        profiles.feedback_accepted(taken_in)

    topics: dict[Topic, Followed[Any]] = {
        Topic.PLAYS: Followed(play_from_value, plays),
        Topic.FEEDBACK: Followed(feedback_from_value, feedback),
    }
    return Follower(event_log, topics, most_behind=EVENTS_BEHIND)


def _catalogue(event_log: EventLog, catalogue: Catalogue) -> Follower:
    """Tracks and artists, for what is known at once, and for the tracks newer than the model."""
    topics: dict[Topic, Followed[Any]] = {
        Topic.TRACKS: Followed(track_from_value, catalogue.learn_tracks),
        Topic.ARTISTS: Followed(artist_from_value, catalogue.learn_artists),
    }
    return Follower(event_log, topics)


def _following(name: str, follower: Follower) -> Loop:
    return Loop(
        name,
        follower.step,
        seconds=follow.PAUSE_SECONDS,
        longest_seconds=FOLLOWING_AGAIN_SECONDS,
        end=follower.close,
    )
