"""The middle of an audio file as one channel at one rate, however long the file is, and how loud it is."""

import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from backend.extras import explained
from importers.audio.loudness import Float32, LoudnessMeter

RATE: Final = 22_050
"""Hz at which everything is listened to; librosa's own."""

SECONDS: Final = 60.0
"""Of the middle of a file that are listened to, where nobody says otherwise."""
LEAST_SECONDS: Final = 3.0
"""Less tells no tempo."""
SILENT: Final = -70.0
"""LUFS below which there is nothing to listen to: the absolute gate of BS.1770."""

LEAST_PEAK, MOST_PEAK = 1e-5, 100.0
"""Of the samples mixed to one channel: full scale is 1, and files of floats may go a little beyond."""

RATES: Final = range(4_000, 192_001)
MOST_CHANNELS: Final = 32
_PIECE: Final = 65_536
"""Frames that are read at once."""


class Unlistenable(Exception):
    """A file that is no sound that anything can be told of; the message says why, and what to do where that helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What was read: `samples` (n,) in -1..1 at RATE, `loudness` in LUFS, the file's whole length, and what was odd."""

    samples: Float32
    loudness: float
    file_seconds: float
    notes: tuple[str, ...] = ()


def read_clip(path: Path, *, seconds: float = SECONDS) -> Clip:
    """The middle `seconds` of the file, or all of a shorter one. Raises Unlistenable, MissingExtra.

    Memory is that of the window, not of the file: pieces are mixed to one channel as they are read.
    """
    with explained("audio"):
        import soundfile  # noqa: PLC0415 - the extra is asked for only where a file is read

    _require_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            return _clip(file, seconds)
    except soundfile.LibsndfileError as error:
        raise Unlistenable(_told(str(error.error_string)) + _looks_like(path)) from error
    except OSError as error:
        raise Unlistenable(f"cannot be read: {error.strerror or error}") from error


def _require_file(path: Path) -> None:
    """Raises Unlistenable: gone, no permission, a pipe (which would be waited for), no bytes."""
    try:
        found = path.stat()
    except OSError as error:
        raise Unlistenable(f"cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise Unlistenable("is no file but a folder, a pipe or a device")
    if found.st_size == 0:
        raise Unlistenable("is empty: it has no bytes")
    if not os.access(path, os.R_OK):
        raise Unlistenable("cannot be read: Permission denied")


def _told(error: str) -> str:
    """Its MP3 decoder, which libsndfile asks last, takes what it does not know for a file that is not there."""
    reason = error.removeprefix("Error : ").strip(" .")
    return f"cannot be decoded: {'of no format that is known' if 'regular file' in reason else reason}"


def _looks_like(path: Path) -> str:
    """What a file that is no audio seems to be, for its line in the report."""
    try:
        with path.open("rb") as file:
            head = file.read(512).lstrip().lower()
    except OSError:
        return ""
    if head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "; it is a web page: what was to be downloaded was answered by an error page"
    return "; it holds nothing but zeros" if head and not head.strip(b"\0") else ""


def _clip(file: Any, seconds: float) -> Clip:
    """`file` is an open soundfile.SoundFile."""
    rate, channels = file.samplerate, file.channels
    if rate not in RATES or channels > MOST_CHANNELS:
        raise Unlistenable(
            f"has {channels} channels at {rate} Hz: at most {MOST_CHANNELS}, and {RATES[0]} to {RATES[-1]}"
        )
    wanted = math.ceil(min(file.frames, seconds * rate))
    if wanted < LEAST_SECONDS * rate:
        raise Unlistenable(f"holds {file.frames / rate:.2f} s of sound; at least {LEAST_SECONDS:g} s are needed")
    if file.frames > wanted:
        file.seek((file.frames - wanted) // 2)
    mixed, loudness = _read(file, wanted)
    if len(mixed) < LEAST_SECONDS * rate:
        raise Unlistenable(f"breaks off: only {len(mixed) / rate:.2f} s of {file.frames / rate:.2f} s can be decoded")
    _require_sound(mixed, loudness)
    return Clip(
        samples=_at_rate(mixed, rate),
        loudness=loudness,
        file_seconds=file.frames / rate,
        notes=(*_short(len(mixed), wanted, rate), *_cut(file.extra_info)),
    )


def _require_sound(mixed: Float32, loudness: float) -> None:
    """Raises Unlistenable for what is decoded well and no sound all the same."""
    if not np.isfinite(mixed).all():
        raise Unlistenable("holds samples that are no numbers")
    if loudness < SILENT:
        raise Unlistenable(f"is silent: nothing in it is louder than {SILENT:g} LUFS")
    peak = float(np.abs(mixed).max())
    if peak > MOST_PEAK:
        raise Unlistenable(f"holds samples of {peak:.3g} times full scale; its numbers are of another scale than 1")
    if peak < LEAST_PEAK:
        raise Unlistenable("has channels that cancel each other out when they are mixed to one")


def _read(file: Any, wanted: int) -> tuple[Float32, float]:
    """At most `wanted` frames mixed to one channel, and their loudness."""
    meter = LoudnessMeter(file.samplerate, file.channels)
    mixed = np.empty(wanted, dtype=np.float32)
    count = 0
    while count < wanted:
        piece = file.read(min(_PIECE, wanted - count), dtype="float32", always_2d=True)
        if not len(piece):
            break
        meter.take(piece)
        mixed[count : count + len(piece)] = piece.mean(axis=1)
        count += len(piece)
    return mixed[:count], meter.loudness()


def _at_rate(samples: Float32, rate: int) -> Float32:
    if rate == RATE:
        return samples
    import soxr  # noqa: PLC0415 - librosa brings it

    return np.asarray(soxr.resample(samples, rate, RATE, quality="HQ"), dtype=np.float32)


def _short(read: int, wanted: int, rate: int) -> tuple[str, ...]:
    return (
        ()
        if read >= wanted - rate // 10
        else (f"breaks off after {read / rate:.1f} s of the {wanted / rate:.1f} s asked",)
    )


def _cut(told: str) -> tuple[str, ...]:
    """What libsndfile remarks on a WAV file whose header promises more than there is."""
    return (
        ("is cut short: its header promises more than it holds",) if "data : " in told and "should be" in told else ()
    )
