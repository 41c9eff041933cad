"""Browsing by topic: what topics there are, and the tracks of one, those that people play now first."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from backend.domain.errors import InvalidInput, NotFound, Unavailable, Violation
from backend.domain.page_tokens import Position, decode_page_token, encode_page_token, question_digest
from backend.domain.recommendations import Candidate
from backend.domain.topics import Topic
from backend.ports.models import ModelVersion
from backend.ranking.topics import Rows, TopicTracks
from backend.services.model import CurrentModel
from backend.services.trending import Trending, TrendList

_log = logging.getLogger(__name__)

DEFAULT_TOPICS, DEFAULT_TRACKS = 100, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTrack:
    """A track in a list, and the sentence why it stands there ("" where there is nothing to say)."""

    track_id: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPage:
    """Some topics, and where to go on ("" at the end)."""

    topics: Sequence[Topic]
    next_page_token: str
    model_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTrackPage:
    """Some tracks of a topic, and where to go on ("" at the end)."""

    topic: Topic
    tracks: Sequence[ListedTrack]
    next_page_token: str
    model_version: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A listed track and where a page goes on behind it: its rank now, its place among all of the topic's tracks."""

    track: ListedTrack
    rank: int
    place: int


@dataclass(slots=True)
class _Shelf:
    """A version's topics in the order of one list of what is popular; kept until either is another."""

    topics: TopicTracks
    popular: TrendList
    lively: dict[str, list[Candidate]] | None = None
    rows: dict[str, Rows] = field(default_factory=dict)

    def entries(self, topic_id: str, *, rank: int = 0, place: int = 0) -> Iterator[_Entry]:
        """The topic's tracks: by rank now, those behind `rank`; then the others by plays, from `place` on."""
        lively = self._lively().get(topic_id, [])
        if not place:
            for one in lively:
                if one.rank > rank:
                    yield _Entry(ListedTrack(track_id=one.track_id, because=one.because), one.rank, 0)
        ahead = {one.track_id for one in lively}
        rows = self._rows(topic_id)
        for at in range(place, len(rows)):
            track_id = self.topics.track_ids[int(rows[at])]
            if track_id not in ahead:
                told = _played(int(self.topics.plays[rows[at]]))
                yield _Entry(ListedTrack(track_id=track_id, because=told), 0, at + 1)

    def _lively(self) -> dict[str, list[Candidate]]:
        if self.lively is None:
            found: dict[str, list[Candidate]] = {}
            for one in self.popular.candidates:
                for topic_id in self.topics.topics_of(one.track_id):
                    found.setdefault(topic_id, []).append(one)
            self.lively = found
        return self.lively

    def _rows(self, topic_id: str) -> Rows:
        if topic_id not in self.rows:
            self.rows[topic_id] = self.topics.rows(topic_id)
        return self.rows[topic_id]


class TopicBrowser:
    """The use cases, and what the home page takes of them.

    Topics are the serving version's: NotFound where it has none. A page token is good for that version; for another one
    it is refused (InvalidInput). While nothing can be read of what is popular, tracks come by the plays that it learned
    from. Thread-safe: a shelf that two threads fill at once is filled twice with the same.
    """

    def __init__(self, *, model: CurrentModel, trending: Trending) -> None:
        self._model = model
        self._trending = trending
        self._shelf: _Shelf | None = None

    def topics(self, parent_id: str = "", *, page_size: int = 0, page_token: str = "") -> TopicPage:
        """Both levels, or what is within one topic. Raises NotFound (also: no such topic), InvalidInput."""
        model, topics = self._current()
        listed = topics.topics
        if parent_id:
            _known(topics, parent_id, "parent_topic_id")
            listed = [topic for topic in listed if topic.parent_id == parent_id]
        question = question_digest("topics", parent_id)
        (start,) = continued(page_token, (int,), question=question, version=model.version) or (0,)
        end = int(start) + (page_size or DEFAULT_TOPICS)
        return TopicPage(
            topics=listed[int(start) : end],
            next_page_token=token_at((end,), question=question, version=model.version) if end < len(listed) else "",
            model_version=model.version,
        )

    def tracks(self, topic_id: str, *, page_size: int = 0, page_token: str = "") -> TopicTrackPage:
        """Tracks of a topic of either level. Raises NotFound, InvalidInput."""
        model, topics = self._current()
        topic = _known(topics, topic_id, "topic_id")
        question = question_digest("topic tracks", topic_id)
        rank, place = continued(page_token, (int, int), question=question, version=model.version) or (0, 0)
        entries = self._shelf_of(topics).entries(topic_id, rank=int(rank), place=max(int(place), 0))
        size = page_size or DEFAULT_TRACKS
        found = list(islice(entries, size + 1))
        last = found[size - 1] if len(found) > size else None
        return TopicTrackPage(
            topic=topic,
            tracks=[entry.track for entry in found[:size]],
            next_page_token=token_at((last.rank, last.place), question=question, version=model.version) if last else "",
            model_version=model.version,
        )

    def row(self, topics: TopicTracks, topic_id: str, *, size: int, without: frozenset[str]) -> list[ListedTrack]:
        """The first `size` tracks of a topic, none of `without`."""
        entries = self._shelf_of(topics).entries(topic_id)
        return list(islice((entry.track for entry in entries if entry.track.track_id not in without), size))

    def _current(self) -> tuple[ModelVersion, TopicTracks]:
        model = self._model.version
        if model is None:
            raise NotFound("no model version is published yet: run `segue train`")
        if model.topics is None:
            raise NotFound(
                f"model version {model.version} has no topics: it is from before there were any, or too few tracks "
                "have audio features; `segue train` makes a version that has them"
            )
        return model, model.topics

    def _shelf_of(self, topics: TopicTracks) -> _Shelf:
        try:
            popular = self._trending.popular()
        except Unavailable as error:
            _log.warning("topics without what is popular now: %s", error)
            popular = TrendList(())
        shelf = self._shelf
        if shelf is None or shelf.topics is not topics:
            shelf = _Shelf(topics, popular)
        elif shelf.popular.candidates != popular.candidates:
            shelf = _Shelf(topics, popular, rows=shelf.rows)
        self._shelf = shelf
        return shelf


def continued(token: str, shape: Sequence[type], *, question: str, version: str) -> tuple[Position, ...] | None:
    """The position in a page token of this model version; None where there is no token. Raises InvalidInput."""
    if not token:
        return None
    of, *position = decode_page_token(token, (str, *shape), question=question)
    if of != version:
        text = "another model version serves since, whose topics are its own: ask again without a token"
        raise InvalidInput([Violation("page_token", text)])
    return tuple(position)


def token_at(position: Sequence[Position], *, question: str, version: str) -> str:
    """The inverse."""
    return encode_page_token((version, *position), question=question)


def _known(topics: TopicTracks, topic_id: str, field: str) -> Topic:
    found = topics.topic(topic_id)
    if found is None:
        raise NotFound(
            f"{field}: there is no topic '{topic_id}' in the model version that serves; ListTopics (`segue topics`) "
            "has them all"
        )
    return found


def _played(plays: int) -> str:
    if not plays:
        return ""
    return f"played {'once' if plays == 1 else f'{plays} times'} in what the model learned from"
