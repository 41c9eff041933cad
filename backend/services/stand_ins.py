"""What an answer is made of where the listener's taste says too little: topics, trends, all that passes a filter."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from backend.domain.recommendations import Shortfall, StandIn
from backend.ports.models import ModelVersion
from backend.ranking.lists import PER_SOURCE, Because, CandidateList, all_because
from backend.ranking.profile import Taste
from backend.ranking.sources import CATALOGUE, KNOWN, LIVE, TOPIC
from backend.services.facets import Admission
from backend.services.findings import Findings
from backend.services.topics import TopicBrowser

FILLED: Final = 200
"""Tracks that an answer under a filter is filled up to: the largest page."""

LAST: Final = 1e-6
"""The weight of lists whose tracks stand behind all others."""

WITH_TOPIC: Mapping[str, float] = {TOPIC: 0.7, LIVE.name: 0.3}
"""How topics that were asked for and trends are weighed where nothing else is known."""

_RISING = "rising"


class StandIns:
    """The lists that stand in, each marked in the answer where it does so for want of a better one."""

    def __init__(self, browser: TopicBrowser) -> None:
        self._browser = browser

    def topics(
        self, model: ModelVersion, topic_ids: Sequence[str], admission: Admission, unwanted: frozenset[str]
    ) -> CandidateList:
        """Tracks of topics: of each in turn, popular now first, then most played."""
        if model.topics is None:
            return CandidateList()
        rows = [self._browser.row(model.topics, one, size=PER_SOURCE, without=unwanted) for one in topic_ids]
        ordered = {
            row[place].track_id: row[place].because
            for place in range(max(map(len, rows), default=0))
            for row in rows
            if place < len(row) and admission.admits(row[place].track_id)
        }
        told = [because or "of the topic" for because in ordered.values()]
        return CandidateList(
            list(ordered),
            [1.0 / rank for rank in range(1, len(ordered) + 1)],
            lambda places: [Because(told[place]) for place in places],
        )

    def catalogue(
        self, admission: Admission, named: Collection[str], unwanted: frozenset[str], found: Findings
    ) -> CandidateList:
        """What passes and nobody named, where fewer were named than a page holds."""
        short = FILLED - len(named)
        if short <= 0 or admission.count <= len(named):
            return CandidateList()
        passed = admission.most_played(FILLED + len(named) + len(unwanted))
        rest = [one for one in passed if one not in named and one not in unwanted][:short]
        if rest:
            text = f"{len(named)} tracks that pass the filter were found; more that do follow, most played first"
            found.fell_back(Shortfall.FILTER_NARROW, StandIn.CATALOGUE, text)
        return _behind(rest, Because("passes the filter"))

    def known(self, taste: Taste, played: Sequence[str], admission: Admission | None) -> CandidateList:
        """What the listener played before, the most played first."""
        most = sorted(dict.fromkeys([*taste.plays, *played]), key=lambda one: -taste.plays.get(one, 0.0))
        passed = [one for one in most if admission is None or admission.admits(one)]
        return _behind(passed, Because("you played it before"))

    def mark(self, topics: CandidateList, live: CandidateList, why: Shortfall, told: str, found: Findings) -> None:
        """Say that nothing personal could be answered, and what stands in."""
        if topics.track_ids:
            found.fell_back(why, StandIn.TOPIC, f"{told}: answered with the topics that were asked for")
        elif live.track_ids and live.explain([0])[0].sentence.startswith(_RISING):
            found.fell_back(why, StandIn.TRENDS, f"{told}: answered with what rises now and what is popular")
        elif live.track_ids:
            found.fell_back(why, StandIn.POPULAR, f"{told}: answered with what is popular")
        else:
            found.fell_back(why, StandIn.OTHER_PARTS, f"{told}, and nothing rises or is popular")


LAST_WEIGHTS: Mapping[str, float] = {CATALOGUE: LAST, KNOWN: LAST}


def _behind(track_ids: Sequence[str], because: Because) -> CandidateList:
    scores = [1.0 / rank for rank in range(1, len(track_ids) + 1)]
    return CandidateList(track_ids, scores, all_because(because))
