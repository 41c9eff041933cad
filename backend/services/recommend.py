"""Answers "what next?" for a listener."""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from backend.domain.errors import NotFound, Unavailable
from backend.domain.page_tokens import question_digest
from backend.domain.recommendations import Answer, AnswerPath
from backend.ports.models import ModelVersion
from backend.ranking.diverse import diverse_among
from backend.ranking.fuse import fused
from backend.ranking.lists import PER_SOURCE, CandidateList
from backend.ranking.profile import NO_TASTE, Taste
from backend.ranking.sources import LIVE, OF_A_VERSION
from backend.ranking.weights import FusionWeights
from backend.services.answers import AnswerPage, Answers
from backend.services.catalogue import Catalogue
from backend.services.given import Given, State
from backend.services.identities import KnownIdentities
from backend.services.model import CurrentModel
from backend.services.profiles import Profiles
from backend.services.ranked import Ranked
from backend.services.retrieve import Retriever
from backend.services.trending import Trending

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Search:
    """What the sources came to: their lists by name, and whether one of them was down."""

    lists: dict[str, CandidateList] = field(default_factory=dict)
    degraded: bool = False

    def ask(self, source: str, find: Callable[[], CandidateList]) -> CandidateList:
        """A source's list; of one that is down an empty one, and the answer is marked."""
        try:
            return find()
        except (Unavailable, NotFound) as error:
            _log.warning("answering without %s: %s", source, error)
            self.degraded = True
            return CandidateList()

    def add(self, source: str, found: CandidateList) -> None:
        """A source's list, where there is anything in it."""
        if found.track_ids:
            self.lists[source] = found


class Recommender:
    """The use case. One model version serves a request from its beginning to its end.

    Paths: HYBRID where the version knows tracks of the listener; COLD_START where it does not, or none is published;
    DEGRADED where a part was down. Raises Unavailable only where nothing at all can be answered.
    """

    def __init__(
        self,
        *,
        identities: KnownIdentities,
        profiles: Profiles,
        catalogue: Catalogue,
        model: CurrentModel,
        retriever: Retriever,
        trending: Trending,
        answers: Answers,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._identities = identities
        self._profiles = profiles
        self._catalogue = catalogue
        self._model = model
        self._retriever = retriever
        self._trending = trending
        self._answers = answers
        self._new_id = new_id
        self._given = Given()
        profiles.listen(self._given.forget)

    def recommend(
        self,
        listener_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        exclude: frozenset[str] = frozenset(),
        asker: str = "",
    ) -> AnswerPage:
        """A page of tracks for the listener: none just played, hidden or in `exclude`. Raises InvalidInput (token).

        `listener_id` is the app's own.

        A page token serves the `asker` it was given to only. Where nothing has changed since the same was asked, the
        same tracks come under an id of their own.
        """
        question = question_digest("recommend", asker, listener_id, sorted(exclude))
        if page_token:
            return self._answers.next_page(page_token, page_size=page_size, question=question)
        model = self._model.version
        search = _Search(degraded=self._model.refused)
        pseudonym, taste = self._taste(listener_id, search)
        trends = self._trends(search)
        state = State((taste, model, trends, self._retriever.newest))
        if not search.degraded:
            given = self._given.page((question, page_size), state, recommendation_id=self._new_id())
            if given is not None:
                return given
        answer = self._answer(model, taste, exclude, trends, search)
        page = self._answers.first_page(answer, page_size=page_size, question=question)
        if not search.degraded:
            self._given.remember((question, page_size), pseudonym, state, page)
        return page

    def _answer(
        self, model: ModelVersion | None, taste: Taste, exclude: frozenset[str], trends: CandidateList, search: _Search
    ) -> Answer:
        unwanted = exclude | taste.unwanted
        if model is not None and (taste.unwanted or taste.plays):
            self._ask_model(model, taste, unwanted, search)
        by_model = bool(search.lists)
        search.add(LIVE.name, trends)
        if search.degraded and not search.lists:
            raise Unavailable("neither the model nor the trends can be read")
        weights = FusionWeights() if model is None else model.weights
        chosen = weights.of(len(taste.plays), by_version=by_model)
        path = AnswerPath.HYBRID if by_model else AnswerPath.COLD_START
        return Answer(
            recommendation_id=self._new_id(),
            recommendations=self._ranked(search.lists, chosen, unwanted),
            model_version=model.version if model else "",
            path=AnswerPath.DEGRADED if search.degraded else path,
        )

    def _taste(self, listener_id: str, search: _Search) -> tuple[str, Taste]:
        """Pseudonym and taste; of one who is unknown "" and an empty one.

        So of one whose profile cannot be read: the answer is marked then.
        """
        try:
            pseudonym = self._identities.pseudonym(listener_id)
            return (pseudonym, self._profiles.taste(pseudonym)) if pseudonym else ("", NO_TASTE)
        except Unavailable as error:
            _log.warning("answering without the listener's profile: %s", error)
            search.degraded = True
            return "", NO_TASTE

    def _ask_model(self, model: ModelVersion, taste: Taste, unwanted: frozenset[str], search: _Search) -> None:
        for source in OF_A_VERSION:
            find = partial(self._retriever.candidates, source, model, taste, limit=PER_SOURCE, exclude=unwanted)
            search.add(source.name, search.ask(source.name, find))

    def _trends(self, search: _Search) -> CandidateList:
        def listed() -> CandidateList:
            trends = self._trending.rising_and_popular()
            search.degraded = search.degraded or trends.stale
            return trends.listed

        return search.ask(LIVE.name, listed)

    def _ranked(
        self, lists: Mapping[str, CandidateList], weights: Mapping[str, float], unwanted: frozenset[str]
    ) -> Ranked:
        """Tracks still in the catalogue, not too many of one artist."""
        found = fused({source: each.track_ids for source, each in lists.items()}, weights, exclude=unwanted)
        shown = diverse_among(self._catalogue.first_artists(found.track_ids))
        return Ranked(shown, found, lists, self._catalogue.titles)
