"""RecommendService: each RPC converts, calls, converts."""

import hashlib

import grpc
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend.rpc.convert import ANSWER_PATHS, APPROACHES, recommended_message, seeds_of
from backend.services.answers import AnswerPage
from backend.services.catalogue import Catalogue
from backend.services.explore import Explorer
from backend.services.recommend import Recommender


class RecommendServicer(recommend_pb2_grpc.RecommendServiceServicer):
    """The door of `Recommender` and `Explorer`; names come from the catalogue."""

    def __init__(self, recommender: Recommender, explorer: Explorer, catalogue: Catalogue) -> None:
        self._recommender = recommender
        self._explorer = explorer
        self._catalogue = catalogue

    def Recommend(
        self, request: recommend_pb2.RecommendRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.RecommendResponse:
        """See recommend.proto."""
        page = self._recommender.recommend(
            request.listener_id,
            page_size=request.page_size,
            page_token=request.page_token,
            exclude=frozenset(request.exclude_track_ids),
            asker=_asker(context),
        )
        response = recommend_pb2.RecommendResponse.FromString(self._shown(page))
        response.recommendation_id = page.answer.recommendation_id
        response.model_version = page.answer.model_version
        response.path = ANSWER_PATHS[page.answer.path]
        response.next_page_token = page.next_page_token
        return response

    def SimilarTracks(
        self, request: recommend_pb2.SimilarTracksRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.SimilarTracksResponse:
        """See recommend.proto."""
        page = self._explorer.similar(
            seeds_of(request),
            approach=APPROACHES[request.approach],
            page_size=request.page_size,
            page_token=request.page_token,
            asker=_asker(context),
        )
        return recommend_pb2.SimilarTracksResponse(
            tracks=self._tracks(page), model_version=page.answer.model_version, next_page_token=page.next_page_token
        )

    def SearchTracks(
        self, request: recommend_pb2.SearchTracksRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.SearchTracksResponse:
        """See recommend.proto."""
        page = self._explorer.search(
            request.query, page_size=request.page_size, page_token=request.page_token, asker=_asker(context)
        )
        return recommend_pb2.SearchTracksResponse(
            tracks=self._tracks(page), model_version=page.answer.model_version, next_page_token=page.next_page_token
        )

    def PopularTracks(
        self, request: recommend_pb2.PopularTracksRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.PopularTracksResponse:
        """See recommend.proto."""
        page = self._explorer.popular(page_size=request.page_size, page_token=request.page_token, asker=_asker(context))
        return recommend_pb2.PopularTracksResponse(tracks=self._tracks(page), next_page_token=page.next_page_token)

    def _shown(self, page: AnswerPage) -> bytes:
        """The response's tracks, made once for a page that is given again."""
        revision, shown = self._catalogue.revision, page.shown
        if shown.revision == revision:
            return shown.content
        content = recommend_pb2.RecommendResponse(tracks=self._tracks(page)).SerializeToString()
        # The content first: whoever sees the revision sees what belongs to it.
        shown.content, shown.revision = content, revision
        return content

    def _tracks(self, page: AnswerPage) -> list[recommend_pb2.RecommendedTrack]:
        tracks = self._catalogue.tracks(one.track_id for one in page.recommendations)
        # One look-up for all the names; each track's is then a cached one.
        self._catalogue.artists(one for track in tracks.values() for one in track.artist_ids)
        return [
            recommended_message(one, tracks[one.track_id], self._catalogue.artist_names(tracks[one.track_id]))
            for one in page.recommendations
            if one.track_id in tracks
        ]


def _asker(context: grpc.ServicerContext) -> str:
    """Who asks, as a digest of the token that the call carries: page tokens are good for that token only."""
    metadata = dict(context.invocation_metadata() or ())
    _, _, token = str(metadata.get("authorization", "")).partition(" ")
    return hashlib.sha256(token.strip().encode()).hexdigest()
