"""Sounds sent to the server, each under the first of its ids that the catalogue knows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from segue.v1 import catalogue_pb2, ingest_pb2, ingest_pb2_grpc, recommend_pb2, recommend_pb2_grpc

from backend.domain.errors import Unavailable
from backend.domain.tracks import Artist, AudioFeatures, Track
from importers.audio.joining import song_key
from importers.audio.tags import Tags
from importers.calls import RETRY_DELAYS
from importers.messages import artist_message, audio_features_message, track_message

_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)
_NO_SEARCH = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE)

SEARCHED: Final = 10
"""Tracks that a search by artist and title is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """How something sounds, the ids it may have, most certain first, and its tags, by which it may be searched."""

    track_ids: tuple[str, ...]
    audio_features: AudioFeatures
    tags: Tags


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an offer: "updated", "unchanged", "unknown" or "failed", under which id, and why it failed."""

    outcome: str
    track_id: str = ""
    reason: str = ""


@dataclass(slots=True)
class Sender:
    """Sends over a channel, again after `retry_delays` seconds where the server was down or could not confirm.

    Raises Unavailable once those are used up, grpc.RpcError for any other failure of a call. `no_search` says why
    nothing can be found by artist and title, "" as long as that is not known.
    """

    channel: grpc.Channel
    retry_delays: Sequence[float] = RETRY_DELAYS
    no_search: str = ""
    _ingest: Any = field(init=False)
    _recommend: Any = field(init=False)

    def __post_init__(self) -> None:
        """Make the stubs."""
        self._ingest = ingest_pb2_grpc.IngestServiceStub(self.channel)
        self._recommend = recommend_pb2_grpc.RecommendServiceStub(self.channel)

    def send(self, offers: Sequence[Offer]) -> list[Fate]:
        """What became of each, in order; at most 1,000."""
        fates: dict[int, Fate] = {}
        rest = {at: offer.track_ids for at, offer in enumerate(offers)}
        while rest:
            asked = {at: ids[0] for at, ids in rest.items() if ids}
            for at in rest.keys() - asked.keys():
                fates[at] = Fate("unknown")
            told = self._tell([(track_id, offers[at].audio_features) for at, track_id in asked.items()])
            fates.update({at: fate for at, fate in zip(asked, told, strict=True) if fate.outcome != "unknown"})
            rest = {at: rest[at][1:] for at in asked if at not in fates}
        for at, fate in fates.items():
            if fate.outcome == "unknown" and (found := self._searched(offers[at].tags)):
                fates[at] = self._tell([(found, offers[at].audio_features)])[0]
        return [fates[at] for at in range(len(offers))]

    def add(self, track: Track, artists: Sequence[Artist]) -> Fate:
        """Put a new track and its artists into the catalogue: "updated" or "failed"."""
        for artist in artists:
            by = ingest_pb2.UpsertArtistsRequest(artists=[artist_message(artist)])
            (told,) = self._settled(self._ingest.UpsertArtists, by, "artists")
            if told.outcome == ingest_pb2.INGEST_OUTCOME_REJECTED:
                return Fate("failed", track.track_id, _reason(told))
        new = ingest_pb2.UpsertTracksRequest(tracks=[track_message(track)])
        (told,) = self._settled(self._ingest.UpsertTracks, new, "tracks")
        if told.outcome == ingest_pb2.INGEST_OUTCOME_REJECTED:
            return Fate("failed", track.track_id, _reason(told))
        return Fate("updated", track.track_id)

    def _tell(self, sounds: Sequence[tuple[str, AudioFeatures]]) -> list[Fate]:
        if not sounds:
            return []
        request = ingest_pb2.UpsertAudioFeaturesRequest(
            tracks=[
                catalogue_pb2.TrackAudioFeatures(track_id=track_id, audio_features=audio_features_message(features))
                for track_id, features in sounds
            ]
        )
        return [_fate(one) for one in self._settled(self._ingest.UpsertAudioFeatures, request, "tracks")]

    def _settled(self, call: Callable[[Any], Any], request: Any, name: str) -> list[ingest_pb2.IngestResult]:
        """The result of each element of the request, none of them UNCONFIRMED."""
        elements = list(getattr(request, name))
        settled: dict[int, ingest_pb2.IngestResult] = {}
        why = ""
        for delay in (*self.retry_delays, None):
            left = [at for at in range(len(elements)) if at not in settled]
            try:
                results = call(type(request)(**{name: [elements[at] for at in left]})).results
            except grpc.RpcError as error:
                if not isinstance(error, grpc.Call) or error.code() not in _AGAIN:
                    raise
                why = f"the server answered {error.code().name}: {error.details()}"
            else:
                settled |= {
                    at: result
                    for at, result in zip(left, results, strict=True)
                    if result.outcome != ingest_pb2.INGEST_OUTCOME_UNCONFIRMED
                }
                why = "the event log did not confirm them"
            if len(settled) == len(elements):
                return [settled[at] for at in range(len(elements))]
            if delay is not None:
                time.sleep(delay)
        raise Unavailable(
            f"{len(elements) - len(settled)} {name} are not stored ({why}); see `segue status`, then run the same "
            "command again: what was listened to is remembered"
        )

    def _searched(self, tags: Tags) -> str:
        """The id of the track that has exactly this title and one of these artists, "" where search finds none."""
        if self.no_search or not tags.title or not tags.artists:
            return ""
        query = f"{tags.title} by {', '.join(tags.artists)}"[:512]
        try:
            request = recommend_pb2.SearchTracksRequest(query=query, page_size=SEARCHED)
            found = self._recommend.SearchTracks(request).tracks
        except grpc.RpcError as error:
            if not isinstance(error, grpc.Call) or error.code() not in _NO_SEARCH:
                raise
            self.no_search = f"{error.code().name}: {error.details()}"
            return ""
        wanted = {song_key(artist, tags.title) for artist in tags.artists}
        matches = (one.track_id for one in found for name in one.artist_names if song_key(name, one.title) in wanted)
        return next(matches, "")


def _fate(result: ingest_pb2.IngestResult) -> Fate:
    match result.outcome:
        case ingest_pb2.INGEST_OUTCOME_ACCEPTED:
            return Fate("updated", result.id)
        case ingest_pb2.INGEST_OUTCOME_DUPLICATE:
            return Fate("unchanged", result.id)
        case _ if any(one.field.endswith("].track_id") for one in result.violations):
            return Fate("unknown", result.id)
        case _:
            return Fate("failed", result.id, _reason(result))


def _reason(result: ingest_pb2.IngestResult) -> str:
    told = "; ".join(f"{one.field.partition('].')[2] or one.field}: {one.description}" for one in result.violations)
    return told or "the server gave no reason"
