"""Judges a training by its answers on held-out plays, beside the most popular list and the version that serves.

What is judged is what would be served: all sources' lists, fused with learned weights, filtered and made diverse by the
server's own ranking (`backend.ranking`), for profiles as the server would hold them (docs/adr/0010-one-ranking.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from backend.ranking.library import answer
from backend.ranking.weights import FusionWeights
from training.data.dataset import Int32, PlayColumns
from training.data.split import Split, cutoff, split_at
from training.engines.trainer import AlsSettings, Trainer
from training.evaluation.evaluate import Evaluation, evaluate, evaluate_lists, popularity_scorer
from training.evaluation.metrics import Estimate
from training.judging import guard
from training.judging.published import Published
from training.ranking import fusion
from training.ranking.fusion import LearnedFusion, Question
from training.ranking.tastes import Tastes
from training.ranking.version import RankingVersion, Words, learn

HELD_OUT = 0.2
"""Share of the plays, the latest, that a version is judged by: a tenth of a small service leaves too few listeners."""
LIST_LENGTH = 20
MOST_JUDGED = 2_000
"""Listeners asked, by lot where there are more: their intervals are narrow enough, and each costs several searches."""
MOST_CELLS = 100_000_000
"""Listeners times tracks that are searched: 1,000 listeners of 100,000 tracks."""
LEAST_JUDGED = 50
"""Listeners that a comparison with the version that serves needs: with fewer, hardly any loss is beyond chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Guarded metrics of the new version and of the current one, by the same listeners on the same plays.

    `by` is "settings": the current version's settings, fitted to the same earlier plays, both judged on the held-out
    window; or "answers": what the current version answers, read back from its files, judged on the plays since it
    learned, against the new settings fitted to the plays before.
    """

    by: str
    listeners: int
    new: Mapping[str, Estimate]
    current: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Metrics of the model and of the most popular list, and what speaks against promoting it.

    Both are {} where nobody could be judged. `comparisons` are those with the current version, objection or not.
    `fusion` are the weights learned on the held-out window, for the version to serve with; None where nobody was asked.
    `early` is what was learned from the plays up to `moment` (milliseconds since 1970 UTC), and judged by those after;
    None where nobody could be.
    """

    metrics: Mapping[str, Estimate]
    baseline: Mapping[str, Estimate]
    objections: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    fusion: LearnedFusion | None = None
    early: RankingVersion | None = None
    moment: int = 0

    def numbers(self) -> dict[str, float]:
        """As the manifest holds them: "ndcg@20", "ndcg@20.low", "ndcg@20.high", "popular.ndcg@20"."""
        found = {name: estimate.value for name, estimate in self.metrics.items()}
        found |= {f"{name}.low": estimate.low for name, estimate in self.metrics.items()}
        found |= {f"{name}.high": estimate.high for name, estimate in self.metrics.items()}
        return found | {f"popular.{name}": estimate.value for name, estimate in self.baseline.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges trainings of one archive. `words` is the catalogue, `seed` draws listeners and halves."""

    trainer: Trainer
    words: Words
    seed: int

    def judge(self, plays: PlayColumns, als: AlsSettings, *, current: Published | None) -> Judgement:
        """Fit on the earlier plays, answer the listeners of the later ones. Raises ModelRefused.

        `current` is the version that serves. It is compared twice where that can be done fairly, see `Comparison`: its
        answers may only be judged by plays that it was not learned from. Weights are learned on the same held-out plays
        that judge, but each half of the listeners is answered with the weights learned from the other half.
        """
        objections = list(guard.lost_plays(len(plays), _mapping(current, "data")))
        moment = cutoff(plays, held_out=HELD_OUT)
        split, tastes = self._window(plays, moment)
        if len(split.test) == 0:
            return Judgement(metrics={}, baseline={}, objections=tuple(objections))
        early = self._fitted(split, als)
        asked, weights = self._learned(split, tastes, early)
        model = self._evaluated(asked, weights.unseen_by)
        popular = evaluate(split, popularity_scorer(split.train), k=LIST_LENGTH, seed=self.seed)
        objections += guard.behind_popularity(model, popular)
        comparisons = []
        before = _other_settings(current, als)
        if before is not None:
            refitted, theirs = self._learned(split, tastes, self._fitted(split, before))
            other = self._evaluated(refitted, theirs.unseen_by)
            comparisons.append(_comparison("settings", model, other))
            objections += guard.behind_current(model, other, seed=self.seed)
        both = None if current is None else self._since(plays, als, current, weights)
        if both is not None:
            comparisons.append(_comparison("answers", *both))
            objections += guard.behind_current(
                *both, seed=self.seed, what="the current version on the plays since it learned"
            )
        return Judgement(
            metrics=model.metrics,
            baseline=popular.metrics,
            objections=tuple(objections),
            comparisons=tuple(comparisons),
            fusion=weights,
            early=early,
            moment=moment,
        )

    def _window(self, plays: PlayColumns, moment: int) -> tuple[Split, Tastes]:
        """The split at a moment with as many listeners to judge as are asked, and the tastes known then."""
        split = split_at(plays, moment)
        most = min(MOST_JUDGED, max(MOST_CELLS // len(plays.track_ids), LEAST_JUDGED))
        listeners = np.random.default_rng(self.seed).permutation(np.unique(split.test.listeners))[:most]
        split = replace(split, test=split.test.where(np.isin(split.test.listeners, listeners)))
        return split, Tastes(plays.where(plays.played_at <= moment))

    def _learned(self, split: Split, tastes: Tastes, early: RankingVersion) -> tuple[Question, LearnedFusion]:
        """What a version of the earlier plays answers, and the weights learned from that."""
        library = early.library(split.train)
        asked = fusion.ask(library, split, tastes, np.unique(split.test.listeners))
        return asked, fusion.learn(library, asked, seed=self.seed)

    def _fitted(self, split: Split, als: AlsSettings) -> RankingVersion:
        factors = self.trainer.fit(split.train, settings=als, seed=self.seed)
        return learn(split.train, factors, self.words)

    def _since(
        self, plays: PlayColumns, als: AlsSettings, current: Published, weights: LearnedFusion
    ) -> tuple[Evaluation, Evaluation] | None:
        """The new settings and the version that serves, on the plays since it learned; None with too few."""
        if current.until is None or not (plays.played_at > current.until).any():
            return None
        split, tastes = self._window(plays, current.until)
        listeners = np.unique(split.test.listeners)
        if len(listeners) < LEAST_JUDGED:
            return None
        serving = current.ranking()
        new = fusion.ask(self._fitted(split, als).library(split.train), split, tastes, listeners)
        old = fusion.ask(serving.library(split.train), split, tastes, listeners)
        return self._evaluated(new, weights.unseen_by), self._evaluated(old, lambda _: serving.weights)

    def _evaluated(self, asked: Question, weights: Callable[[int], FusionWeights]) -> Evaluation:
        """The first `LIST_LENGTH` tracks of every answer; a track that nobody ever played takes its place as a miss."""
        number = {track_id: track for track, track_id in enumerate(asked.split.train.track_ids)}
        lists: Int32 = np.full((len(asked.listeners), LIST_LENGTH), -1, dtype=np.int32)
        for row, listener in enumerate(asked.listeners.tolist()):
            taste = asked.tastes.of(listener)
            ranked = answer(asked.lists[listener], weights(listener), taste, self.words.artist_of)[:LIST_LENGTH]
            lists[row, : len(ranked)] = [number.get(track_id, -1) for track_id in ranked]
        return evaluate_lists(asked.split, asked.listeners, lists, k=LIST_LENGTH, seed=self.seed)


def _comparison(by: str, new: Evaluation, current: Evaluation) -> Comparison:
    return Comparison(by=by, listeners=len(new.listeners), new=_guarded(new), current=_guarded(current))


def _guarded(evaluation: Evaluation) -> dict[str, Estimate]:
    return {name: evaluation.metrics[name] for name in guard.GUARDED}


def _other_settings(current: Published | None, als: AlsSettings) -> AlsSettings | None:
    """The current version's settings where they differ and this release can still fit them (new ones at default)."""
    recorded = _mapping(current, "settings")
    if not recorded or not set(recorded) <= set(asdict(als)):
        return None
    settings = AlsSettings(**recorded)  # type: ignore[arg-type]  # written from the same class
    return settings if settings != als else None


def _mapping(current: Published | None, key: str) -> Mapping[str, object]:
    part = None if current is None else current.manifest.get(key)
    return part if isinstance(part, Mapping) else {}
