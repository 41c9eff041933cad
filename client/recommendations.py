"""Asking for tracks: for a listener, near a track, by words, or what is popular; and the answer in plain words."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from segue.v1 import catalogue_pb2, recommend_pb2, recommend_pb2_grpc

from client.errors import explain
from client.wishes import NOTHING_WISHED, Wishes

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


def go_on(
    channel: grpc.Channel,
    track_ids: Sequence[str],
    *,
    listener: str = "",
    limit: int = 20,
    wishes: Wishes = NOTHING_WISHED,
) -> dict[str, Any]:
    """What goes on with a session, oldest track first, as `ask` gives it. Raises QueryFailed."""
    request = recommend_pb2.NextTracksRequest(
        track_ids=track_ids, listener_id=listener, page_size=limit, options=wishes.message()
    )
    try:
        return _told(recommend_pb2_grpc.RecommendServiceStub(channel).NextTracks(request))
    except grpc.RpcError as error:
        raise explain(error) from error


def similar_artists(channel: grpc.Channel, artist_id: str, *, limit: int = 20) -> dict[str, Any]:
    """`model_version` and `artists` like one, the likest first, with their reasons. Raises QueryFailed."""
    request = recommend_pb2.SimilarArtistsRequest(artist_id=artist_id, page_size=limit)
    try:
        answer = recommend_pb2_grpc.RecommendServiceStub(channel).SimilarArtists(request)
    except grpc.RpcError as error:
        raise explain(error) from error
    artists = [
        {
            "artist_id": one.artist_id,
            "name": one.name,
            "score": one.score,
            "reasons": [_reason(reason) for reason in one.reasons],
        }
        for one in answer.artists
    ]
    return {"model_version": answer.model_version, "artists": artists}


def ask(
    channel: grpc.Channel,
    *,
    listener: str = "",
    similar: str = "",
    search: str = "",
    limit: int = 20,
    wishes: Wishes = NOTHING_WISHED,
) -> dict[str, Any]:
    """The answer to what was given, popular tracks where nothing was, with reasons. Raises QueryFailed.

    `wishes` are about an answer for a listener. Only such an answer has a `recommendation_id` and a `path` ("" else),
    `fallbacks` and `latencies` (milliseconds by part); that of what is popular has no `model_version` ("").
    """
    stub = recommend_pb2_grpc.RecommendServiceStub(channel)
    try:
        if listener:
            request = recommend_pb2.RecommendRequest(listener_id=listener, page_size=limit, options=wishes.message())
            answer = stub.Recommend(request)
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
    of_listener = {
        "fallbacks": [
            {
                "reason": _word(recommend_pb2.FallbackReason, "FALLBACK_REASON_", one.reason),
                "to": _word(recommend_pb2.FallbackTo, "FALLBACK_TO_", one.to),
                "text": one.text,
            }
            for one in getattr(answer, "fallbacks", ())
        ],
        "latencies": {one.part: one.milliseconds for one in getattr(answer, "latencies", ())},
    }
    return {
        "recommendation_id": getattr(answer, "recommendation_id", ""),
        "model_version": getattr(answer, "model_version", ""),
        "path": _word(recommend_pb2.AnswerPath, "ANSWER_PATH_", answer.path) if hasattr(answer, "path") else "",
        "tracks": [_track(track) for track in answer.tracks],
        **(of_listener if hasattr(answer, "path") else {}),
    }


def _track(track: recommend_pb2.RecommendedTrack) -> dict[str, Any]:
    return {
        "track_id": track.track_id,
        "title": track.title,
        "artist_ids": list(track.artist_ids),
        "artist_names": list(track.artist_names),
        "score": track.score,
        "reasons": [_reason(reason) for reason in track.reasons],
        "audio_features": _sound(track.audio_features) if track.HasField("audio_features") else None,
    }


def _reason(reason: recommend_pb2.Reason) -> dict[str, Any]:
    return {
        "source": _word(recommend_pb2.CandidateSource, "CANDIDATE_SOURCE_", reason.source),
        "rank": reason.rank,
        "share": reason.share,
        "score_part": reason.score_part,
        "text": reason.text,
        "anchor_track_ids": list(reason.anchor_track_ids),
    }


def _sound(features: catalogue_pb2.AudioFeatures) -> dict[str, Any]:
    """The features by name, to the six digits that they have, and the names of those that are estimates."""
    named = {field.name: getattr(features, field.name) for field in features.DESCRIPTOR.fields}
    numbers = {name: float(f"{value:.6g}") for name, value in named.items() if name != "estimated"}
    return {**numbers, "estimated": list(features.estimated)}


def _word(enum: Any, prefix: str, number: int) -> str:
    return str(enum.Name(number)).removeprefix(prefix).lower()
