"""The autoencoder of audio features: a space in which tracks with the same tags are near, made of sound alone.

A denoising autoencoder (Vincent et al. 2008) whose code must also tell the tags: features (9) → 64 → latent → 64 → 9,
and latent → tags. Tags are needed to learn, not to encode: a track without any, or one that came a minute ago, has its
place by its features. What was tried, with figures: docs/adr/0021-approaches.md.
"""

import io
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.ports.vectors import Vectors
from backend.ranking.sound import Sound, scale, unit
from training.content.clusters import Float64

LATENT, HIDDEN = 16, 64
STEPS, BATCH = 800, 256
"""Steps whatever the catalogue's size: seconds, on one thread."""
RATE, DECAY = 3e-3, 1e-4
BETAS = (0.9, 0.999)
"""How slowly the means of gradients and of their squares forget."""
NOISE = 0.1
"""Deviation of what is added to the standardised features; the decoder must give them back without it."""
TAG_WEIGHT = 3.0
MOST_TAGS, LEAST_TAGGED = 128, 5
"""Tags told at most, the most frequent ones, and how many tracks must carry one."""
LEAST_TRACKS = 40
"""Fewer tracks with features make no space worth a name."""
HELD_OUT = 0.1
"""Of the tracks, by lot: what the reconstruction is judged by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Tracks by audio features: `audio` (n, 9), `latent` (n, LATENT or 0), rows of length 1, and how they are made."""

    track_ids: Sequence[str]
    audio: Vectors
    latent: Vectors
    sound: Sound

    @property
    def spaces(self) -> dict[str, Vectors]:
        """By the name of the space; without the latent one where there is no autoencoder."""
        return {"audio": self.audio} | ({"latent": self.latent} if self.sound.latent else {})


def missing(tracks: int) -> str:
    """Why there will be no autoencoder for so many tracks with features; "" where there will be one."""
    if tracks < LEAST_TRACKS:
        return f"{tracks} tracks have audio features, {LEAST_TRACKS} are needed"
    return "" if find_spec("torch") is not None else "PyTorch is not installed: `pip install segue[train]`"


def learn(
    track_ids: Sequence[str], features: Float64, *, labels: Mapping[str, Sequence[str]], seed: int, steps: int = STEPS
) -> Heard:
    """The autoencoder of `features` (n, 9), n ≥ LEAST_TRACKS, and where it puts them. Call where nothing is `missing`.

    `labels` are those of `training.data.catalogue`: only tags count, for an unknown artist says nothing of a sound.
    The same arguments give the same bytes. One thread: with several, sums come out in another order each time.
    """
    sound = scale(features)
    rows = sound.standardised(features)
    told = _tag_table(track_ids, labels)
    with _quiet_torch(seed) as torch:
        model, figures = _fitted(torch, rows, told, seed=seed, steps=steps)
        graph = _exported(torch, model)
    latent = encoded(graph, rows)
    made = replace(sound, encoder=graph, latent=LATENT, figures={"autoencoder": figures | {"tags": told.shape[1]}})
    return Heard(track_ids=track_ids, audio=unit(rows), latent=latent, sound=made)


def standardised(track_ids: Sequence[str], features: Float64) -> Heard:
    """Without an autoencoder: `features` (n, 9), n ≥ 1, standardised."""
    sound = scale(features)
    audio = unit(sound.standardised(features))
    return Heard(track_ids=track_ids, audio=audio, latent=np.empty((len(audio), 0), dtype=np.float32), sound=sound)


def encoded(graph: bytes, rows: Vectors) -> Vectors:
    """(n, LATENT) of length 1, by the exported graph: what is served is what the server will compute."""
    import onnxruntime  # noqa: PLC0415 - comes with the encoder only

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    (latent,) = session.run(["latent"], {"features": rows})
    return np.asarray(latent, dtype=np.float32)


def _tag_table(track_ids: Sequence[str], labels: Mapping[str, Sequence[str]]) -> NDArray[np.uint8]:
    """(n, tags) of 0 and 1: a byte each, for there may be many tracks."""
    tags = {one: {label for label in labels.get(one, ()) if label.startswith("tag ")} for one in track_ids}
    counts = Counter(tag for each in tags.values() for tag in each)
    kept = sorted((tag for tag, count in counts.items() if count >= LEAST_TAGGED), key=lambda one: (-counts[one], one))
    column = {tag: place for place, tag in enumerate(kept[:MOST_TAGS])}
    table = np.zeros((len(track_ids), len(column)), dtype=np.uint8)
    for row, track_id in enumerate(track_ids):
        table[row, [column[tag] for tag in tags[track_id] if tag in column]] = 1
    return table


@contextmanager
def _quiet_torch(seed: int) -> Iterator[Any]:
    """PyTorch on one thread, seeded; its threads as they were afterwards."""
    import torch  # noqa: PLC0415 - seconds; paid only where an autoencoder is learned

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield torch
    finally:
        torch.set_num_threads(threads)


def _fitted(
    torch: Any, rows: Vectors, told: NDArray[np.uint8], *, seed: int, steps: int
) -> tuple[Any, dict[str, object]]:
    """The encoder, and how well features come back: the mean square of what is lost, of tracks it did not see."""
    nn = torch.nn
    width = rows.shape[1]
    encoder = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, LATENT))
    decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, width))
    teller = nn.Linear(LATENT, max(told.shape[1], 1))
    parameters = [one for part in (encoder, decoder, teller) for one in part.parameters()]
    means, squares = ([torch.zeros_like(one) for one in parameters] for _ in range(2))
    features, tags = torch.from_numpy(rows), torch.from_numpy(told)
    share = told.mean(axis=0, dtype=np.float64).astype(np.float32)
    common, spread = torch.from_numpy(share), torch.from_numpy(np.maximum(np.sqrt(share * (1 - share)), 0.05))
    lot = np.random.default_rng(seed).permutation(len(features))
    unseen, seen = lot[: int(len(lot) * HELD_OUT)], torch.from_numpy(lot[int(len(lot) * HELD_OUT) :])
    for step in range(1, steps + 1):
        batch = seen[torch.randint(len(seen), (min(BATCH, len(seen)),))]
        clean = features[batch]
        code = encoder(clean + NOISE * torch.randn(clean.shape))
        loss = ((decoder(code) - clean) ** 2).mean()
        if told.shape[1]:
            # The direction of the code tells the tags, because it is what tracks are compared by.
            direction = nn.functional.normalize(code, dim=1) * LATENT**0.5
            loss = loss + TAG_WEIGHT * ((teller(direction) - (tags[batch] - common) / spread) ** 2).mean()
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        _descend(torch, parameters, gradients, means, squares, step=step)
    with torch.no_grad():
        lost = ((decoder(encoder(features)) - features) ** 2).numpy()
    return encoder, {
        "latent": LATENT,
        "reconstruction": round(float(lost[np.sort(unseen)].mean()), 6),
        "reconstruction_seen": round(float(lost[np.sort(seen.numpy())].mean()), 6),
    }


def _descend(
    torch: Any, parameters: Sequence[Any], gradients: Sequence[Any], means: Any, squares: Any, *, step: int
) -> None:
    """A step of AdamW (Loshchilov and Hutter 2019, algorithm 2).

    PyTorch's own, at its first step, imports its compiler: nine seconds where Python keeps no bytecode.
    """
    with torch.no_grad():
        for value, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
            if gradient is None:  # of what tells the tags, where there are none
                continue
            mean.lerp_(gradient, 1 - BETAS[0])
            square.lerp_(gradient * gradient, 1 - BETAS[1])
            spread = (square / (1 - BETAS[1] ** step)).sqrt_().add_(1e-8)
            value.mul_(1 - RATE * DECAY).addcdiv_(mean / (1 - BETAS[0] ** step), spread, value=-RATE)


def _exported(torch: Any, encoder: Any) -> bytes:
    """The ONNX graph of the encoder, its output made of length 1."""

    class Directed(torch.nn.Module):  # type: ignore[misc]  # torch is read without its types
        """Encoder, then length 1."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, features: Any) -> Any:
            return torch.nn.functional.normalize(self.encoder(features), dim=1)

    file = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated in favour of one that needs a package outside the lock file.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Directed().eval(),
            (torch.zeros((2, encoder[0].in_features)),),
            file,
            input_names=["features"],
            output_names=["latent"],
            dynamic_axes={"features": {0: "tracks"}, "latent": {0: "tracks"}},
            opset_version=17,
            dynamo=False,
        )
    return file.getvalue()
