"""A zip that is written file by file and taken away chunk by chunk, never whole in memory or on a disk."""

import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime

CHUNK = 64 * 1024


class _Written:
    """What `zipfile` wrote and nobody took yet. It has no `seek`, so sizes are written behind what they are of."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self, *, least: int) -> Iterator[bytes]:
        """Chunks of at most CHUNK, as long as there are at least so many bytes."""
        while len(self._bytes) >= max(least, 1):
            chunk = bytes(self._bytes[:CHUNK])
            del self._bytes[:CHUNK]
            yield chunk


class ZipStream:
    """One zip; `at` is the time that its files carry."""

    def __init__(self, *, at: datetime) -> None:
        self._written = _Written()
        # Typed as a whole file; `zipfile` itself promises to need no more than this.
        self._zip = zipfile.ZipFile(self._written, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]
        self._at = at

    def file(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Write a file of these pieces; the chunks of the zip that are full meanwhile."""
        about = zipfile.ZipInfo(name, date_time=self._at.timetuple()[:6])
        about.compress_type = zipfile.ZIP_DEFLATED
        about.external_attr = 0o600 << 16
        with self._zip.open(about, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece)
                yield from self._written.take(least=CHUNK)

    def close(self) -> Iterator[bytes]:
        """What is left, with the zip's list of files."""
        self._zip.close()
        yield from self._written.take(least=1)
