"""One row of a version's arrays, found without holding the array: for files that are larger than memory should be."""

import io
from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib import format as npy

from backend.domain.errors import ModelRefused
from backend.ports.vectors import Vectors
from backend.versions.codec import LISTENER_FACTORS_FILE, LISTENER_IDS_FILE

Chunks = Callable[[str], Iterator[bytes]]
"""The bytes of a version's file by its name, piece by piece; the pieces end in ModelRefused where they are not its."""

_HEADER_BYTES = 4_096
"""More than NumPy writes before an array of two dimensions."""


def listener_factors(chunks: Chunks, listener_id: str) -> Vectors | None:
    """The factors (dimension,) float32 that a version holds of a listener; None where it has none.

    Both files are read to their ends, so that nothing is told of a version that was altered. Raises ModelRefused.
    """
    place = _line_of(chunks(LISTENER_IDS_FILE), listener_id.encode())
    return None if place is None else _row_of(chunks(LISTENER_FACTORS_FILE), place)


def _line_of(pieces: Iterator[bytes], wanted: bytes) -> int | None:
    """Which of the lines, from 0, is the wanted one."""
    found, lines, rest = None, 0, b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if found is None and wanted in whole:
            found = lines + whole.index(wanted)
        lines += len(whole)
    return found


def _row_of(pieces: Iterator[bytes], place: int) -> Vectors:
    """Row number `place` of a two-dimensional float32 array in NumPy's format."""
    head = b""
    while len(head) < _HEADER_BYTES and (piece := next(pieces, b"")):
        head += piece
    shape, began = _shape(head)
    if place >= shape[0]:
        raise ModelRefused(f"{LISTENER_FACTORS_FILE} has {shape[0]} rows, fewer than there are listeners")
    first = began + place * shape[1] * 4
    row, at, piece = b"", 0, head
    while piece:
        # The part of this piece that lies in the row; empty for almost all of them.
        row += piece[max(first - at, 0) : max(first + shape[1] * 4 - at, 0)]
        at += len(piece)
        piece = next(pieces, b"")
    return np.frombuffer(row, dtype=np.float32)


def _shape(head: bytes) -> tuple[tuple[int, ...], int]:
    """The array's shape, and where its rows begin. Raises ModelRefused."""
    file = io.BytesIO(head)
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = read(file)
    except (ValueError, EOFError) as error:
        raise ModelRefused(f"{LISTENER_FACTORS_FILE} is incomplete: {error!r}") from error
    if is_fortran or dtype != np.float32 or len(shape) != 2:
        raise ModelRefused(f"{LISTENER_FACTORS_FILE} must be two-dimensional float32 by rows, not {shape} {dtype}")
    return shape, file.tell()
