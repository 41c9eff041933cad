"""Arrays as bytes of a version's files and back, whoever keeps the files."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import ModelRefused

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a part leaves in a version: files by name, and entries of its manifest."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    manifest: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A version to read from: `read` gives the bytes of a file that its manifest lists, already checked.

    `where` names the version in errors.
    """

    manifest: Mapping[str, Any]
    read: Callable[[str], bytes]
    where: str

    def holds(self, name: str) -> bool:
        """Whether the version has a file of that name."""
        return name in self.manifest["files"]

    def array(self, name: str, shape: tuple[int | None, ...], dtype: type[np.generic]) -> Array:
        """One array; None in `shape` fits any length. Raises ModelRefused where it is missing or does not fit."""
        if not self.holds(name):
            raise self.refused(name, " is missing: every version must list it")
        try:
            found = np.load(io.BytesIO(self.read(name)), allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise ModelRefused(f"{self.where}/{name} is incomplete: {error!r}") from error
        return self._fitting(name, found, shape, dtype)

    def arrays(self, name: str, wanted: Sequence[str]) -> dict[str, Array]:
        """Several arrays of one file by name. Raises ModelRefused where one is missing."""
        try:
            with np.load(io.BytesIO(self.read(name)), allow_pickle=False) as held:
                return {one: held[one] for one in wanted}
        except (KeyError, ValueError, OSError, EOFError) as error:
            raise ModelRefused(f"{self.where}/{name} is incomplete: {error!r}") from error

    def lines(self, name: str) -> list[str]:
        """Ids, one a line."""
        return self.read(name).decode().split("\n")[:-1]

    def refused(self, name: str, reason: str) -> ModelRefused:
        """The error to raise for a file that holds what it must not."""
        return ModelRefused(f"{self.where}/{name}{reason}")

    def _fitting(self, name: str, found: Array, shape: tuple[int | None, ...], dtype: type[np.generic]) -> Array:
        fits = found.ndim == len(shape) and all(
            want in (None, have) for want, have in zip(shape, found.shape, strict=True)
        )
        if not fits or found.dtype != dtype:
            wanted = ", ".join("any" if length is None else str(length) for length in shape)
            raise self.refused(name, f" must be ({wanted}) {dtype.__name__}, not {found.shape} {found.dtype}")
        return found


def array_bytes(array: Array) -> bytes:
    """The inverse of `Files.array`."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def arrays_bytes(**arrays: Array) -> bytes:
    """The inverse of `Files.arrays`."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def lines_bytes(ids: Sequence[str]) -> bytes:
    """The inverse of `Files.lines`. ValueError for an id that is more than one line."""
    if any("\n" in one for one in ids):
        raise ValueError("an id holds a line break")
    return "".join(f"{one}\n" for one in ids).encode()
