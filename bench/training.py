"""How fast the local engine learns beside Spark and `implicit`, at equal NDCG, in turns on two cores of this machine.

First every engine is given as many sweeps as it needs: fits on a split of its own, with more and more sweeps until the
metric rests, tell the fewest that reach 99.5 % of what both engines of a row can reach. Then the fits that count.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.domain.errors import Unavailable
from bench.rows import Pair, Row, row
from bench.taste import Shape, judged_split, save, shaped
from bench.training_fit import CORES, Fit, Request
from training.engines.trainer import AlsSettings

EQUAL = 0.995
"""Of the lower one of the two best metrics: a fit that reaches it is as good."""

SETTINGS = AlsSettings(dimension=64, unobserved_mass=60.0, regularization=0.72)
"""For every engine, as far as it can follow; chosen on split 999, which is not measured (docs/adr/0007)."""

SWEEPS: Mapping[str, Sequence[int]] = {
    "local": (1, 2, 3, 4, 5, 6, 8),
    "warm": (1, 2, 3),
    "implicit": (1, 2, 3, 4, 5, 6, 8, 10, 12, 15),
    "spark": (1, 2, 3, 4, 6, 8, 10, 12, 15),
}
NATIVE = "spark-native"
"""Spark with a system's BLAS and LAPACK in reach."""

_REST, _PATIENCE = 1.005, 3
_CALIBRATION_SEED = 1000
_SIZES = (0.25, 0.5, 1.0, 2.0)
_FIT_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`native_blas` is a folder with libblas.so.3 and liblapack.so.3, None to measure Spark as it is installed only."""

    pairs: int
    repeats: int
    spark_repeats: int
    native_blas: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Equality:
    """NDCG@20 of the two sides of a row, means over its fits, and the sweeps that they took."""

    name: str
    ours: float
    reference: float
    our_sweeps: int
    reference_sweeps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The rows, how equal their sides are, and every fit that counted, in the order in which they ran."""

    rows: Sequence[Row]
    equality: Sequence[Equality]
    fits: Sequence[Fit]
    calibration: Sequence[Fit]


Run = Callable[[str, Request], Fit]


def measure(plan: Plan, say: Callable[[str], None]) -> Measured:
    """Run the plan; `say` hears of each fit. Raises Unavailable where an engine fails."""
    engines = ["local", "warm", "implicit"] + (["spark"] if plan.spark_repeats else [])
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        bench = _Bench(Path(folder), plan, say)
        traces = {engine: bench.trace(engine) for engine in engines}
        comparisons = [("local_vs_implicit", "local", "implicit"), ("warm_vs_cold_seconds", "warm", "local")]
        if plan.spark_repeats:
            comparisons.append(("local_vs_spark", "local", "spark"))
        chosen = {name: fewest_sweeps(traces[ours], traces[reference]) for name, ours, reference in comparisons}
        if plan.spark_repeats and plan.native_blas:
            comparisons.append(("local_vs_spark_native_blas", "local", NATIVE))
            chosen["local_vs_spark_native_blas"] = chosen["local_vs_spark"]
        rounds = [bench.round(number, comparisons, chosen) for number in range(plan.repeats)]
        rows, equality = [], []
        for name, *_ in comparisons:
            sides = [each[name] for each in rounds if name in each]
            faster = name != "warm_vs_cold_seconds"
            rows.append(row(name, [_pair(*side, faster=faster) for side in sides], unit="pairs/s" if faster else "s"))
            equality.append(_equality(name, sides))
        rows.append(bench.growth(chosen["local_vs_implicit"][0]))
    return Measured(
        rows=rows,
        equality=equality,
        fits=bench.fits,
        calibration=[each for trace in traces.values() for each in trace],
    )


class _Bench:
    """The splits on disk, and the fits made of them."""

    def __init__(self, folder: Path, plan: Plan, say: Callable[[str], None]) -> None:
        self._folder, self._plan, self._say = folder, plan, say
        self.fits: list[Fit] = []

    def trace(self, engine: str) -> list[Fit]:
        """Fits with more and more sweeps, until three in turn are hardly better than the best before."""
        found: list[Fit] = []
        waited = 0
        for sweeps in SWEEPS[engine]:
            best = max((each.ndcg for each in found), default=0.0)
            found.append(self._fit(engine, sweeps, _CALIBRATION_SEED, self._plan.pairs))
            waited = 0 if found[-1].ndcg > best * _REST else waited + 1
            if waited == _PATIENCE:
                break
        return found

    def round(
        self, number: int, comparisons: Sequence[tuple[str, str, str]], chosen: Mapping[str, tuple[int, int]]
    ) -> dict[str, tuple[Fit, Fit]]:
        """The two fits of every comparison on split `number`, each (engine, sweeps) once; later rounds spare Spark."""
        made: dict[tuple[str, int], Fit] = {}
        found = {}
        for name, ours, reference in comparisons:
            if "spark" in reference and number >= self._plan.spark_repeats:
                continue
            wanted = tuple(zip((ours, reference), chosen[name], strict=True))
            for each in wanted:
                if each not in made:
                    made[each] = self._fit(*each, number, self._plan.pairs)
                    self.fits.append(made[each])
            found[name] = (made[wanted[0]], made[wanted[1]])
        return found

    def growth(self, sweeps: int) -> Row:
        """Slope of log seconds over log pairs of the local engine, beside that of a time that grows with the pairs."""
        sizes = [round(self._plan.pairs * share) for share in _SIZES]
        slopes = []
        for number in range(self._plan.repeats):
            fits = [self._fit("local", sweeps, number, size) for size in sizes]
            self.fits += fits
            slopes.append(float(np.polyfit(np.log(sizes), np.log([each.seconds for each in fits]), 1)[0]))
        return row("growth_exponent", [Pair(ours=slope, reference=1.0) for slope in slopes], unit="exponent")

    def _fit(self, engine: str, sweeps: int, seed: int, pairs: int) -> Fit:
        data = self._data(pairs, seed)
        request = Request(
            engine=engine.removesuffix("-native"), data=str(data), sweeps=sweeps, seed=seed, settings=SETTINGS
        )
        environment = _environment(self._plan.native_blas if engine == NATIVE else None)
        fit = run(request, environment)
        self._say(
            f"{engine}, {pairs:,} pairs, sweeps {sweeps}, split {seed}: {fit.seconds:.2f} s, NDCG@20 {fit.ndcg:.4f}, "
            f"peak {fit.peak_bytes / 1e6:,.0f} MB{f', {fit.blas} {fit.lapack}' if fit.blas else ''}"
        )
        return fit

    def _data(self, pairs: int, seed: int) -> Path:
        file = self._folder / f"{pairs}-{seed}.npz"
        if not file.exists():
            save(judged_split(shaped(Shape.of(pairs), seed=0), seed=seed), file)
        return file


def run(request: Request, environment: Mapping[str, str]) -> Fit:
    """One fit in a process of its own. Raises Unavailable with the end of what it said where it fails."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.training_fit", request.to_text()],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_FIT_SECONDS,
        check=False,
    )
    if told.returncode != 0:
        raise Unavailable(f"the engine '{request.engine}' failed; see `segue doctor`: …{told.stderr[-2000:]}")
    return Fit(**json.loads(told.stdout.splitlines()[-1]))


def _environment(native_blas: Path | None) -> dict[str, str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(CORES))
    if native_blas is None:
        return {**os.environ, **threads}
    # Executors bring two threads already; each calls a BLAS of one.
    libraries = f"{native_blas}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
    return {**os.environ, **threads, "OPENBLAS_NUM_THREADS": "1", "LD_LIBRARY_PATH": libraries}


def fewest_sweeps(ours: Sequence[Fit], reference: Sequence[Fit]) -> tuple[int, int]:
    """The fewest sweeps of each that reach EQUAL of what both can reach."""
    target = EQUAL * min(max(each.ndcg for each in trace) for trace in (ours, reference))
    first, second = (next(each.sweeps for each in trace if each.ndcg >= target) for trace in (ours, reference))
    return first, second


def _pair(ours: Fit, reference: Fit, *, faster: bool) -> Pair:
    if faster:
        return Pair(ours=ours.pairs / ours.seconds, reference=reference.pairs / reference.seconds)
    return Pair(ours=ours.seconds, reference=reference.seconds)


def _equality(name: str, sides: Sequence[tuple[Fit, Fit]]) -> Equality:
    ours, reference = zip(*sides, strict=True)
    return Equality(
        name=name,
        ours=float(np.mean([each.ndcg for each in ours])),
        reference=float(np.mean([each.ndcg for each in reference])),
        our_sweeps=ours[0].sweeps,
        reference_sweeps=reference[0].sweeps,
    )


def medians(fits: Sequence[Fit]) -> Iterator[tuple[str, int, int, float, float]]:
    """(engine, pairs, sweeps, median seconds, largest peak bytes) of what was fitted alike."""
    alike: dict[tuple[str, int, int], list[Fit]] = {}
    for fit in fits:
        alike.setdefault((fit.engine, fit.pairs, fit.sweeps), []).append(fit)
    for (engine, pairs, sweeps), group in sorted(alike.items()):
        yield (
            engine,
            pairs,
            sweeps,
            float(np.median([each.seconds for each in group])),
            float(max(each.peak_bytes for each in group)),
        )
