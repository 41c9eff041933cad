"""Answers "what next?" for a listener."""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from backend.domain.errors import NotFound, Unavailable
from backend.domain.listeners import Profile
from backend.domain.page_tokens import question_digest
from backend.domain.recommendations import Answer, AnswerPath, Candidate, Recommendation
from backend.ports.models import ModelVersion
from backend.ranking.diverse import diversify
from backend.ranking.fuse import fuse
from backend.ranking.lists import PER_SOURCE
from backend.ranking.profile import Taste, taste_of
from backend.ranking.sources import OF_A_VERSION
from backend.ranking.weights import FusionWeights
from backend.services.answers import AnswerPage, Answers
from backend.services.catalogue import Catalogue
from backend.services.identities import KnownIdentities
from backend.services.model import CurrentModel
from backend.services.profiles import Profiles
from backend.services.retrieve import Retriever
from backend.services.trending import Trending

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Search:
    """What the sources came to: their candidates, and whether one of them was down."""

    candidates: list[Candidate] = field(default_factory=list)
    degraded: bool = False

    def ask(self, source: str, find: Callable[[], Sequence[Candidate]]) -> None:
        """Add a source's candidates; one that is down is left out and the answer is marked."""
        try:
            self.candidates.extend(find())
        except (Unavailable, NotFound) as error:
            _log.warning("answering without %s: %s", source, error)
            self.degraded = True


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

        A page token serves the `asker` it was given to only.
        """
        question = question_digest("recommend", asker, listener_id, sorted(exclude))
        if page_token:
            return self._answers.next_page(page_token, page_size=page_size, question=question)
        answer = self._answer(listener_id, exclude)
        return self._answers.first_page(answer, page_size=page_size, question=question)

    def _answer(self, listener_id: str, exclude: frozenset[str]) -> Answer:
        model = self._model.version
        search = _Search(degraded=self._model.refused)
        profile = self._profile(listener_id, search)
        taste = taste_of(profile)
        unwanted = exclude | taste.unwanted
        if model is not None and (profile.recent or profile.liked):
            self._ask_model(model, taste, unwanted, search)
        by_model = bool(search.candidates)
        search.ask("trends", lambda: self._trends(search))
        if search.degraded and not search.candidates:
            raise Unavailable("neither the model nor the trends can be read")
        weights = FusionWeights() if model is None else model.weights
        chosen = weights.of(len(taste.plays), by_version=by_model)
        ranked = self._diverse(fuse(search.candidates, chosen, exclude=unwanted))
        path = AnswerPath.HYBRID if by_model else AnswerPath.COLD_START
        return Answer(
            recommendation_id=self._new_id(),
            recommendations=tuple(ranked),
            model_version=model.version if model else "",
            path=AnswerPath.DEGRADED if search.degraded else path,
        )

    def _profile(self, listener_id: str, search: _Search) -> Profile:
        """Of one who is unknown an empty one, and so of one whose profile cannot be read: the answer is marked then."""
        try:
            pseudonym = self._identities.pseudonym(listener_id)
            return Profile(listener_id="") if pseudonym is None else self._profiles.of(pseudonym)
        except Unavailable as error:
            _log.warning("answering without the listener's profile: %s", error)
            search.degraded = True
            return Profile(listener_id="")

    def _ask_model(self, model: ModelVersion, taste: Taste, unwanted: frozenset[str], search: _Search) -> None:
        for source in OF_A_VERSION:
            find = partial(self._retriever.candidates, source, model, taste, limit=PER_SOURCE, exclude=unwanted)
            search.ask(source.name, find)

    def _trends(self, search: _Search) -> Sequence[Candidate]:
        trends = self._trending.rising_and_popular()
        search.degraded = search.degraded or trends.stale
        return trends.candidates

    def _diverse(self, ranked: Sequence[Recommendation]) -> list[Recommendation]:
        """Tracks still in the catalogue, not too many of one artist."""
        tracks = self._catalogue.tracks(one.track_id for one in ranked)
        artist_of = {track_id: track.artist_ids[0] for track_id, track in tracks.items()}
        return diversify(ranked, artist_of)
