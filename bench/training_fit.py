"""One fit of one engine in a process of its own: `python -m bench.training_fit REQUEST` prints what it measured.

A process per fit gives every engine the same two cores from the start and a peak of memory that is its own.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.taste import load
from training.data.dataset import Float32, Interactions
from training.data.split import Split
from training.engines.trainer import AlsSettings, Earlier
from training.evaluation.evaluate import evaluate, factors_scorer

CORES = 2
ENGINES = ("local", "warm", "implicit", "spark")
LIST_LENGTH = 20
KNOWN = 0.95
"""What an earlier version knew: this share of the pairs, of the listeners and of the tracks."""

BEFORE = 5
"""Sweeps of the earlier version: about what a cold fit takes to be as good as it gets."""

_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to fit: the split in the file `data` (`bench.taste.save`) by `engine`."""

    engine: str
    data: str
    sweeps: int
    seed: int
    settings: AlsSettings

    def to_text(self) -> str:
        """As the child process takes it."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> "Request":
        """The inverse of `to_text`."""
        fields = json.loads(text)
        return Request(**{**fields, "settings": AlsSettings(**fields["settings"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """`seconds` from interactions in memory to factors, NDCG@20 on held-out pairs, peak bytes of all its processes.

    `blas` and `lapack` are what Spark's JVM had loaded, "" for the others.
    """

    engine: str
    pairs: int
    sweeps: int
    seconds: float
    ndcg: float
    peak_bytes: int
    blas: str = ""
    lapack: str = ""


def fit(request: Request) -> Fit:
    """Fit and judge. Compilers, JVM and frames are warm before the clock starts; judging comes after it stops."""
    split = load(Path(request.data))
    run = {"local": _local, "warm": _warm, "implicit": _implicit, "spark": _spark}[request.engine]
    return run(request, split)


def judge(split: Split, listeners: Float32, tracks: Float32) -> float:
    """NDCG@20 over all tracks that a listener does not have in training."""
    found = evaluate(split, factors_scorer(listeners, tracks), k=LIST_LENGTH, seed=0)
    return found.metrics[f"ndcg@{LIST_LENGTH}"].value


def _local(request: Request, split: Split) -> Fit:
    settings = replace(request.settings, sweeps=request.sweeps)
    return _by_local(request, split, settings, earlier=None)


def _warm(request: Request, split: Split) -> Fit:
    from training.engines.local import LocalTrainer

    settings = replace(request.settings, warm_sweeps=request.sweeps)
    known = _known(split.train, request.seed)
    before = LocalTrainer(threads=CORES).fit(known, settings=replace(settings, sweeps=BEFORE), seed=request.seed)
    return _by_local(request, split, settings, earlier=Earlier.of(known, before))


def _known(pairs: Interactions, seed: int) -> Interactions:
    """What an earlier version saw: pairs, listeners and tracks that came since are left out."""
    rng = np.random.default_rng(seed)
    listeners = rng.random(len(pairs.listener_ids)) < KNOWN
    tracks = rng.random(len(pairs.track_ids)) < KNOWN
    return pairs.where(listeners[pairs.listeners] & tracks[pairs.tracks] & (rng.random(len(pairs)) < KNOWN))


def _by_local(request: Request, split: Split, settings: AlsSettings, *, earlier: Earlier | None) -> Fit:
    from training.engines.local import LocalTrainer

    trainer = LocalTrainer(threads=CORES)
    few = split.train.where(split.train.listeners < 2 * settings.dimension)
    begun = trainer.fit(few, settings=replace(settings, sweeps=1), seed=0)
    if earlier is not None:  # other kernels than a cold fit's
        trainer.fit(few, settings=settings, seed=0, earlier=Earlier.of(few, begun))
    seconds, factors = _timed(lambda: trainer.fit(split.train, settings=settings, seed=request.seed, earlier=earlier))
    return _fit(request, split, seconds, factors.listeners, factors.tracks)


def _implicit(request: Request, split: Split) -> Fit:
    """`implicit` by conjugate gradients, its defaults but for weights, threads and iterations."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

    from training.engines.trainer import weights

    confidence = split.train.matrix()
    confidence.data = np.log1p(confidence.data)
    solved = weights(confidence, request.settings)
    median = float(np.median(np.diff(confidence.indptr)[np.diff(confidence.indptr) > 0]))
    # Its unobserved weight is 1, and it has one λ for all rows: that of the median listener.
    penalty = solved.regularization * (median + solved.frequency_offset) ** solved.frequency_power
    with threadpool_limits(limits=1, user_api="blas"):  # as the library asks for
        model = AlternatingLeastSquares(
            factors=request.settings.dimension,
            alpha=1.0 / solved.unobserved_weight,
            regularization=penalty / solved.unobserved_weight,
            iterations=request.sweeps,
            num_threads=CORES,
            random_state=request.seed,
        )
        seconds, _ = _timed(lambda: model.fit(confidence, show_progress=False))
    return _fit(request, split, seconds, np.asarray(model.user_factors), np.asarray(model.item_factors))


def _spark(request: Request, split: Split) -> Fit:
    from training.engines import spark
    from training.engines.spark_archive import with_confidence
    from training.engines.spark_session import linear_algebra, spark_session

    settings = replace(request.settings, sweeps=request.sweeps)
    with spark_session(f"local[{CORES}]") as session:
        table = pa.table({"listener": split.train.listeners, "track": split.train.tracks, "plays": split.train.plays})
        with spark.cached(with_confidence(session.createDataFrame(table))) as frame:
            frame.count()
            penalty = spark.penalty_of(frame, settings)
            spark.als(frame.where("listener < 500"), penalty, replace(settings, sweeps=2), 0)
            seconds, model = _timed(lambda: spark.als(frame, penalty, settings, request.seed))
            loaded = linear_algebra(session)
            peak = _peak() + _peak(_java_pid(session))
            listeners = spark.collected(model.userFactors, len(split.train.listener_ids), settings.dimension)
            tracks = spark.collected(model.itemFactors, len(split.train.track_ids), settings.dimension)
    fitted = _fit(request, split, seconds, listeners, tracks)
    return replace(fitted, peak_bytes=peak, blas=loaded.blas, lapack=loaded.lapack)


def _fit(request: Request, split: Split, seconds: float, listeners: Float32, tracks: Float32) -> Fit:
    """What this process measured; its peak is that before judging."""
    peak = _peak()
    return Fit(
        engine=request.engine,
        pairs=len(split.train),
        sweeps=request.sweeps,
        seconds=seconds,
        peak_bytes=peak,
        ndcg=judge(split, listeners, tracks),
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _peak(pid: int | str = "self") -> int:
    # Not getrusage: its maximum begins with that of the process that started this one.
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * _BYTES


def _java_pid(session: Any) -> int:
    return int(session.sparkContext._jvm.java.lang.ProcessHandle.current().pid())


def main() -> None:
    """Fit what the first argument asks for."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    print(json.dumps(asdict(fit(Request.from_text(sys.argv[1])))))


if __name__ == "__main__":
    main()
