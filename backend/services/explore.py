"""Answers that need no listener: similar tracks, search by words, popular tracks."""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from backend.domain.errors import InvalidInput, NotFound, Unavailable, Violation
from backend.domain.page_tokens import question_digest
from backend.domain.recommendations import Answer, AnswerPath, Approach, Candidate, Recommendation, SeedTrack
from backend.domain.tracks import Track, catalogue_text
from backend.ports.encoder import TextEncoder
from backend.ports.models import ModelVersion
from backend.ports.vectors import Vectors
from backend.ranking.fuse import fuse
from backend.ranking.sources import LIVE, MOOD, WORDS
from backend.services.answers import AnswerPage, Answers
from backend.services.catalogue import Catalogue
from backend.services.model import CurrentModel
from backend.services.names import Names
from backend.services.retrieve import Retriever
from backend.services.search import Search
from backend.services.similar import FOUND, Similar
from backend.services.sounds import Sounds
from backend.services.trending import Trending
from backend.visible import is_seen

_log = logging.getLogger(__name__)

SEARCH_WEIGHTS = {WORDS.name: 1.0, MOOD: 1.0}
"""What a search finds by its words' meaning and by how tracks sound weighs the same."""


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
        names: Names,
        sounds: Sounds,
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
        self._similar = Similar(catalogue, retriever, words=self._words_of, sounds=sounds)
        self._search = Search(names, catalogue, retriever)

    def similar(
        self,
        seeds: Sequence[SeedTrack],
        *,
        approach: Approach | None = None,
        page_size: int = 0,
        page_token: str = "",
        asker: str = "",
    ) -> AnswerPage:
        """Tracks like the seeds, none of them among them; without an approach by the hybrid where the version has it.

        Raises NotFound (unknown track, no model), NotMade (the version lacks the approach), InvalidInput.
        """

        def answer() -> Answer:
            tracks = self._catalogue.tracks(seed.track_id for seed in seeds)
            for seed in seeds:
                if seed.track_id not in tracks:
                    raise NotFound(f"there is no track '{seed.track_id}'")
            model = self._current()
            found = self._similar.answer(model, seeds, tracks, approach=approach)
            return self._answer(found, model)

        asked = sorted((seed.track_id, seed.weight) for seed in seeds)
        return self._paged(question_digest("similar", asker, asked, approach or ""), page_size, page_token, answer)

    def like(self, track_id: str) -> Sequence[Recommendation]:
        """Tracks like one, by the hybrid where the version has it. Raises NotFound, Unavailable."""
        tracks = self._catalogue.tracks([track_id])
        if track_id not in tracks:
            raise NotFound(f"there is no track '{track_id}'")
        return self._similar.answer(self._current(), [SeedTrack(track_id=track_id)], tracks)

    def search(self, query: str, *, page_size: int = 0, page_token: str = "", asker: str = "") -> AnswerPage:
        """Tracks of that title or artist, then those whose text is near the words and who sound as these say.

        Raises NotFound (no model), Unavailable (no encoder), both where no name fits; InvalidInput.
        """
        if not is_seen(query):
            raise InvalidInput([Violation("query", "holds nothing that can be seen: give a title, a name or words")])

        def answer() -> Answer:
            named = self._search.named(query)
            try:
                rest = self._meant(query, exclude=frozenset(one.track_id for one in named))
            except (NotFound, Unavailable) as error:
                if not named:
                    raise
                _log.warning("answering with names only: %s", error)
                rest = self._fused([], {})
            return replace(rest, recommendations=(*named, *rest.recommendations))

        return self._paged(question_digest("search", asker, query), page_size, page_token, answer)

    def _meant(self, query: str, *, exclude: frozenset[str]) -> Answer:
        """What the query's words mean, and how they say that it sounds."""
        model = self._current()
        vector = self._encode(model, query)
        near = self._retriever.near_words(model, vector, limit=FOUND, because=f"near '{query}' in words")
        mood = self._search.in_the_mood(model, query, near, limit=FOUND)
        return self._fused([*near, *mood], SEARCH_WEIGHTS, exclude=exclude, model=model)

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
        return self._answer([one for one in ranked if one.track_id in tracks], model)

    def _answer(self, recommendations: Sequence[Recommendation], model: ModelVersion | None) -> Answer:
        return Answer(
            recommendation_id=self._new_id(),
            recommendations=tuple(recommendations),
            model_version=model.version if model else "",
            path=AnswerPath.HYBRID if model else AnswerPath.COLD_START,
        )
