"""The use cases over one set of parts: what every door (gRPC, and those to come) is given."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from backend import loops, room
from backend.domain.feedback import Feedback
from backend.domain.plays import Play
from backend.loops import Loop
from backend.ports.archive import PlayArchive
from backend.ports.encoder import SoundEncoder, TextEncoder
from backend.ports.event_log import EventLog, Topic
from backend.ports.identity import Identities
from backend.ports.models import ModelRepository
from backend.ports.records import (
    artist_from_value,
    erased_from_value,
    feedback_from_value,
    play_from_record,
    track_from_value,
)
from backend.ports.store import Store
from backend.ports.tokens import BoundTokens
from backend.ports.vectors import VectorIndex
from backend.room import Room
from backend.services import answers, arrivals, erasure, follow, heartbeat, local_factors, model, names, trending
from backend.services import facets as facet_columns
from backend.services.answers import Answers
from backend.services.arrivals import Arrivals
from backend.services.artists import ArtistFinder
from backend.services.batch import BatchRecommender
from backend.services.catalogue import Catalogue
from backend.services.erasure import Erasures
from backend.services.explore import Explorer
from backend.services.export import Exporter
from backend.services.follow import Followed, Follower, of_value
from backend.services.heartbeat import Heartbeat
from backend.services.home import HomePages
from backend.services.identities import KnownIdentities
from backend.services.ingest import IngestService
from backend.services.local_factors import LocalFactors
from backend.services.model import CurrentModel
from backend.services.names import Names
from backend.services.own_rows import OwnRowsMaker
from backend.services.profiles import Profiles
from backend.services.readiness import Readiness
from backend.services.recommend import Recommender
from backend.services.recommending import recommending
from backend.services.report import Report
from backend.services.retrieve import Retriever
from backend.services.rights import Rights
from backend.services.sounds import Sounds
from backend.services.topics import TopicBrowser
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
    batch: BatchRecommender
    artists: ArtistFinder
    explorer: Explorer
    topics: TopicBrowser
    home: HomePages
    report: Report
    exporter: Exporter
    erasures: Erasures
    rights: Rights
    catalogue: Catalogue
    identities: KnownIdentities
    readiness: Readiness
    model: CurrentModel
    local_factors: LocalFactors
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
    identities: Identities,
    tokens: BoundTokens,
    vectors: VectorIndex,
    models: ModelRepository,
    encoder: Callable[[], TextEncoder],
    sound_encoder: Callable[[bytes], SoundEncoder] | None = None,
    archive: PlayArchive | None = None,
    disks: Room | None = None,
    erased_within: timedelta = erasure.ERASED_WITHIN,
) -> Services:
    """The services over these parts, not started yet.

    `encoder` opens the text encoder on first use, `sound_encoder` a version's autoencoder.
    `disks` is what new plays must leave room on; None: the parts keep nothing on this machine. `tokens` are those of
    this server's home; `archive` is what exports read beside the log; `erased_within` is what an erasure promises.
    """
    disks = disks or Room()
    current, sounds = CurrentModel(models), Sounds(sound_encoder)
    catalogue, profiles, beat = Catalogue(store), Profiles(store), Heartbeat(event_log)
    placed = Arrivals(store=store, catalogue=catalogue, vectors=vectors, model=current, encoder=encoder, sounds=sounds)
    retriever, trends, kept = Retriever(vectors, catalogue, placed), Trending(store), Answers(store, behind=True)
    known, named = KnownIdentities(identities), Names(store, catalogue)
    topics = TopicBrowser(model=current, trending=trends)
    asked = recommending(
        store=store,
        models=models,
        identities=known,
        profiles=profiles,
        catalogue=catalogue,
        model=current,
        retriever=retriever,
        trending=trends,
        answers=kept,
    )
    explorer = Explorer(
        catalogue=catalogue,
        model=current,
        retriever=retriever,
        trending=trends,
        answers=kept,
        encoder=encoder,
        names=named,
        sounds=sounds,
    )
    ingest = IngestService(event_log, catalogue, known, listening=(beat, profiles), require_room=disks.require)
    erasures = Erasures(store, event_log, known, profiles, tokens, due_within=erased_within)
    events, erased = _events(event_log, ingest, profiles), _erasures(event_log, known, profiles)
    return Services(
        ingest=ingest,
        recommender=asked.recommender,
        batch=BatchRecommender(asked.recommender, asked.facets, current),
        artists=ArtistFinder(catalogue=catalogue, facets=asked.facets, retriever=retriever, model=current),
        explorer=explorer,
        topics=topics,
        home=HomePages(
            browser=topics,
            model=current,
            trending=trends,
            recall=asked.recall,
            own_rows=OwnRowsMaker(asked.recommender, explorer, catalogue),
            parts=asked.parts,
        ),
        report=Report(store, catalogue),
        exporter=Exporter(
            log=event_log,
            tables=store,
            profiles=profiles,
            models=models,
            identities=known,
            tokens=tokens,
            archive=archive,
        ),
        erasures=erasures,
        rights=Rights(event_log, known),
        catalogue=catalogue,
        identities=known,
        readiness=Readiness(
            log=event_log,
            store=store,
            identities=identities,
            model=current,
            room=disks,
            is_current=lambda: events.is_current and erased.is_current,
        ),
        model=current,
        local_factors=asked.local_factors,
        event_log=event_log,
        store=store,
        loops=(
            Loop("room", disks.look, seconds=room.LOOK_SECONDS),
            Loop("model", current.refresh, seconds=model.POLL_SECONDS),
            Loop("names", named.refresh, seconds=names.POLL_SECONDS),
            Loop("facets", asked.facets.refresh, seconds=facet_columns.POLL_SECONDS),
            Loop("local factors", asked.local_factors.refresh, seconds=local_factors.POLL_SECONDS),
            Loop("arrivals", placed.refresh, seconds=arrivals.POLL_SECONDS),
            Loop("heartbeat", beat.beat, seconds=heartbeat.LOOK_SECONDS),
            Loop("trends", trends.refresh, seconds=trending.LOOK_SECONDS),
            Loop("answers", kept.write, seconds=answers.WRITE_SECONDS, end=kept.write_last),
            Loop("old answers", kept.tidy, seconds=answers.TIDY_SECONDS),
            _following("events of others", events),
            _following("catalogue of others", _catalogue(event_log, catalogue)),
            _following("erasures", erased),
            Loop("erasures left in the middle", erasures.resume, seconds=erasure.RESUME_SECONDS),
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
        Topic.PLAYS: Followed(play_from_record, plays),
        Topic.FEEDBACK: Followed(of_value(feedback_from_value), feedback),
    }
    return Follower(event_log, topics, most_behind=EVENTS_BEHIND, passed_over=profiles.forget_tastes)


def _catalogue(event_log: EventLog, catalogue: Catalogue) -> Follower:
    """Tracks and artists, for what is known at once, and for the tracks newer than the model."""
    topics: dict[Topic, Followed[Any]] = {
        Topic.TRACKS: Followed(of_value(track_from_value), catalogue.learn_tracks),
        Topic.ARTISTS: Followed(of_value(artist_from_value), catalogue.learn_artists),
    }
    return Follower(event_log, topics)


def _erasures(event_log: EventLog, identities: KnownIdentities, profiles: Profiles) -> Follower:
    """Whose identity is gone: nothing that this process remembers of them may outlive the news."""

    def erased(digests: Sequence[str]) -> None:
        identities.erased(digests)
        profiles.forget(digests)

    return Follower(event_log, {Topic.ERASURES: Followed(of_value(erased_from_value), erased)})


def _following(name: str, follower: Follower) -> Loop:
    return Loop(
        name,
        follower.step,
        seconds=follow.PAUSE_SECONDS,
        longest_seconds=FOLLOWING_AGAIN_SECONDS,
        end=follower.close,
    )
