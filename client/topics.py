"""Browsing the catalogue: topics, the tracks of one, and the home page; in plain words."""

from typing import Any, Final

import grpc
from segue.v1 import topics_pb2, topics_pb2_grpc

from client.errors import explain

PAGE_SIZE: Final = 200
"""Tracks per call: the contract's largest page."""


def topics(channel: grpc.Channel) -> dict[str, Any]:
    """`model_version` and all `topics`, each of the upper level followed by those within it. Raises QueryFailed."""
    request = topics_pb2.ListTopicsRequest(page_size=1000)
    found: list[dict[str, Any]] = []
    try:
        while True:
            answer = _stub(channel).ListTopics(request)
            found += map(_topic, answer.topics)
            request.page_token = answer.next_page_token
            if not answer.next_page_token:
                return {"model_version": answer.model_version, "topics": found}
    except grpc.RpcError as error:
        raise explain(error) from error


def topic_tracks(channel: grpc.Channel, topic_id: str, *, limit: int = 20) -> dict[str, Any]:
    """`model_version`, the `topic`, its first `limit` `tracks`, popular ones first; `complete` where they are all.

    Raises QueryFailed.
    """
    request = topics_pb2.ListTopicTracksRequest(topic_id=topic_id)
    tracks: list[dict[str, Any]] = []
    try:
        while True:
            request.page_size = min(PAGE_SIZE, limit - len(tracks))
            answer = _stub(channel).ListTopicTracks(request)
            tracks += map(_track, answer.tracks)
            request.page_token = answer.next_page_token
            if not answer.next_page_token or len(tracks) >= limit:
                return {
                    "model_version": answer.model_version,
                    "topic": _topic(answer.topic),
                    "tracks": tracks,
                    "complete": not answer.next_page_token,
                }
    except grpc.RpcError as error:
        raise explain(error) from error


def home(channel: grpc.Channel, *, listener: str = "", row_size: int = 10) -> dict[str, Any]:
    """`model_version`, `degraded`, and the first fifty `rows` of the home page, `row_size` tracks each.

    `recommendation_id` is to be sent back with plays of the row "for_you". Raises QueryFailed.
    """
    request = topics_pb2.HomeRequest(listener_id=listener, row_size=row_size, page_size=50)
    try:
        answer = _stub(channel).Home(request)
    except grpc.RpcError as error:
        raise explain(error) from error
    return {
        "model_version": answer.model_version,
        "degraded": answer.degraded,
        "recommendation_id": answer.recommendation_id,
        "rows": [
            {
                "kind": topics_pb2.HomeRowKind.Name(row.kind).removeprefix("HOME_ROW_KIND_").lower(),
                "title": row.title,
                "topic_id": row.topic_id,
                "anchor_track_id": row.anchor_track_id,
                "tracks": [_track(track) for track in row.tracks],
            }
            for row in answer.rows
        ],
    }


def _stub(channel: grpc.Channel) -> Any:
    return topics_pb2_grpc.TopicServiceStub(channel)


def _topic(topic: topics_pb2.Topic) -> dict[str, Any]:
    return {
        "topic_id": topic.topic_id,
        "parent_topic_id": topic.parent_topic_id,
        "name": topic.name,
        "tracks": topic.tracks,
        "tags": list(topic.tags),
        "cluster": topic.cluster if topic.HasField("cluster") else None,
        "centre": {
            field.name: getattr(topic.centre, field.name)
            for field in topic.centre.DESCRIPTOR.fields
            if field.name != "estimated"
        },
    }


def _track(track: topics_pb2.TopicTrack) -> dict[str, Any]:
    return {
        "track_id": track.track_id,
        "title": track.title,
        "artist_ids": list(track.artist_ids),
        "artist_names": list(track.artist_names),
        "reason": track.reason,
    }
