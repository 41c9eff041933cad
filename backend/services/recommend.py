"""Answers "what next?" for a listener."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from backend.domain.errors import Unavailable
from backend.domain.listeners import Profile
from backend.domain.page_tokens import question_digest
from backend.domain.recommendations import Answer, AnswerPath, Shortfall, StandIn
from backend.domain.wanted import EVERY_TRACK, Wanted
from backend.ports.models import ModelVersion
from backend.ranking.fuse import fused
from backend.ranking.lists import CandidateList
from backend.ranking.sources import CATALOGUE, KNOWN, LIVE, TOPIC
from backend.ranking.weights import FusionWeights
from backend.services.answers import DEFAULT_PAGE, AnswerPage, Answers
from backend.services.arrange import Arranger
from backend.services.asking import Question, VersionSources
from backend.services.facets import Admission, CatalogueFacets
from backend.services.findings import Findings
from backend.services.model import CurrentModel
from backend.services.parts import Parts, TooSlow
from backend.services.ranked import Ranked
from backend.services.recall import Recall
from backend.services.stand_ins import LAST_WEIGHTS, WITH_TOPIC, StandIns
from backend.services.wishes import wished_taste, without_known_artists

FILTER_SHARE: Final = 0.4
PAGES_SHARE: Final = 0.8
"""Of the time that is left: reading what a filter admits, and keeping an answer for its next pages."""

NOTHING_WANTED: Final = Wanted()


class Recommender:
    """The use case. One model version serves a request from its beginning to its end.

    Paths: HYBRID where the version knows tracks of the listener; COLD_START where it does not, or none is published;
    DEGRADED where a part was down. Each step down is among the answer's fallbacks (ADR 23). Raises Unavailable only
    where nothing at all can be answered.
    """

    def __init__(
        self,
        *,
        recall: Recall,
        model: CurrentModel,
        facets: CatalogueFacets,
        sources: VersionSources,
        stand_ins: StandIns,
        arranger: Arranger,
        answers: Answers,
        parts: Parts,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recall = recall
        self._model = model
        self._facets = facets
        self._sources = sources
        self._stand_ins = stand_ins
        self._arranger = arranger
        self._answers = answers
        self._parts = parts
        self._new_id = new_id
        self._now = now

    def recommend(
        self,
        listener_id: str,
        *,
        wanted: Wanted = NOTHING_WANTED,
        page_size: int = 0,
        page_token: str = "",
        exclude: frozenset[str] = frozenset(),
        asker: str = "",
        within: float | None = None,
    ) -> AnswerPage:
        """A page of tracks for the listener: none hidden, in `exclude` or, unless asked for, played before.

        `listener_id` is the app's own, "" where nobody knows whose session it is. The answer is there `within` so many
        seconds, or what there is of it by then. Raises InvalidInput (token, topics of a filter), Unavailable.

        A page token serves the `asker` it was given to only, for the same question.
        """
        question = question_digest("recommend", asker, listener_id, sorted(exclude), wanted)
        found = Findings(self._parts.within(within))
        if page_token:
            page = found.turn.ask(
                "page",
                lambda: self._answers.next_page(page_token, page_size=page_size, question=question),
                share=PAGES_SHARE,
            )
        else:
            page = self._first_page(self._answer(listener_id, exclude, wanted, found), page_size, question, found)
        self._recall.names((one.track_id for one in page.recommendations), found)
        return replace(page, answer=replace(page.answer, latencies=found.turn.latencies))

    def whole(self, listener_id: str, *, wanted: Wanted, count: int, within: float | None = None) -> AnswerPage:
        """The first `count` tracks (0: DEFAULT_PAGE) of an answer that has no other pages. Raises as `recommend`."""
        found = Findings(self._parts.within(within))
        answer = self._answer(listener_id, frozenset(), wanted, found)
        shown = answer.recommendations[: count or DEFAULT_PAGE]
        self._recall.names((one.track_id for one in shown), found)
        return AnswerPage(answer=answer, recommendations=shown, next_page_token="")

    def _first_page(self, answer: Answer, page_size: int, question: str, found: Findings) -> AnswerPage:
        """Kept for its next pages; where the store is too slow for that it has one page."""
        size = page_size or DEFAULT_PAGE
        if len(answer.recommendations) > size:
            try:
                return found.turn.ask(
                    "pages",
                    lambda: self._answers.first_page(answer, page_size=page_size, question=question),
                    share=PAGES_SHARE,
                )
            except TooSlow:
                pass  # the page that there is, without a token
        return AnswerPage(answer=answer, recommendations=answer.recommendations[:size], next_page_token="")

    def _answer(self, listener_id: str, exclude: frozenset[str], wanted: Wanted, found: Findings) -> Answer:
        model = self._model.version
        if self._model.refused and model is not None:
            text = "the newest model version could not be loaded: the one before answers"
            found.fell_back(Shortfall.MODEL_REFUSED, StandIn.OLDER_MODEL, text)
        profile = self._recall.profile(listener_id, found)
        taste = wished_taste(profile, wanted, now=self._now())
        unwanted = exclude | taste.unwanted
        admission = self._admission(profile, wanted, model, found)
        lists: dict[str, CandidateList] = {}
        if model is not None and taste.plays:
            question = Question(model=model, taste=taste, exclude=unwanted, admission=admission)
            lists = self._sources.lists(question, found)
        by_version = bool(lists)
        live = found.turn.here(LIVE.name, lambda: self._stand_ins.live(admission, found))
        topics = self._topics(model, wanted, admission, unwanted) if not by_version else CandidateList()
        self._mark(model, profile, wanted, by_version=by_version, topics=topics, live=live, found=found)
        lists |= {LIVE.name: live, TOPIC: topics}
        if wanted.known_share is not None:
            lists[KNOWN] = self._stand_ins.known(taste, [play.track_id for play in profile.recent], admission)
        if admission is not None:
            named = {one for each in lists.values() for one in each.track_ids} - unwanted
            lists[CATALOGUE] = self._stand_ins.catalogue(admission, named, unwanted, found)
        weights = (FusionWeights() if model is None else model.weights).of(len(taste.plays), by_version=by_version)
        path = AnswerPath.HYBRID if by_version else AnswerPath.COLD_START
        return Answer(
            recommendation_id=self._new_id(),
            recommendations=self._ranked(
                {name: each for name, each in lists.items() if each.track_ids},
                {**(WITH_TOPIC if topics.track_ids else weights), **LAST_WEIGHTS},
                unwanted,
                wanted,
                model=model,
                known={play.track_id for play in profile.recent},
                found=found,
            ),
            model_version=model.version if model else "",
            path=AnswerPath.DEGRADED if found.degraded else path,
            fallbacks=tuple(found.fallbacks),
        )

    def _admission(
        self, profile: Profile, wanted: Wanted, model: ModelVersion | None, found: Findings
    ) -> Admission | None:
        """Who passes the filter, new artists only where that is wanted; None: everybody."""
        passing = wanted.filter
        if wanted.new_artists_only:
            heard = {play.track_id for play in profile.recent} | profile.liked
            passing = without_known_artists(passing, self._recall.tracks(sorted(heard), found))
        if passing == EVERY_TRACK:
            return None
        return found.turn.ask(
            "filter", lambda: self._facets.admission(passing, model, field="options.filter"), share=FILTER_SHARE
        )

    def _topics(
        self, model: ModelVersion | None, wanted: Wanted, admission: Admission | None, unwanted: frozenset[str]
    ) -> CandidateList:
        if model is None or admission is None:
            return CandidateList()
        return self._stand_ins.topics(model, wanted.filter.topic_ids, admission, unwanted)

    def _mark(
        self,
        model: ModelVersion | None,
        profile: Profile,
        wanted: Wanted,
        *,
        by_version: bool,
        topics: CandidateList,
        live: CandidateList,
        found: Findings,
    ) -> None:
        """Say what the answer does not go by."""
        if model is None:
            self._stand_ins.mark(topics, live, Shortfall.NO_MODEL, "no model version serves", found)
        elif not by_version:
            told = "nothing is known of the listener's taste that the model version knows"
            self._stand_ins.mark(topics, live, Shortfall.NOTHING_KNOWN, told, found)
        elif wanted.seeds and not wanted.session and not (profile.recent or profile.liked):
            told = "nothing is known of the listener's taste: answered from the seeds"
            found.fell_back(Shortfall.NOTHING_KNOWN, StandIn.SEEDS, told)

    def _ranked(
        self,
        lists: Mapping[str, CandidateList],
        weights: Mapping[str, float],
        unwanted: frozenset[str],
        wanted: Wanted,
        *,
        model: ModelVersion | None,
        known: Collection[str],
        found: Findings,
    ) -> Ranked:
        """Tracks in the catalogue, in the order that is wanted. Raises Unavailable: there are none for what is down."""
        by_rank = fused({source: each.ranks() for source, each in lists.items()}, weights, exclude=unwanted)
        scores = dict(zip(by_rank.track_ids, by_rank.scores, strict=True))
        order = self._arranger.arranged(scores, wanted, model=model, known=known, found=found)
        if found.degraded and not order.track_ids and (scores or not lists):
            raise Unavailable("neither the model nor the trends can be read")
        return Ranked(order.track_ids, by_rank, lists, lambda ids: self._recall.titles(ids, found), scores=order.scores)
