"""Asking for tracks: for a listener, near a track, by words, or what is popular; and the answer in plain words."""

from collections.abc import Mapping
from typing import Any

import grpc
from segue.v1 import catalogue_pb2, recommend_pb2, recommend_pb2_grpc

from client.errors import explain

APPROACHES = ("audio", "latent", "text", "listening", "hybrid")
"""In what tracks shall be alike, as `similar` is asked."""


def similar(
    channel: grpc.Channel,
    track_id: str,
    *,
    approach: str = "",
    also: Mapping[str, float] | None = None,
    limit: int = 20,
) -> dict[str, Any]:
    """Tracks like one, and like those of `also` with their weights, as `ask` gives them.

    `approach` is one of APPROACHES, "" leaves it to the server. Raises QueryFailed; ValueError for another approach.
    """
    stub = recommend_pb2_grpc.RecommendServiceStub(channel)
    request = recommend_pb2.SimilarTracksRequest(
        track_id=track_id,
        page_size=limit,
        approach=f"APPROACH_{approach.upper() or 'UNSPECIFIED'}",
        seeds=[recommend_pb2.SeedTrack(track_id=one, weight=weight) for one, weight in (also or {}).items()],
    )
    try:
        return _told(stub.SimilarTracks(request))
    except grpc.RpcError as error:
        raise explain(error) from error


def ask(
    channel: grpc.Channel, *, listener: str = "", similar: str = "", search: str = "", limit: int = 20
) -> dict[str, Any]:
    """The answer to what was given, popular tracks where nothing was, with reasons. Raises QueryFailed.

    Only an answer for a listener has a `recommendation_id` and a `path`, and that of what is popular has no
    `model_version`; they are "" else.
    """
    stub = recommend_pb2_grpc.RecommendServiceStub(channel)
    try:
        if listener:
            answer = stub.Recommend(recommend_pb2.RecommendRequest(listener_id=listener, page_size=limit))
        elif similar:
            answer = stub.SimilarTracks(recommend_pb2.SimilarTracksRequest(track_id=similar, page_size=limit))
        elif search:
            answer = stub.SearchTracks(recommend_pb2.SearchTracksRequest(query=search, page_size=limit))
        else:
            answer = stub.PopularTracks(recommend_pb2.PopularTracksRequest(page_size=limit))
    except grpc.RpcError as error:
        raise explain(error) from error
    return _told(answer)


def _told(answer: Any) -> dict[str, Any]:
    return {
        "recommendation_id": getattr(answer, "recommendation_id", ""),
        "model_version": getattr(answer, "model_version", ""),
        "path": _word(recommend_pb2.AnswerPath, "ANSWER_PATH_", answer.path) if hasattr(answer, "path") else "",
        "tracks": [_track(track) for track in answer.tracks],
    }


def _track(track: recommend_pb2.RecommendedTrack) -> dict[str, Any]:
    return {
        "track_id": track.track_id,
        "title": track.title,
        "artist_ids": list(track.artist_ids),
        "artist_names": list(track.artist_names),
        "score": track.score,
        "reasons": [
            {
                "source": _word(recommend_pb2.CandidateSource, "CANDIDATE_SOURCE_", reason.source),
                "rank": reason.rank,
                "share": reason.share,
                "text": reason.text,
            }
            for reason in track.reasons
        ],
        "audio_features": _sound(track.audio_features) if track.HasField("audio_features") else None,
    }


def _sound(features: catalogue_pb2.AudioFeatures) -> dict[str, Any]:
    """The features by name, to the six digits that they have, and the names of those that are estimates."""
    named = {field.name: getattr(features, field.name) for field in features.DESCRIPTOR.fields}
    numbers = {name: float(f"{value:.6g}") for name, value in named.items() if name != "estimated"}
    return {**numbers, "estimated": list(features.estimated)}


def _word(enum: Any, prefix: str, number: int) -> str:
    return str(enum.Name(number)).removeprefix(prefix).lower()
