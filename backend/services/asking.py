"""Asks a version's sources: those over the vector index at the same time as the others, and not for ever."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from backend.domain.errors import NotFound, Unavailable
from backend.domain.recommendations import StandIn
from backend.ports.models import ModelVersion
from backend.ranking.lists import FACTORS_SPACE, PER_SOURCE, CandidateList, Space
from backend.ranking.profile import Taste
from backend.ranking.sources import OF_A_VERSION
from backend.ranking.sources.source import Source
from backend.services.facets import Admission
from backend.services.findings import Findings
from backend.services.local_factors import LocalFactors
from backend.services.retrieve import Retriever

INDEX: Final = "vector index"
INDEX_SHARE: Final = 0.5
"""Of the time that is left when the index is asked."""

_INDEXED = tuple(source for source in OF_A_VERSION if source.spaces)
_OTHERS = tuple(source for source in OF_A_VERSION if not source.spaces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a version's sources are asked: tracks for a taste, none of `exclude`, only what is admitted."""

    model: ModelVersion
    taste: Taste
    exclude: frozenset[str]
    admission: Admission | None


class VersionSources:
    """What a version's sources list for a taste.

    One thread asks the index for all sources that look there, while this one asks the others. What the index has
    answered within its share of the time counts; for factors that it has not, those held in memory stand in.
    """

    def __init__(self, retriever: Retriever, local: LocalFactors) -> None:
        self._retriever = retriever
        self._local = local

    def lists(self, question: Question, found: Findings) -> dict[str, CandidateList]:
        """By source, those that list anything."""
        lists: dict[str, CandidateList] = {}
        took: dict[str, float] = {}

        def ask_indexed() -> None:
            for source in _INDEXED:
                began = time.perf_counter()
                lists[source.name] = self._ask(source, question)
                took[source.name] = (time.perf_counter() - began) * 1000

        error: Exception | None = None
        begun = None
        try:
            begun = found.turn.begin(INDEX, ask_indexed)
        except Unavailable as raised:  # it failed lately, and is left alone
            error = raised
        others = {source.name: found.turn.here(source.name, partial(self._ask, source, question)) for source in _OTHERS}
        if begun is not None:
            try:
                found.turn.answer(INDEX, begun, share=INDEX_SHARE)
            except (Unavailable, NotFound) as raised:
                error = raised
        # A copy: a thread that was too slow may still add to it.
        whole = {**dict(lists), **others}
        found.turn.latencies.update(took)
        if error is not None:
            whole |= self._instead(question, error, found, answered=whole.keys())
        return {name: each for name, each in whole.items() if each.track_ids}

    def _instead(
        self, question: Question, error: Exception, found: Findings, *, answered: Collection[str]
    ) -> dict[str, CandidateList]:
        """What stands in for the index; marks the answer."""
        factors = next((one for one in _INDEXED if tuple(one.spaces) == (FACTORS_SPACE,)), None)
        space = self._local.space(question.model)
        if factors is None or factors.name in answered or space is None:
            found.without_index(error, StandIn.OTHER_PARTS, "what needs no vectors of the index")
            return {}
        held = {FACTORS_SPACE: space}
        instead = found.turn.here("local factors", partial(self._ask, factors, question, held=held))
        found.without_index(error, StandIn.LOCAL_FACTORS, "the version's factors held in memory")
        return {factors.name: instead}

    def _ask(self, source: Source, question: Question, *, held: Mapping[str, Space] | None = None) -> CandidateList:
        return self._retriever.candidates(
            source,
            question.model,
            question.taste,
            limit=PER_SOURCE,
            exclude=question.exclude,
            admission=question.admission,
            held=held,
        )
