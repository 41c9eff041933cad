"""Answers "what next?" for a listener."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from backend.domain.errors import Unavailable
from backend.domain.page_tokens import question_digest
from backend.domain.recommendations import Answer, AnswerPath, Shortfall, StandIn
from backend.domain.wanted import EVERY_TRACK, TrackFilter, Wanted
from backend.ports.models import ModelVersion
from backend.ranking.fuse import fused
from backend.ranking.lists import CandidateList
from backend.ranking.profile import Taste, taste_of
from backend.ranking.sources import CATALOGUE, KNOWN, LIVE, TOPIC
from backend.ranking.weights import FusionWeights
from backend.services.answers import DEFAULT_PAGE, AnswerPage, Answers
from backend.services.arrange import Arranger
from backend.services.asking import Question, VersionSources
from backend.services.facets import Admission, CatalogueFacets
from backend.services.filtered import narrowed
from backend.services.findings import Findings
from backend.services.given import Given, State
from backend.services.model import CurrentModel
from backend.services.parts import Parts
from backend.services.ranked import Ranked
from backend.services.recall import Recall
from backend.services.stand_ins import LAST_WEIGHTS, WITH_TOPIC, StandIns
from backend.services.wishes import heard_before, needs_profile, wished_taste, without_known_artists

FILTER_SHARE: Final = 0.4
PAGES_SHARE: Final = 0.8
"""Of the time that is left: reading what a filter admits, and an answer that was kept for its next pages."""

NOTHING_WANTED: Final = Wanted()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What one answer is made of.

    `state` is the listener's own taste, another object whenever it may have changed; `taste` is what the answer goes
    by; `heard` are tracks that the listener played, where it is asked for. `live` is what rises and what is popular.
    """

    pseudonym: str
    state: object
    taste: Taste
    heard: tuple[str, ...]
    unwanted: frozenset[str]
    knows_listener: bool
    wanted: Wanted
    model: ModelVersion | None
    admission: Admission | None
    admitted_of: object
    live: CandidateList
    found: Findings


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
        newest: Callable[[], object] = lambda: None,
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
        self._newest = newest
        self._given = Given()
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

        A page token serves the `asker` it was given to only, for the same question. Where nothing has changed since the
        same was asked, the same tracks come under an id of their own.
        """
        wishes = wanted if wanted != NOTHING_WANTED else ""
        question = question_digest("recommend", asker, listener_id, sorted(exclude), wishes)
        found = Findings(self._parts.within(within))
        if page_token:
            page = found.turn.ask(
                "page",
                lambda: self._answers.next_page(page_token, page_size=page_size, question=question),
                share=PAGES_SHARE,
            )
        else:
            page = self._first_page(self._asked(listener_id, exclude, wanted, found), page_size, question)
        if not page.shown.content:  # else its message was made before, with all names
            self._recall.names((one.track_id for one in page.recommendations), found)
        return replace(page, answer=replace(page.answer, latencies=found.turn.latencies))

    def forget(self, digests: Sequence[str]) -> None:
        """The news of erasures; see `Given.forget`."""
        self._given.forget(digests)

    def whole(self, listener_id: str, *, wanted: Wanted, count: int, within: float | None = None) -> AnswerPage:
        """The first `count` tracks (0: DEFAULT_PAGE) of an answer that has no other pages. Raises as `recommend`."""
        found = Findings(self._parts.within(within))
        answer = self._answer(self._asked(listener_id, frozenset(), wanted, found))
        shown = answer.recommendations[: count or DEFAULT_PAGE]
        self._recall.names((one.track_id for one in shown), found)
        return AnswerPage(answer=answer, recommendations=shown, next_page_token="")

    def _first_page(self, asked: _Asked, page_size: int, question: str) -> AnswerPage:
        """The page that was given before where nothing has changed; an answer without a part is not given again."""
        state = State((asked.state, asked.model, asked.live, self._newest(), asked.admitted_of))
        if not asked.found.degraded:
            given = self._given.page((question, page_size), state, recommendation_id=self._new_id())
            if given is not None:
                return given
        answer = self._answer(asked)
        page = self._answers.first_page(answer, page_size=page_size, question=question)
        if not asked.found.degraded:
            self._given.remember((question, page_size), asked.pseudonym, state, page)
        return page

    def _asked(self, listener_id: str, exclude: frozenset[str], wanted: Wanted, found: Findings) -> _Asked:
        """What an answer is made of, read of the store or remembered."""
        model = self._model.version
        if self._model.refused and model is not None:
            text = "the newest model version could not be loaded: the one before answers"
            found.fell_back(Shortfall.MODEL_REFUSED, StandIn.OLDER_MODEL, text)
        heard: tuple[str, ...] = ()
        passing = wanted.filter
        if needs_profile(wanted):
            profile = self._recall.profile(listener_id, found)
            heard = tuple(dict.fromkeys(play.track_id for play in profile.recent))
            pseudonym, own = profile.listener_id, taste_of(profile)
            if wanted.new_artists_only:
                passing = without_known_artists(passing, self._recall.tracks({*heard, *profile.liked}, found))
            own = replace(own, unwanted=heard_before(profile, wanted, now=self._now()))
        else:
            pseudonym, own = self._recall.taste(listener_id, found)
        admission = None if passing == EVERY_TRACK else self._admission(passing, model, found)
        taste = wished_taste(own, wanted)
        return _Asked(
            pseudonym=pseudonym,
            state=own,
            taste=taste,
            heard=heard,
            unwanted=exclude | taste.unwanted,
            knows_listener=bool(own.plays),
            wanted=wanted,
            model=model,
            admission=admission,
            admitted_of=None if admission is None else self._facets.state,
            live=found.turn.here(LIVE.name, lambda: self._recall.trends(found).listed),
            found=found,
        )

    def _answer(self, asked: _Asked) -> Answer:
        model, taste, found, admission = asked.model, asked.taste, asked.found, asked.admission
        lists: dict[str, CandidateList] = {}
        if model is not None and taste.plays:
            question = Question(model=model, taste=taste, exclude=asked.unwanted, admission=admission)
            lists = self._sources.lists(question, found)
        by_version = bool(lists)
        live = asked.live
        if admission is not None:
            live = narrowed(live, admission.admits, limit=len(live.track_ids))
        topics = CandidateList()
        if model is not None and admission is not None and not by_version:
            topics = self._stand_ins.topics(model, asked.wanted.filter.topic_ids, admission, asked.unwanted)
        self._mark(asked, by_version=by_version, topics=topics, live=live)
        lists |= {LIVE.name: live, TOPIC: topics}
        if asked.wanted.known_share is not None:
            lists[KNOWN] = self._stand_ins.known(taste, asked.heard, admission)
        if admission is not None:
            named = {one for each in lists.values() for one in each.track_ids} - asked.unwanted
            lists[CATALOGUE] = self._stand_ins.catalogue(admission, named, asked.unwanted, found)
        weights = (FusionWeights() if model is None else model.weights).of(len(taste.plays), by_version=by_version)
        path = AnswerPath.HYBRID if by_version else AnswerPath.COLD_START
        listed = {name: each for name, each in lists.items() if each.track_ids}
        ranked = self._ranked(listed, {**(WITH_TOPIC if topics.track_ids else weights), **LAST_WEIGHTS}, asked)
        return Answer(
            recommendation_id=self._new_id(),
            recommendations=ranked,
            model_version=model.version if model else "",
            path=AnswerPath.DEGRADED if found.degraded else path,
            fallbacks=tuple(found.fallbacks),
        )

    def _admission(self, passing: TrackFilter, model: ModelVersion | None, found: Findings) -> Admission:
        """Who passes. Raises InvalidInput, Unavailable."""
        return found.turn.ask(
            "filter", lambda: self._facets.admission(passing, model, field="options.filter"), share=FILTER_SHARE
        )

    def _mark(self, asked: _Asked, *, by_version: bool, topics: CandidateList, live: CandidateList) -> None:
        """Say what the answer does not go by."""
        if asked.model is None:
            self._stand_ins.mark(topics, live, Shortfall.NO_MODEL, "no model version serves", asked.found)
        elif not by_version:
            told = "nothing is known of the listener's taste that the model version knows"
            self._stand_ins.mark(topics, live, Shortfall.NOTHING_KNOWN, told, asked.found)
        elif asked.wanted.seeds and not asked.wanted.session and not asked.knows_listener:
            told = "nothing is known of the listener's taste: answered from the seeds"
            asked.found.fell_back(Shortfall.NOTHING_KNOWN, StandIn.SEEDS, told)

    def _ranked(self, lists: Mapping[str, CandidateList], weights: Mapping[str, float], asked: _Asked) -> Ranked:
        """Tracks in the catalogue, in the order that is wanted. Raises Unavailable: there are none for what is down."""
        by_rank = fused({source: each.track_ids for source, each in lists.items()}, weights, exclude=asked.unwanted)
        order = self._arranger.arranged(by_rank, asked.wanted, model=asked.model, known=asked.heard, found=asked.found)
        if asked.found.degraded and not order.shown and (by_rank.track_ids or not lists):
            raise Unavailable("neither the model nor the trends can be read")
        return Ranked(order.shown, by_rank, lists, self._recall.titles, scores=order.scores)
