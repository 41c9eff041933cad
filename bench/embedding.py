"""How fast the exported text encoder is beside sentence-transformers on PyTorch, and how near, on catalogue texts.

Both run on one thread, in turns, in a process of their own each: PyTorch and ONNX Runtime bring thread pools that would
get into each other's way. Speeds are of seconds of processor, which on one thread of an idle machine are those of the
clock; the start is of the clock.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from backend.adapters.encoder.onnx import OnnxTextEncoder
from backend.domain.errors import Unavailable
from backend.domain.tracks import catalogue_text
from backend.ports.encoder import TextEncoder
from backend.ports.vectors import Vectors
from bench.rows import Pair, Row, row
from training.content.export import export_encoder
from training.simulate.catalogue import make_catalogue

_SIDES = ("onnx", "torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`texts` of the catalogue in each round, and as many single `questions`."""

    texts: int
    questions: int
    repeats: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The rows; `export_seconds` is what writing the graph took, `file_bytes` its size."""

    rows: Sequence[Row]
    export_seconds: float
    file_bytes: int


@dataclass(frozen=True, slots=True)
class _Side:
    """One encoder in its process."""

    process: "subprocess.Popen[str]"
    input: IO[str]
    output: IO[str]

    def ask(self, **asked: Any) -> Any:
        """Its answer, as JSON. Raises Unavailable where the process has ended."""
        self.input.write(json.dumps(asked) + "\n")
        self.input.flush()
        told = self.output.readline()
        if not told:
            raise Unavailable("an encoder's process ended; see what it said above, and `segue doctor`")
        return json.loads(told)


def measure(plan: Plan, say: Callable[[str], None]) -> Measured:
    """Export, start both, then let them encode in turns. Raises Unavailable where one of them fails."""
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as name:
        folder = Path(name) / "encoder"
        began = time.perf_counter()
        export_encoder(folder)
        exported = time.perf_counter() - began
        say(f"exported in {exported:.1f} s")
        texts = catalogue_texts(plan.texts * (plan.repeats + 1), seed=plan.seed)
        with ExitStack() as stack:
            sides, starts = {}, {}
            for one in _SIDES:
                began = time.perf_counter()
                sides[one] = stack.enter_context(_side(one, folder))
                sides[one].ask()
                starts[one] = time.perf_counter() - began
                say(f"{one} answers after {starts[one]:.1f} s")
            first, *rest = (texts[at : at + plan.texts] for at in range(0, len(texts), plan.texts))
            vectors = [np.array(sides[one].ask(texts=first, vectors=True)["vectors"]) for one in _SIDES]
            batches = [_turn(sides, number, part, single=False) for number, part in enumerate(rest)]
            singles = [_turn(sides, number, part[: plan.questions], single=True) for number, part in enumerate(rest)]
        size = (folder / "model.onnx").stat().st_size
    cosines = (vectors[0] * vectors[1]).sum(axis=1)
    return Measured(
        rows=[
            row("onnx_vs_torch", batches, unit="texts/s"),
            row("cosine_mean", [Pair(ours=float(cosines.mean()), reference=1.0)], unit="cosine"),
            row("cosine_worst", [Pair(ours=float(cosines.min()), reference=1.0)], unit="cosine"),
            row("query_vs_torch", singles, unit="texts/s"),
            row("start_seconds", [Pair(ours=starts["onnx"], reference=starts["torch"])], unit="s"),
        ],
        export_seconds=exported,
        file_bytes=size,
    )


def catalogue_texts(count: int, *, seed: int) -> list[str]:
    """The sentences of so many simulated tracks."""
    made = make_catalogue(seed, artists=max(1, count // 20), tracks=count, last_year=2026)
    names = {artist.artist_id: artist.name for artist in made.artists}
    return [catalogue_text(track, tuple(names[one] for one in track.artist_ids)) for track in made.tracks[:count]]


def _turn(sides: dict[str, _Side], number: int, texts: Sequence[str], *, single: bool) -> Pair:
    """The texts through both, who begins changes; texts a second."""
    speed = {}
    for one in _SIDES if number % 2 else reversed(_SIDES):
        speed[one] = len(texts) / float(sides[one].ask(texts=texts, single=single)["seconds"])
    return Pair(ours=speed["onnx"], reference=speed["torch"])


@contextmanager
def _side(name: str, folder: Path) -> Iterator[_Side]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.embedding", name, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **threads, "HF_HUB_OFFLINE": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            yield _Side(process, process.stdin, process.stdout)
        finally:
            process.stdin.close()


def _serve(name: str, folder: Path) -> None:
    """Answer each line of stdin by one line on stdout: how long it took, or the vectors."""
    encoder = _open(name, folder)
    for line in sys.stdin:
        asked = json.loads(line)
        texts: list[str] = asked.get("texts", [])
        began = time.process_time()
        vectors: Vectors | None = None
        if asked.get("single"):
            for one in texts:
                encoder.encode([one])
        elif texts:
            vectors = encoder.encode(texts)
        told: dict[str, Any] = {"seconds": time.process_time() - began}
        if asked.get("vectors") and vectors is not None:
            told["vectors"] = vectors.tolist()
        print(json.dumps(told), flush=True)


def _open(name: str, folder: Path) -> TextEncoder:
    """The encoder, and one text through it, so that whatever is loaded late is loaded."""
    if name == "onnx":
        encoder: TextEncoder = OnnxTextEncoder(folder, threads=1)
    else:
        import torch

        from bench.sentences import SentenceEncoder

        torch.set_num_threads(1)
        encoder = SentenceEncoder()
    encoder.encode(["slow piano for rainy evenings"])
    return encoder


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]))
