"""Audio files made for tests, of which tempo, loudness and content are known: nothing is downloaded."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 22_050
SECONDS = 6.0

Floats = NDArray[np.float64]


def moments(seconds: float = SECONDS, rate: int = RATE) -> Floats:
    """The time of each sample."""
    return np.arange(round(seconds * rate)) / rate


def sine(decibels: float, *, hertz: float = 997.0, seconds: float = SECONDS, rate: int = RATE) -> Floats:
    """A tone with its peaks at `decibels` of full scale: by BS.1770 it is 3.01 LU below that, in one channel."""
    tone: Floats = 10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * moments(seconds, rate))
    return tone


def clicks(beats_per_minute: float, *, seconds: float = SECONDS) -> Floats:
    """A short burst of noise on each beat, and nothing between them."""
    found = np.zeros(round(seconds * RATE))
    burst = np.random.default_rng(1).normal(scale=0.3, size=RATE // 50) * np.linspace(1, 0, RATE // 50)
    for beat in np.arange(0, seconds - 0.1, 60 / beats_per_minute):
        found[int(beat * RATE) :][: len(burst)] += burst
    return found


def chords(beats_per_minute: float, *, decibels: float = -12.0, seconds: float = SECONDS) -> Floats:
    """A major triad struck on each beat over its clicks: something that music is like."""
    at = moments(seconds)
    since = at % (60 / beats_per_minute)
    tones = sum(np.sin(2 * np.pi * hertz * at) for hertz in (261.6, 329.6, 392.0))
    found: Floats = 10 ** (decibels / 20) * (tones / 3 * np.exp(-4 * since) + clicks(beats_per_minute, seconds=seconds))
    return found


def write(path: Path, samples: Floats, *, rate: int = RATE) -> Path:
    """The samples as a file of the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)
    return path


def fma_folder(root: Path) -> Path:
    """A folder as FMA's archives are laid out: a hundred-odd files in each of `000/`, `001/` …, six digits, mp3."""
    folder = root / "fma_small"
    write(folder / "000" / "000002.mp3", chords(120))
    write(folder / "000" / "000005.mp3", chords(90, decibels=-20))
    write(folder / "001" / "001010.mp3", sine(-20))
    return folder
