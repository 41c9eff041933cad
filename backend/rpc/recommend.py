"""RecommendService: each RPC converts, calls, converts."""

import hashlib
from collections.abc import Iterator

import grpc
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend.rpc.call import time_budget
from backend.rpc.convert import ANSWER_PATHS, APPROACHES, reason_messages, recommended_message, seeds_of
from backend.rpc.convert_wanted import fallback_messages, latency_messages, session_of, wanted_of
from backend.services.answers import AnswerPage
from backend.services.artists import ArtistFinder
from backend.services.batch import BatchRecommender
from backend.services.catalogue import Catalogue
from backend.services.explore import Explorer
from backend.services.recommend import Recommender


class RecommendServicer(recommend_pb2_grpc.RecommendServiceServicer):
    """The door of the use cases that recommend; names come from the catalogue."""

    def __init__(
        self,
        recommender: Recommender,
        explorer: Explorer,
        catalogue: Catalogue,
        *,
        batch: BatchRecommender,
        artists: ArtistFinder,
    ) -> None:
        self._recommender = recommender
        self._explorer = explorer
        self._catalogue = catalogue
        self._batch = batch
        self._artists = artists

    def Recommend(
        self, request: recommend_pb2.RecommendRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.RecommendResponse:
        """See recommend.proto."""
        page = self._recommender.recommend(
            request.listener_id,
            wanted=wanted_of(request.options),
            page_size=request.page_size,
            page_token=request.page_token,
            exclude=frozenset(request.exclude_track_ids),
            asker=_asker(context),
            within=time_budget(context),
        )
        return self._answer(page)

    def NextTracks(
        self, request: recommend_pb2.NextTracksRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.NextTracksResponse:
        """See recommend.proto."""
        page = self._recommender.recommend(
            request.listener_id,
            wanted=session_of(request),
            page_size=request.page_size,
            page_token=request.page_token,
            exclude=frozenset(request.exclude_track_ids),
            asker=_asker(context),
            within=time_budget(context),
        )
        told = self._answer(page)
        return recommend_pb2.NextTracksResponse(
            recommendation_id=told.recommendation_id,
            tracks=told.tracks,
            model_version=told.model_version,
            path=told.path,
            next_page_token=told.next_page_token,
            fallbacks=told.fallbacks,
            latencies=told.latencies,
        )

    def BatchRecommend(
        self, request: recommend_pb2.BatchRecommendRequest, context: grpc.ServicerContext
    ) -> Iterator[recommend_pb2.BatchRecommendResponse]:
        """See recommend.proto."""
        answers = self._batch.answers(request.listener_ids, wanted=wanted_of(request.options), count=request.tracks)
        for one in answers:
            if not context.is_active():
                return
            yield recommend_pb2.BatchRecommendResponse(
                listener_id=one.listener_id,
                answer=None if one.page is None else self._answer(one.page),
                refusal=one.refusal if one.page is None else None,
            )

    def SimilarArtists(
        self, request: recommend_pb2.SimilarArtistsRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.SimilarArtistsResponse:
        """See recommend.proto."""
        page = self._artists.page(request.artist_id, page_size=request.page_size, page_token=request.page_token)
        return recommend_pb2.SimilarArtistsResponse(
            artists=[
                recommend_pb2.SimilarArtist(
                    artist_id=one.artist_id,
                    name=one.name,
                    score=one.score,
                    reasons=reason_messages(one.reasons, one.score),
                )
                for one in page.artists
            ],
            model_version=page.model_version,
            next_page_token=page.next_page_token,
        )

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

    def _answer(self, page: AnswerPage) -> recommend_pb2.RecommendResponse:
        """A page with what the answer says of itself."""
        response = recommend_pb2.RecommendResponse.FromString(self._shown(page))
        response.recommendation_id = page.answer.recommendation_id
        response.model_version = page.answer.model_version
        response.path = ANSWER_PATHS[page.answer.path]
        response.next_page_token = page.next_page_token
        response.fallbacks.extend(fallback_messages(page.answer))
        response.latencies.extend(latency_messages(page.answer))
        return response

    def _shown(self, page: AnswerPage) -> bytes:
        """The response's tracks, made once for a page that is given again.

        Names come from memory, where the use case has put them.
        """
        revision, shown = self._catalogue.revision, page.shown
        if shown.revision == revision:
            return shown.content
        tracks = self._catalogue.remembered_tracks((one.track_id for one in page.recommendations), old=True).found
        messages = [
            recommended_message(one, tracks[one.track_id], self._catalogue.remembered_names(tracks[one.track_id]))
            for one in page.recommendations
            if one.track_id in tracks
        ]
        content = recommend_pb2.RecommendResponse(tracks=messages).SerializeToString()
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
