"""TopicService: each RPC converts, calls, converts; names come from the catalogue."""

from collections.abc import Callable, Iterable, Sequence

import grpc
from segue.v1 import topics_pb2, topics_pb2_grpc

from backend.domain.topics import Topic
from backend.rpc.call import time_budget
from backend.rpc.convert import sound_message
from backend.services.catalogue import Catalogue
from backend.services.home import HomePages, RowKind
from backend.services.topics import ListedTrack, TopicBrowser

ROW_KINDS = {
    RowKind.RISING: topics_pb2.HOME_ROW_KIND_RISING,
    RowKind.POPULAR: topics_pb2.HOME_ROW_KIND_POPULAR,
    RowKind.TOPIC: topics_pb2.HOME_ROW_KIND_TOPIC,
    RowKind.FOR_YOU: topics_pb2.HOME_ROW_KIND_FOR_YOU,
    RowKind.BECAUSE: topics_pb2.HOME_ROW_KIND_BECAUSE,
    RowKind.LIKED_TOPIC: topics_pb2.HOME_ROW_KIND_LIKED_TOPIC,
}
Shown = Callable[[Sequence[ListedTrack]], list[topics_pb2.TopicTrack]]


class TopicServicer(topics_pb2_grpc.TopicServiceServicer):
    """The door of `TopicBrowser` and `HomePages`."""

    def __init__(self, browser: TopicBrowser, home: HomePages, catalogue: Catalogue) -> None:
        self._browser = browser
        self._home = home
        self._catalogue = catalogue

    def ListTopics(
        self, request: topics_pb2.ListTopicsRequest, context: grpc.ServicerContext
    ) -> topics_pb2.ListTopicsResponse:
        """See topics.proto."""
        page = self._browser.topics(request.parent_topic_id, page_size=request.page_size, page_token=request.page_token)
        return topics_pb2.ListTopicsResponse(
            topics=map(topic_message, page.topics),
            next_page_token=page.next_page_token,
            model_version=page.model_version,
        )

    def ListTopicTracks(
        self, request: topics_pb2.ListTopicTracksRequest, context: grpc.ServicerContext
    ) -> topics_pb2.ListTopicTracksResponse:
        """See topics.proto."""
        page = self._browser.tracks(request.topic_id, page_size=request.page_size, page_token=request.page_token)
        return topics_pb2.ListTopicTracksResponse(
            topic=topic_message(page.topic),
            tracks=self._shown(page.tracks)(page.tracks),
            next_page_token=page.next_page_token,
            model_version=page.model_version,
        )

    def Home(self, request: topics_pb2.HomeRequest, context: grpc.ServicerContext) -> topics_pb2.HomeResponse:
        """See topics.proto."""
        page = self._home.page(
            request.listener_id,
            row_size=request.row_size,
            page_size=request.page_size,
            page_token=request.page_token,
            within=time_budget(context),
        )
        shown = self._shown(track for row in page.rows for track in row.tracks)
        return topics_pb2.HomeResponse(
            rows=[
                topics_pb2.HomeRow(
                    kind=ROW_KINDS[row.kind],
                    title=row.title,
                    topic_id=row.topic_id,
                    tracks=shown(row.tracks),
                    anchor_track_id=row.anchor_id,
                )
                for row in page.rows
            ],
            next_page_token=page.next_page_token,
            model_version=page.model_version,
            degraded=page.degraded,
            recommendation_id=page.recommendation_id,
        )

    def _shown(self, listed: Iterable[ListedTrack]) -> Shown:
        """What makes messages of some of the `listed`, with one look-up for all their tracks and one for artists."""
        tracks = self._catalogue.tracks(one.track_id for one in listed)
        self._catalogue.look_up_artists(one for track in tracks.values() for one in track.artist_ids)

        def shown(some: Sequence[ListedTrack]) -> list[topics_pb2.TopicTrack]:
            return [
                topics_pb2.TopicTrack(
                    track_id=one.track_id,
                    title=tracks[one.track_id].title,
                    artist_ids=tracks[one.track_id].artist_ids,
                    artist_names=self._catalogue.artist_names(tracks[one.track_id]),
                    reason=one.because,
                )
                for one in some
                if one.track_id in tracks
            ]

        return shown


def topic_message(topic: Topic) -> topics_pb2.Topic:
    """A topic as the contract has it."""
    return topics_pb2.Topic(
        topic_id=topic.topic_id,
        parent_topic_id=topic.parent_id,
        name=topic.name,
        tracks=topic.tracks,
        centre=sound_message(topic.centre),
        tags=topic.tags,
        cluster=topic.cluster,
    )
