"""A whole answer as a few bytes, and back: about 25 kB for 700 recommendations with their reasons.

JSON by columns, compressed: the sentences of reasons with their anchors, which repeat, stand in it once. A server
that finds bytes of another format (a release before or after its own) says so, and the client asks again.
"""

import zlib
from typing import Any

import orjson

from backend.domain.recommendations import Answer, AnswerPath, Fallback, Reason, Recommendation, Shortfall, StandIn
from backend.ranking.sources import FOUND_BY

FORMAT = 2
FASTEST = 1
"""zlib's level: within a tenth of the best one's size for these, in a fraction of the time."""


class UnreadableAnswer(ValueError):
    """The bytes are no answer of this format."""


def encoded(answer: Answer, *, question: str) -> bytes:
    """The answer with the question it answers."""
    texts: dict[tuple[str, ...], int] = {}
    for one in answer.recommendations:
        for reason in one.reasons:
            texts.setdefault((reason.text, *reason.anchors), len(texts))
    fields = {
        "format": FORMAT,
        "question": question,
        "recommendation_id": answer.recommendation_id,
        "model_version": answer.model_version,
        "path": answer.path,
        "fallbacks": [[one.reason, one.to, one.text] for one in answer.fallbacks],
        "texts": list(texts),
        "track_ids": [one.track_id for one in answer.recommendations],
        "scores": [one.score for one in answer.recommendations],
        "reasons": [
            [
                [reason.source, reason.rank, reason.share, texts[(reason.text, *reason.anchors)]]
                for reason in one.reasons
            ]
            for one in answer.recommendations
        ],
    }
    return zlib.compress(orjson.dumps(fields), FASTEST)


def decoded(content: bytes) -> tuple[str, Answer]:
    """The question and its answer, number for number as it was, but for its latencies. Raises UnreadableAnswer."""
    try:
        fields: dict[str, Any] = orjson.loads(zlib.decompress(content))
        if fields["format"] != FORMAT:
            raise UnreadableAnswer(f"format {fields['format']}, this release reads {FORMAT}")
        texts: list[list[str]] = fields["texts"]
        recommendations = tuple(
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
