"""All that a version holds for serving beside its vectors, learned in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.domain.recommendations import CandidateSource
from backend.ports.models import FUSION_FILE, LINEAR_FILE, NEWCOMERS_FILE
from training.data.dataset import Float32, Interactions, PlayColumns, interactions
from training.data.split import time_split
from training.engines.trainer import AlsSettings, Factors, Trainer
from training.evaluation.metrics import Float64
from training.serving import fusion, newcomers
from training.serving.links import links
from training.serving.lists import Knowledge

HELD_OUT = 0.2
"""Share of the plays, the latest, that fusion is learned on: the same that a version is judged by."""
LATELY_MILLISECONDS = 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The catalogue as serving knows it: content vectors (n, words) of `track_ids`, and each track's first artist."""

    track_ids: Sequence[str]
    vectors: Float32
    artist_of: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """`files` by name; `fusion` for a listener of whom much is known; `placed`, factors of tracks without plays."""

    files: Mapping[str, bytes]
    fusion: Mapping[CandidateSource, float]
    placed: Mapping[str, Float32]


def learn(
    plays: PlayColumns, words: Words, factors: Factors, *, trainer: Trainer, settings: AlsSettings, seed: int
) -> Extras:
    """`factors` were learned from all of `plays`; fusion fits its own to the earlier ones. Raises InvalidInput."""
    place = {track_id: row for row, track_id in enumerate(words.track_ids)}
    content = _content(plays.track_ids, words, place)
    levels = _levels(plays, content, trainer=trainer, settings=settings, seed=seed)
    files = {
        FUSION_FILE: fusion.to_file(levels),
        LINEAR_FILE: links(interactions(plays)).to_file(np.array(plays.track_ids, dtype=np.str_)),
    }
    placed: dict[str, Float32] = {}
    described = np.flatnonzero(content.any(axis=1))
    if len(described):
        known = newcomers.Known(
            factors=factors.tracks[described],
            words=content[described],
            artist_ids=[words.artist_of.get(plays.track_ids[row], "") for row in described.tolist()],
        )
        mapping = newcomers.learn(known)
        played = set(plays.track_ids)
        unplayed = {track_id: words.vectors[row] for track_id, row in place.items() if track_id not in played}
        placed = newcomers.placed(mapping, unplayed, words.artist_of)
        files[NEWCOMERS_FILE] = newcomers.to_file(mapping)
    return Extras(files=files, fusion=levels[-1].level.weights if levels else fusion.DEFAULT, placed=placed)


def knowledge(
    train: Interactions, content: Float32, *, trainer: Trainer, settings: AlsSettings, seed: int
) -> Knowledge:
    """What the candidate lists know after `train`; `content` (tracks, words) are its tracks' vectors."""
    return Knowledge(
        factors=trainer.fit(train, settings=settings, seed=seed),
        links=links(train).matrix(len(train.track_ids)),
        content=content,
        trend=_trend(train),
    )


def _levels(
    plays: PlayColumns, content: Float32, *, trainer: Trainer, settings: AlsSettings, seed: int
) -> list[fusion.LearnedLevel]:
    split = time_split(plays, held_out=HELD_OUT)
    if len(split.test) == 0:
        return []
    known = knowledge(split.train, content, trainer=trainer, settings=settings, seed=seed)
    return fusion.learn(known, split, seed=seed)


def _trend(train: Interactions) -> Float64:
    """Listeners of each track in the last day, ties by listeners in all: what the live tables show at that moment."""
    lately = train.last_played_at > train.last_played_at.max() - LATELY_MILLISECONDS
    count = len(train.track_ids)
    everybody = np.bincount(train.tracks, minlength=count)
    return np.asarray(np.bincount(train.tracks[lately], minlength=count) + everybody / (everybody.max() + 1.0))


def _content(track_ids: Sequence[str], words: Words, place: Mapping[str, int]) -> Float32:
    content = np.zeros((len(track_ids), words.vectors.shape[1]), dtype=np.float32)
    rows = [(row, place[track_id]) for row, track_id in enumerate(track_ids) if track_id in place]
    if rows:
        own, theirs = np.array(rows).T
        content[own] = words.vectors[theirs]
    return content
