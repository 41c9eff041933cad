"""Mel spectrograms as greyscale PNG images: time to the right, pitch upwards, bright is loud."""

import struct
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from backend.files import private_folder, write_whole
from importers.audio.loudness import Float32

RANGE: Final = 80.0
"""Decibels below the loudest point that are black."""


def write_spectrogram(path: Path, mel: Float32) -> None:
    """`mel` is (bands, frames) in decibels, low bands first: one pixel each. The file appears whole. Raises OSError."""
    shown = np.clip((mel - mel.max()) / RANGE + 1, 0, 1)[::-1]
    private_folder(path.parent)
    write_whole(path, _png((shown * 255).round().astype(np.uint8)), mode=0o644)


def _png(pixels: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]") -> bytes:
    """RFC 2083, 8 bits of grey, no filter."""
    height, width = pixels.shape
    rows = np.hstack([np.zeros((height, 1), dtype=np.uint8), pixels]).tobytes()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
