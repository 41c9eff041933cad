"""The first page of an app: rows for the listener, of tracks that rise, that are popular, and of each topic."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice

from backend.domain.errors import Unavailable
from backend.domain.page_tokens import question_digest
from backend.domain.topics import Topic
from backend.ports.models import ModelVersion
from backend.ranking.profile import Taste, taste_of
from backend.services.findings import Findings
from backend.services.model import CurrentModel
from backend.services.own_rows import OwnRows, OwnRowsMaker
from backend.services.parts import Parts
from backend.services.recall import Recall
from backend.services.topics import ListedTrack, TopicBrowser, continued, token_at
from backend.services.trending import Trending, TrendList

_log = logging.getLogger(__name__)

DEFAULT_TRACKS, DEFAULT_ROWS = 10, 20


class RowKind(StrEnum):
    """What a row holds."""

    RISING = "rising"
    POPULAR = "popular"
    TOPIC = "topic"
    FOR_YOU = "for_you"
    BECAUSE = "because"
    LIKED_TOPIC = "liked_topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRow:
    """A row; `topic_id` is "" where it is of no topic, `anchor_id` where its tracks are like none in particular."""

    kind: RowKind
    title: str
    tracks: Sequence[ListedTrack]
    topic_id: str = ""
    anchor_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """Some rows, and where to go on ("" at the end). `degraded` where a part was down.

    `recommendation_id` is that of the row FOR_YOU, "" where there is none.
    """

    rows: Sequence[HomeRow]
    next_page_token: str
    model_version: str
    degraded: bool
    recommendation_id: str = ""


@dataclass(slots=True)
class _Made:
    """A page while it is made: `shown` are the tracks that stand on it, or never may."""

    found: Findings
    size: int
    shown: set[str]
    is_whole: bool = True

    def take(self, tracks: Iterable[ListedTrack]) -> list[ListedTrack]:
        """The first tracks that do not stand on the page yet."""
        fresh = list(islice((one for one in tracks if one.track_id not in self.shown), self.size))
        self.shown.update(one.track_id for one in fresh)
        return fresh


_Maker = Callable[[_Made], HomeRow]


class HomePages:
    """The use case. Rows without a track are left out; what cannot be read is, too, and the page says so.

    No track stands twice on a page. Raises Unavailable where nothing at all can be answered, InvalidInput (page token).
    """

    def __init__(
        self,
        *,
        browser: TopicBrowser,
        model: CurrentModel,
        trending: Trending,
        recall: Recall,
        own_rows: OwnRowsMaker,
        parts: Parts,
    ) -> None:
        self._browser = browser
        self._model = model
        self._trending = trending
        self._recall = recall
        self._own_rows = own_rows
        self._parts = parts

    def page(
        self,
        listener_id: str = "",
        *,
        row_size: int = 0,
        page_size: int = 0,
        page_token: str = "",
        within: float | None = None,
    ) -> HomePage:
        """Rows of `row_size` tracks at most (0: DEFAULT_TRACKS), none that the listener hid."""
        model = self._model.version
        version = model.version if model else ""
        question = question_digest("home", listener_id, row_size)
        (start,) = continued(page_token, (int,), question=question, version=version) or (0,)
        found = Findings(self._parts.within(within))
        profile = self._recall.profile(listener_id, found)
        taste = taste_of(profile)
        own = self._own_rows.rows(listener_id, taste, model, found.turn)
        makers = self._makers(model, taste, own)
        end = int(start) + (page_size or DEFAULT_ROWS)
        made = _Made(found, row_size or DEFAULT_TRACKS, set(profile.hidden), is_whole=not own.degraded)
        rows = [make(made) for make in makers[int(start) : end]]
        is_whole = made.is_whole and not found.degraded
        if not is_whole and model is None and not any(row.tracks for row in rows):
            raise Unavailable("neither the model nor the trends can be read")
        kept = [row for row in rows if row.tracks]
        return HomePage(
            rows=kept,
            next_page_token=token_at((end,), question=question, version=version) if end < len(makers) else "",
            model_version=version,
            degraded=not is_whole or self._model.refused,
            recommendation_id=own.recommendation_id if any(row.kind is RowKind.FOR_YOU for row in kept) else "",
        )

    def _makers(self, model: ModelVersion | None, taste: Taste, own: OwnRows) -> list[_Maker]:
        """What makes each row, in their order: the listener's own, what rises, what is popular, the other topics."""
        upper = [one for one in model.topics.topics if not one.parent_id] if model and model.topics else []
        liked = sorted(
            (one for one in upper if one.topic_id in own.liked_topics),
            key=lambda one: own.liked_topics.index(one.topic_id),
        )
        makers: list[_Maker] = []
        if own.recommended:
            makers.append(partial(_for_you, own))
        makers += [partial(self._because, track_id, title, taste) for track_id, title in own.anchors]
        if model is not None:
            makers += [partial(self._of_liked, model, topic, own, taste) for topic in liked]
        makers += [
            partial(self._of_trends, RowKind.RISING, self._trending.rising),
            partial(self._of_trends, RowKind.POPULAR, self._trending.popular),
        ]
        if model is not None:
            makers += [partial(self._of_topic, model, topic) for topic in upper if topic not in liked]
        return makers

    def _because(self, track_id: str, title: str, taste: Taste, made: _Made) -> HomeRow:
        tracks, is_told = self._own_rows.like(track_id, made.found.turn)
        made.is_whole = made.is_whole and is_told
        fresh = made.take(one for one in tracks if one.track_id not in taste.unwanted)
        return HomeRow(kind=RowKind.BECAUSE, title=f"Because you played {title}", tracks=fresh, anchor_id=track_id)

    def _of_liked(self, model: ModelVersion, topic: Topic, own: OwnRows, taste: Taste, made: _Made) -> HomeRow:
        assert model.topics is not None  # whose topic it is
        topics_of = model.topics.topics_of
        theirs = [one for one in own.recommended if topic.topic_id in topics_of(one.track_id)]
        shelf = self._shelf(model, topic, made, without=taste.unwanted)
        return HomeRow(
            kind=RowKind.LIKED_TOPIC, title=topic.name, topic_id=topic.topic_id, tracks=made.take([*theirs, *shelf])
        )

    def _of_topic(self, model: ModelVersion, topic: Topic, made: _Made) -> HomeRow:
        tracks = made.take(self._shelf(model, topic, made, without=()))
        return HomeRow(kind=RowKind.TOPIC, title=topic.name, topic_id=topic.topic_id, tracks=tracks)

    def _shelf(
        self, model: ModelVersion, topic: Topic, made: _Made, *, without: Collection[str]
    ) -> Sequence[ListedTrack]:
        assert model.topics is not None  # whose topic it is
        left_out = frozenset(made.shown).union(without)
        return self._browser.row(model.topics, topic.topic_id, size=made.size, without=left_out)

    def _of_trends(self, kind: RowKind, read: Callable[[], TrendList], made: _Made) -> HomeRow:
        try:
            trends = read()
        except Unavailable as error:
            _log.warning("a home page without trends: %s", error)
            trends = TrendList((), stale=True)
        made.is_whole = made.is_whole and not trends.stale
        listed = (ListedTrack(track_id=one.track_id, because=one.because) for one in trends.candidates)
        return HomeRow(kind=kind, title=kind.capitalize(), tracks=made.take(listed))


def _for_you(own: OwnRows, made: _Made) -> HomeRow:
    return HomeRow(kind=RowKind.FOR_YOU, title="For you", tracks=made.take(own.recommended))
