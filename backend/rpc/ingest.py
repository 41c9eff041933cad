"""IngestService: each RPC converts, calls, converts."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from segue.v1 import ingest_pb2, ingest_pb2_grpc

from backend.domain.errors import InvalidInput
from backend.rpc.call import time_budget
from backend.rpc.contract import violations_of
from backend.rpc.convert import (
    artist_of,
    feedback_of,
    play_of,
    result_message,
    track_audio_features_of,
    track_of,
)
from backend.services.ingest import IngestService
from backend.services.outcomes import Refused

MessageT = TypeVar("MessageT", bound=Message)
ValueT = TypeVar("ValueT")


class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """The door of `IngestService`."""

    def __init__(self, ingest: IngestService) -> None:
        self._ingest = ingest

    def RecordPlays(
        self, request: ingest_pb2.RecordPlaysRequest, context: grpc.ServicerContext
    ) -> ingest_pb2.RecordPlaysResponse:
        """See ingest.proto."""
        plays = _checked(request.plays, "plays", lambda play: play.event_id, play_of)
        results = self._ingest.record_plays(plays, timeout_seconds=time_budget(context))
        return ingest_pb2.RecordPlaysResponse(results=map(result_message, results))

    def RecordFeedback(
        self, request: ingest_pb2.RecordFeedbackRequest, context: grpc.ServicerContext
    ) -> ingest_pb2.RecordFeedbackResponse:
        """See ingest.proto."""
        feedback = _checked(request.feedback, "feedback", lambda word: word.event_id, feedback_of)
        results = self._ingest.record_feedback(feedback, timeout_seconds=time_budget(context))
        return ingest_pb2.RecordFeedbackResponse(results=map(result_message, results))

    def UpsertTracks(
        self, request: ingest_pb2.UpsertTracksRequest, context: grpc.ServicerContext
    ) -> ingest_pb2.UpsertTracksResponse:
        """See ingest.proto."""
        tracks = _checked(request.tracks, "tracks", lambda track: track.track_id, lambda track, _: track_of(track))
        results = self._ingest.upsert_tracks(tracks, timeout_seconds=time_budget(context))
        return ingest_pb2.UpsertTracksResponse(results=map(result_message, results))

    def UpsertArtists(
        self, request: ingest_pb2.UpsertArtistsRequest, context: grpc.ServicerContext
    ) -> ingest_pb2.UpsertArtistsResponse:
        """See ingest.proto."""
        artists = _checked(
            request.artists, "artists", lambda artist: artist.artist_id, lambda artist, _: artist_of(artist)
        )
        results = self._ingest.upsert_artists(artists, timeout_seconds=time_budget(context))
        return ingest_pb2.UpsertArtistsResponse(results=map(result_message, results))

    def UpsertAudioFeatures(
        self, request: ingest_pb2.UpsertAudioFeaturesRequest, context: grpc.ServicerContext
    ) -> ingest_pb2.UpsertAudioFeaturesResponse:
        """See ingest.proto."""
        heard = _checked(
            request.tracks, "tracks", lambda track: track.track_id, lambda track, _: track_audio_features_of(track)
        )
        results = self._ingest.upsert_audio_features(heard, timeout_seconds=time_budget(context))
        return ingest_pb2.UpsertAudioFeaturesResponse(results=map(result_message, results))


def _checked(
    messages: Iterable[MessageT],
    name: str,
    id_of: Callable[[MessageT], str],
    convert: Callable[[MessageT, str], ValueT],
) -> list[ValueT | Refused]:
    """Each element converted, or refused with the rules it breaks."""
    checked: list[ValueT | Refused] = []
    for at, message in enumerate(messages):
        path = f"{name}[{at}]"
        violations = violations_of(message, path=path)
        try:
            checked.append(Refused(id=id_of(message), violations=violations) if violations else convert(message, path))
        except InvalidInput as error:
            checked.append(Refused(id=id_of(message), violations=error.violations))
    return checked
