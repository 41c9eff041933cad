"""A whole answer as a few bytes, and back: about 25 kB for 700 recommendations with their reasons.

JSON by columns: the sentences of reasons with their anchors, which repeat, stand in it once. A ranking for a listener
(`Ranked`) is kept as the sources' lists, which is quick: it is done for every answer that has further pages. Of other
answers all scores and shares are kept. A server that finds bytes of another format (a release before or after its own)
says so, and the client asks again.
"""

import zlib
from collections.abc import Sequence
from dataclasses import fields as dataclass_fields
from typing import Any

import orjson

from backend.domain.recommendations import Answer, AnswerPath, Fallback, Reason, Recommendation, Shortfall, StandIn
from backend.ranking.sources import FOUND_BY
from backend.services.ranked import Ranked, WrittenOut

FORMAT = 4
FASTEST = 1
"""zlib's level: within a tenth of the best one's size for these, in a fraction of the time."""


class UnreadableAnswer(ValueError):
    """The bytes are no answer of this format."""


def encoded(answer: Answer, *, question: str) -> bytes:
    """The answer with the question it answers."""
    fields = {
        "format": FORMAT,
        "question": question,
        "recommendation_id": answer.recommendation_id,
        "model_version": answer.model_version,
        "path": answer.path,
        "fallbacks": [[one.reason, one.to, one.text] for one in answer.fallbacks],
    }
    if isinstance(answer.recommendations, Ranked):
        written = answer.recommendations.written_out()
        return orjson.dumps(fields | {one.name: getattr(written, one.name) for one in dataclass_fields(written)})
    return zlib.compress(orjson.dumps(fields | _columns(answer.recommendations)), FASTEST)


def _columns(recommendations: Sequence[Recommendation]) -> dict[str, Any]:
    texts: dict[tuple[str, ...], int] = {}
    for one in recommendations:
        for reason in one.reasons:
            texts.setdefault((reason.text, *reason.anchors), len(texts))
    return {
        "texts": list(texts),
        "track_ids": [one.track_id for one in recommendations],
        "scores": [one.score for one in recommendations],
        "reasons": [
            [
                [reason.source, reason.rank, reason.share, texts[(reason.text, *reason.anchors)]]
                for reason in one.reasons
            ]
            for one in recommendations
        ],
    }


def decoded(content: bytes) -> tuple[str, Answer]:
    """The question and its answer, number for number as it was, but for its latencies. Raises UnreadableAnswer."""
    try:
        fields: dict[str, Any] = orjson.loads(content if content.startswith(b"{") else zlib.decompress(content))
        if fields["format"] != FORMAT:
            raise UnreadableAnswer(f"format {fields['format']}, this release reads {FORMAT}")
        recommendations = _ranked(fields) if "sentences" in fields else _recommendations(fields)
        answer = Answer(
            recommendation_id=fields["recommendation_id"],
            recommendations=recommendations,
            model_version=fields["model_version"],
            path=AnswerPath(fields["path"]),
            fallbacks=tuple(Fallback(Shortfall(why), StandIn(to), text) for why, to, text in fields["fallbacks"]),
        )
        return fields["question"], answer
    except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise UnreadableAnswer(f"not an answer: {error!r}") from error


def _ranked(fields: dict[str, Any]) -> Ranked:
    return WrittenOut(**{one.name: fields[one.name] for one in dataclass_fields(WrittenOut)}).ranked()


def _recommendations(fields: dict[str, Any]) -> tuple[Recommendation, ...]:
    texts: list[list[str]] = fields["texts"]
    return tuple(
        Recommendation(
            track_id=track_id,
            score=score,
            reasons=tuple(
                Reason(
                    source=FOUND_BY[FOUND_BY.index(source)],
                    rank=rank,
                    share=share,
                    text=texts[text][0],
                    anchors=tuple(texts[text][1:]),
                )
                for source, rank, share, text in reasons
            ),
        )
        for track_id, score, reasons in zip(fields["track_ids"], fields["scores"], fields["reasons"], strict=True)
    )
