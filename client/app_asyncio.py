"""The client of client/app.py for asyncio: the same calls, awaited.

async with AsyncSegue() as segue:
    answer = await segue.recommend("ann")
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Self, cast

import grpc
from google.protobuf.message import Message
from segue.v1 import ingest_pb2, play_pb2, recommend_pb2, topics_pb2

from client.channel import authorization, connect_asyncio
from client.contract import Method, batches_of_feedback, batches_of_plays, method_of, paged, send
from client.errors import explain
from client.settings import ServerSettings, read


class AsyncSegue:
    """A connection to one server, of the event loop it is made in. Nothing is dialled before the first call.

    `settings` say where the server is and which token to show; left out they are what `client.settings.read` finds.
    Every call raises QueryFailed or one of its kinds (client/errors.py), and TypeError for a request that is no such
    call's. Raises NotConfigured and InsecureChannel as `read` and `connect` do. Close it, or use it in `async with`.
    """

    def __init__(self, settings: ServerSettings | None = None) -> None:
        settings = settings or read()
        self._channel = connect_asyncio(settings.address, certificate=settings.certificate)
        self._metadata = (authorization(settings.token),)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is under way, and the connection."""
        await self._channel.close()

    async def ask(self, request: Message, *, timeout: float | None = None) -> Any:
        """The answer to any request of the contract, within `timeout` seconds (None: the service's, DEADLINES)."""
        method = method_of(request, streams=False)
        try:
            return await self._call(method, request, timeout)
        except grpc.RpcError as error:
            raise explain(error) from error

    async def pages(self, request: Message, *, timeout: float | None = None) -> AsyncIterator[Any]:
        """The answer to `request` and those that go on from it, page by page as they are wanted; each has `timeout`."""
        page = paged(request)
        while True:
            answer = await self.ask(page, timeout=timeout)
            yield answer
            page.page_token = answer.next_page_token
            if not answer.next_page_token:
                return

    async def tracks(self, request: Message, *, limit: int | None = None) -> AsyncIterator[Any]:
        """The tracks of all pages, `limit` at most: recommended, next, similar, found, popular, or a topic's."""
        if limit == 0:
            return
        given = 0
        async for page in self.pages(request):
            for track in page.tracks:
                yield track
                given += 1
                if given == limit:
                    return

    async def stream(self, request: Message, *, timeout: float | None = None) -> AsyncIterator[Any]:
        """The answers of a stream as they come; leaving the loop ends it. A Watch stream goes on without `timeout`."""
        method = method_of(request, streams=True)
        call = self._call(method, request, timeout)
        try:
            async for answer in call:
                yield answer
        except grpc.RpcError as error:
            raise explain(error) from error
        finally:
            call.cancel()

    async def recommend(self, listener_id: str, **fields: Any) -> recommend_pb2.RecommendResponse:
        """What next for a listener; `fields` are those of RecommendRequest."""
        request = recommend_pb2.RecommendRequest(listener_id=listener_id, **fields)
        return cast(recommend_pb2.RecommendResponse, await self.ask(request))

    async def next_tracks(self, track_ids: Sequence[str], **fields: Any) -> recommend_pb2.NextTracksResponse:
        """What goes on with a session, oldest track first; `fields` are those of NextTracksRequest."""
        request = recommend_pb2.NextTracksRequest(track_ids=track_ids, **fields)
        return cast(recommend_pb2.NextTracksResponse, await self.ask(request))

    async def similar(self, track_id: str, **fields: Any) -> recommend_pb2.SimilarTracksResponse:
        """Tracks like one; `fields` are those of SimilarTracksRequest."""
        request = recommend_pb2.SimilarTracksRequest(track_id=track_id, **fields)
        return cast(recommend_pb2.SimilarTracksResponse, await self.ask(request))

    async def search(self, query: str, **fields: Any) -> recommend_pb2.SearchTracksResponse:
        """Tracks by words; `fields` are those of SearchTracksRequest."""
        request = recommend_pb2.SearchTracksRequest(query=query, **fields)
        return cast(recommend_pb2.SearchTracksResponse, await self.ask(request))

    async def home(self, listener_id: str = "", **fields: Any) -> topics_pb2.HomeResponse:
        """The home page, a listener's own where one is named; `fields` are those of HomeRequest."""
        return cast(topics_pb2.HomeResponse, await self.ask(topics_pb2.HomeRequest(listener_id=listener_id, **fields)))

    async def record_plays(self, plays: Sequence[play_pb2.Play]) -> list[ingest_pb2.IngestResult]:
        """One result a play, in their order, sent in batches of 1,000.

        A play without an event id is given one, in place: so the same plays may be given again after a failure, or
        where a result is UNCONFIRMED, and count once.
        """
        return [result for request in batches_of_plays(plays) for result in (await self.ask(request)).results]

    async def record_feedback(self, feedback: Sequence[play_pb2.Feedback]) -> list[ingest_pb2.IngestResult]:
        """One result each, in their order; event ids as in `record_plays`."""
        return [result for request in batches_of_feedback(feedback) for result in (await self.ask(request)).results]

    def _call(self, method: Method, request: Message, timeout: float | None) -> Any:
        seconds = method.deadline if timeout is None else timeout
        return send(self._channel, method)(request, timeout=seconds, metadata=self._metadata)
