"""What librosa hears in a clip: statistics as FMA's features.csv has them, and the measures that estimates are made of.

Spectra are of 2,048 samples every 512 (93 and 23 ms at 22,050 Hz), as librosa and FMA take them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backend.extras import explained
from importers.audio.loudness import Float32
from importers.audio.reading import RATE, Clip

METHOD: Final = 1
"""Counted up when what is measured, or how, changes: what was remembered by another method is listened to again."""

WINDOW, HOP = 2_048, 512
FRAMES_PER_SECOND: Final = RATE / HOP
MELS: Final = 128
MOMENTS: Final = ("kurtosis", "max", "mean", "median", "min", "skew", "std")

Floats = NDArray[np.float64]

# Krumhansl and Kessler (1982): how well each pitch class fits a major and a minor key.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One clip in numbers.

    `tempo` beats per minute (Ellis 2007: autocorrelation of onset strength, most likely near 120; an octave off at
    times); `loudness` LUFS; `pulse` 0..1, how clear the beat is (Lartillot et al. 2008: the highest autocorrelation of
    onset strength at 0.25 to 1.5 s); `onsets` a second; `centroid`, `rolloff` Hz (mean; 85 % of power); `flatness` dB
    (median, 0 is noise); `hush` dB (flatness of the quietest tenth of frames); `spread` dB between the 95th and 10th
    percentile of frames' power; `pauses` share of frames below half of the mean RMS, `syllables` share of the
    envelope's modulation (0.5 to 16 Hz) that lies at 3 to 6 Hz, `crossings` standard deviation of the zero-crossing
    rate (all three: Scheirer and Slaney 1997); `mode` -2..2, how much better the best major key fits than the best
    minor one.
    """

    tempo: float
    loudness: float
    pulse: float
    onsets: float
    centroid: float
    rolloff: float
    flatness: float
    hush: float
    spread: float
    pauses: float
    syllables: float
    crossings: float
    mode: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A clip's measures; `statistics`: feature → MOMENTS of each of its n rows, (7, n); `mel` dB (128, frames)."""

    measures: Measures
    statistics: Mapping[str, Floats]
    mel: Float32


def listen(clip: Clip) -> Heard:
    """What there is to hear. Raises MissingExtra. Takes about a second of one core for a minute."""
    with explained("audio"):
        import librosa.feature  # noqa: PLC0415 - seconds, and the extra is asked for only where a file is listened to

    feature = librosa.feature
    samples = clip.samples
    magnitudes = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=HOP))
    powers = magnitudes**2
    mel = librosa.power_to_db(feature.melspectrogram(S=powers, sr=RATE, n_mels=MELS), ref=1.0)
    rows = {
        "chroma_stft": feature.chroma_stft(S=powers, sr=RATE, tuning=0.0),
        "mfcc": feature.mfcc(S=mel, n_mfcc=20),
        "rmse": feature.rms(S=magnitudes, frame_length=WINDOW, hop_length=HOP),
        "spectral_bandwidth": feature.spectral_bandwidth(S=magnitudes, sr=RATE),
        "spectral_centroid": feature.spectral_centroid(S=magnitudes, sr=RATE),
        "spectral_contrast": feature.spectral_contrast(S=magnitudes, sr=RATE, n_bands=5),
        "spectral_rolloff": feature.spectral_rolloff(S=magnitudes, sr=RATE),
        "zcr": feature.zero_crossing_rate(samples, frame_length=WINDOW, hop_length=HOP),
    }
    flatness = 10 * np.log10(feature.spectral_flatness(S=magnitudes)[0])
    measures = _measures(librosa, clip, mel, rows, flatness)
    return Heard(measures=measures, statistics={name: moments(row) for name, row in rows.items()}, mel=mel)


def moments(rows: Any) -> Floats:
    """MOMENTS (7) of each row (n, frames), as (7, n); skew and excess kurtosis of a row that never changes are 0."""
    table = np.asarray(rows, dtype=np.float64)
    mean, deviation = table.mean(axis=1), table.std(axis=1)
    steady = deviation <= 1e-9 * np.maximum(1, np.abs(mean))
    scaled = (table - mean[:, None]) / np.where(steady, 1, deviation)[:, None]
    skew, kurtosis = ((scaled**power).mean(axis=1) for power in (3, 4))
    return np.stack(
        [
            np.where(steady, 0, kurtosis - 3),
            table.max(axis=1),
            mean,
            np.median(table, axis=1),
            table.min(axis=1),
            np.where(steady, 0, skew),
            deviation,
        ]
    )


def _measures(librosa: Any, clip: Clip, mel: Float32, rows: Mapping[str, Any], flatness: Floats) -> Measures:
    strength = librosa.onset.onset_strength(S=mel, sr=RATE, hop_length=HOP)
    tempo = librosa.feature.tempo(onset_envelope=strength, sr=RATE, hop_length=HOP)
    onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=RATE, hop_length=HOP)
    level = rows["rmse"][0].astype(np.float64)
    heard = level > level.max() / 1000
    decibels = 20 * np.log10(np.maximum(level, level.max() / 1000))
    quiet = heard & (level <= np.quantile(level[heard], 0.1))
    return Measures(
        tempo=float(tempo[0]),
        loudness=clip.loudness,
        pulse=_pulse(strength),
        onsets=len(onsets) * RATE / len(clip.samples),
        centroid=float(rows["spectral_centroid"][0][heard].mean()),
        rolloff=float(rows["spectral_rolloff"][0][heard].mean()),
        flatness=float(np.median(flatness[heard])),
        hush=float(np.median(flatness[quiet])),
        spread=float(np.subtract(*np.quantile(decibels, [0.95, 0.1]))),
        pauses=float((level < level.mean() / 2).mean()),
        syllables=_syllables(level),
        crossings=float(rows["zcr"][0][heard].std()),
        mode=_mode(rows["chroma_stft"].mean(axis=1)),
    )


def _pulse(strength: Any) -> float:
    """The highest normalised autocorrelation of onset strength at lags of 0.25 to 1.5 s, at least 0."""
    centred = np.asarray(strength, dtype=np.float64) - float(np.mean(strength))
    size = 2 * len(centred)
    around = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2)[: len(centred)]
    first, last = (math.ceil(seconds * FRAMES_PER_SECOND) for seconds in (0.25, 1.5))
    lags = np.arange(first, min(last, len(centred) - 1))
    if around[0] <= 0 or not len(lags):
        return 0.0
    # Unbiased: fewer frames overlap at a longer lag.
    found = around[lags] / around[0] * len(centred) / (len(centred) - lags)
    return float(np.clip(found.max(), 0, 1))


def _syllables(level: Floats) -> float:
    """The share of the envelope's modulation that has the pace of syllables."""
    spectrum = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level)))) ** 2
    pace = np.fft.rfftfreq(len(level), 1 / FRAMES_PER_SECOND)
    whole = spectrum[(pace >= 0.5) & (pace <= 16)].sum()
    return float(spectrum[(pace >= 3) & (pace <= 6)].sum() / whole) if whole > 0 else 0.0


def _mode(chroma: Any) -> float:
    """How much better the best of twelve major keys fits these twelve pitch classes than the best minor one."""
    if np.ptp(chroma) == 0:
        return 0.0
    best = [max(np.corrcoef(np.roll(key, shift), chroma)[0, 1] for shift in range(12)) for key in (_MAJOR, _MINOR)]
    return float(best[0] - best[1])
