"""The first page of an app: rows of tracks that rise, that are popular, and of each topic."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.domain.errors import Unavailable
from backend.domain.page_tokens import question_digest
from backend.domain.topics import Topic
from backend.services.identities import KnownIdentities
from backend.services.model import CurrentModel
from backend.services.profiles import Profiles
from backend.services.topics import ListedTrack, TopicBrowser, continued, token_at
from backend.services.trending import Trending, TrendList

_log = logging.getLogger(__name__)

DEFAULT_TRACKS, DEFAULT_ROWS = 10, 20


class RowKind(StrEnum):
    """What a row holds."""

    RISING = "rising"
    POPULAR = "popular"
    TOPIC = "topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRow:
    """A row; `topic_id` is "" where it is of no topic."""

    kind: RowKind
    title: str
    topic_id: str
    tracks: Sequence[ListedTrack]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """Some rows, and where to go on ("" at the end). `degraded` where a part was down."""

    rows: Sequence[HomeRow]
    next_page_token: str
    model_version: str
    degraded: bool


class HomePages:
    """The use case. Rows without a track are left out; what cannot be read is, too, and the page says so.

    Raises Unavailable where nothing at all can be answered, InvalidInput (page token).
    """

    def __init__(
        self,
        *,
        browser: TopicBrowser,
        model: CurrentModel,
        trending: Trending,
        identities: KnownIdentities,
        profiles: Profiles,
    ) -> None:
        self._browser = browser
        self._model = model
        self._trending = trending
        self._identities = identities
        self._profiles = profiles

    def page(self, listener_id: str = "", *, row_size: int = 0, page_size: int = 0, page_token: str = "") -> HomePage:
        """Rows of `row_size` tracks at most (0: DEFAULT_TRACKS), none that the listener hid."""
        model = self._model.version
        version, topics = (model.version, model.topics) if model else ("", None)
        upper = [topic for topic in topics.topics if not topic.parent_id] if topics else []
        question = question_digest("home", listener_id, row_size)
        (start,) = continued(page_token, (int,), question=question, version=version) or (0,)
        asked: list[RowKind | Topic] = [RowKind.RISING, RowKind.POPULAR, *upper]
        end = int(start) + (page_size or DEFAULT_ROWS)
        hidden, is_whole = self._hidden(listener_id)
        size = row_size or DEFAULT_TRACKS
        rows: list[HomeRow] = []
        for one in asked[int(start) : end]:
            if isinstance(one, Topic):
                assert topics is not None  # whose topic it is
                tracks = self._browser.row(topics, one.topic_id, size=size, without=hidden)
                rows.append(HomeRow(kind=RowKind.TOPIC, title=one.name, topic_id=one.topic_id, tracks=tracks))
                continue
            trends = self._trends(self._trending.rising if one is RowKind.RISING else self._trending.popular)
            is_whole = is_whole and not trends.stale
            rows.append(HomeRow(kind=one, title=one.capitalize(), topic_id="", tracks=_first(trends, size, hidden)))
        if not is_whole and model is None and not any(row.tracks for row in rows):
            raise Unavailable("neither the model nor the trends can be read")
        return HomePage(
            rows=[row for row in rows if row.tracks],
            next_page_token=token_at((end,), question=question, version=version) if end < len(asked) else "",
            model_version=version,
            degraded=not is_whole or self._model.refused,
        )

    def _trends(self, read: Callable[[], TrendList]) -> TrendList:
        try:
            return read()
        except Unavailable as error:
            _log.warning("a home page without trends: %s", error)
            return TrendList((), stale=True)

    def _hidden(self, listener_id: str) -> tuple[frozenset[str], bool]:
        """What the listener hid, and whether that could be read."""
        if not listener_id:
            return frozenset(), True
        try:
            pseudonym = self._identities.pseudonym(listener_id)
            return (frozenset() if pseudonym is None else frozenset(self._profiles.of(pseudonym).hidden)), True
        except Unavailable as error:
            _log.warning("a home page without the listener's profile: %s", error)
            return frozenset(), False


def _first(trends: TrendList, size: int, hidden: frozenset[str]) -> list[ListedTrack]:
    wanted = [one for one in trends.candidates if one.track_id not in hidden]
    return [ListedTrack(track_id=one.track_id, because=one.because) for one in wanted[:size]]
