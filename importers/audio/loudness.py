"""Integrated loudness by ITU-R BS.1770-4: K-weighted power of blocks of 400 ms, quiet ones left out by two gates.

It takes a signal piece by piece, so that its length costs no memory. In LUFS, decibels relative to full scale: a sine
of 997 Hz at full scale in one channel is -3.01.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

STEPS_PER_SECOND: Final = 10
"""Blocks of 400 ms begin every 100 ms."""
STEPS_PER_BLOCK: Final = 4
ABSOLUTE_GATE: Final = -70.0
RELATIVE_GATE: Final = -10.0
OFFSET: Final = -0.691


def _shelf(rate: float) -> list[float]:
    """The head's effect: 4 dB more above 1.7 kHz; one section as scipy takes it."""
    gain, quality, frequency = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k, high = math.tan(math.pi * frequency / rate), 10 ** (gain / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    return [
        *((high + band * k / quality + k * k) / scale, 2 * (k * k - high) / scale),
        *((high - band * k / quality + k * k) / scale, 1.0),
        *(2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale),
    ]


def _low_cut(rate: float) -> list[float]:
    """What is below 38 Hz hardly counts."""
    quality, frequency = 0.5003270373238773, 38.13547087602444
    k = math.tan(math.pi * frequency / rate)
    scale = 1 + k / quality + k * k
    return [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale]


class LoudnessMeter:
    """Takes pieces of a signal of `channels` at `rate` (Hz), all channels counting alike (surround too)."""

    def __init__(self, rate: int, channels: int) -> None:
        self._sections = np.array([_shelf(rate), _low_cut(rate)])
        self._state = np.zeros((len(self._sections), 2, channels))
        self._step = rate // STEPS_PER_SECOND
        self._rest = np.zeros((0, channels))
        self._powers: list[float] = []

    def take(self, piece: Float32) -> None:
        """The next frames (n, channels)."""
        from scipy.signal import sosfilt  # noqa: PLC0415 - seconds, and only whoever listens needs it

        filtered, self._state = sosfilt(self._sections, piece, axis=0, zi=self._state)
        waiting = np.concatenate([self._rest, filtered])
        whole = len(waiting) // self._step * self._step
        steps = waiting[:whole].reshape(-1, self._step, waiting.shape[1])
        self._powers.extend(np.square(steps).mean(axis=1).sum(axis=1).tolist())
        self._rest = waiting[whole:]

    def loudness(self) -> float:
        """In LUFS; -inf where no block is above the absolute gate, and of less than 400 ms."""
        powers = np.array(self._powers)
        if len(powers) < STEPS_PER_BLOCK:
            return -math.inf
        blocks = np.convolve(powers, np.full(STEPS_PER_BLOCK, 1 / STEPS_PER_BLOCK), "valid")
        heard = blocks[blocks > _power(ABSOLUTE_GATE)]
        if not len(heard):
            return -math.inf
        gate = max(_power(ABSOLUTE_GATE), heard.mean() * 10 ** (RELATIVE_GATE / 10))
        return OFFSET + 10 * math.log10(heard[heard > gate].mean())


def _power(loudness: float) -> float:
    return float(10 ** ((loudness - OFFSET) / 10))
