"""Answers that need no listener: similar tracks, search by words, popular tracks."""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence

from backend.domain.errors import NotFound, Unavailable
from backend.domain.page_tokens import question_digest
from backend.domain.recommendations import Answer, AnswerPath, Candidate
from backend.domain.tracks import Track, catalogue_text
from backend.ports.encoder import TextEncoder
from backend.ports.models import ModelVersion
from backend.ports.vectors import Vectors
from backend.ranking.fuse import fuse
from backend.ranking.sources import LIVE, OF_A_VERSION, WORDS
from backend.services.answers import AnswerPage, Answers
from backend.services.catalogue import Catalogue
from backend.services.model import CurrentModel
from backend.services.retrieve import Retriever
from backend.services.trending import Trending

_log = logging.getLogger(__name__)

FOUND = 400
"""Candidates asked of each source: two of the largest pages."""

SIMILAR_WEIGHTS = {source.name: 1.0 for source in OF_A_VERSION}
"""Sources that can tell what a track is like weigh the same."""


class Explorer:
    """The use cases. A page token serves the `asker` it was given to only.

    `encoder` opens the text encoder on first use; it raises Unavailable until one is exported.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        model: CurrentModel,
        retriever: Retriever,
        trending: Trending,
        answers: Answers,
        encoder: Callable[[], TextEncoder],
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._catalogue = catalogue
        self._model = model
        self._retriever = retriever
        self._trending = trending
        self._answers = answers
        self._open_encoder = encoder
        self._encoder: TextEncoder | None = None
        self._new_id = new_id

    def similar(self, track_id: str, *, page_size: int = 0, page_token: str = "", asker: str = "") -> AnswerPage:
        """Tracks near one track, by listening and by words. Raises NotFound: unknown track, no model; InvalidInput."""

        def answer() -> Answer:
            track = self._catalogue.tracks([track_id]).get(track_id)
            if track is None:
                raise NotFound(f"there is no track '{track_id}'")
            model = self._current()
            found = [
                one
                for source in OF_A_VERSION
                for one in self._retriever.similar(
                    source, model, track_id, limit=FOUND, words=lambda: self._words_of(model, track)
                )
            ]
            return self._fused(found, SIMILAR_WEIGHTS, exclude=frozenset({track_id}), model=model)

        return self._paged(question_digest("similar", asker, track_id), page_size, page_token, answer)

    def search(self, query: str, *, page_size: int = 0, page_token: str = "", asker: str = "") -> AnswerPage:
        """Tracks whose text is near the words. Raises NotFound (no model), Unavailable (no encoder), InvalidInput."""

        def answer() -> Answer:
            model = self._current()
            vector = self._encode(model, query)
            found = self._retriever.near_words(model, vector, limit=FOUND, because=f"near '{query}' in words")
            return self._fused(found, {WORDS.name: 1.0}, model=model)

        return self._paged(question_digest("search", asker, query), page_size, page_token, answer)

    def popular(self, *, page_size: int = 0, page_token: str = "", asker: str = "") -> AnswerPage:
        """Tracks with the most listeners lately. Raises Unavailable, InvalidInput."""

        def answer() -> Answer:
            return self._fused(self._trending.popular().candidates, {LIVE.name: 1.0})

        return self._paged(question_digest("popular", asker), page_size, page_token, answer)

    def _paged(self, question: str, page_size: int, page_token: str, answer: Callable[[], Answer]) -> AnswerPage:
        if page_token:
            return self._answers.next_page(page_token, page_size=page_size, question=question)
        return self._answers.first_page(answer(), page_size=page_size, question=question)

    def _current(self) -> ModelVersion:
        model = self._model.version
        if model is None:
            raise NotFound("no model version is published yet: run `segue train`")
        return model

    def _words_of(self, model: ModelVersion, track: Track) -> Vectors | None:
        """The vector of a track that is newer than the model; None where its words cannot be embedded."""
        try:
            return self._encode(model, catalogue_text(track, self._catalogue.artist_names(track)))
        except Unavailable as error:
            _log.warning("answering without the words of %s: %s", track.track_id, error)
            return None

    def _encode(self, model: ModelVersion, text: str) -> Vectors:
        if self._encoder is None:
            self._encoder = self._open_encoder()
        if self._encoder.name != model.encoder_name:
            raise Unavailable(
                f"model {model.version} was made with {model.encoder_name}, the encoder here is {self._encoder.name}"
            )
        vector: Vectors = self._encoder.encode([text])[0]
        return vector

    def _fused(
        self,
        candidates: Sequence[Candidate],
        weights: Mapping[str, float],
        *,
        exclude: frozenset[str] = frozenset(),
        model: ModelVersion | None = None,
    ) -> Answer:
        ranked = fuse(candidates, weights, exclude=exclude)
        tracks = self._catalogue.tracks(one.track_id for one in ranked)
        return Answer(
            recommendation_id=self._new_id(),
            recommendations=tuple(one for one in ranked if one.track_id in tracks),
            model_version=model.version if model else "",
            path=AnswerPath.HYBRID if model else AnswerPath.COLD_START,
        )
