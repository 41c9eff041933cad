"""Text as the world writes it, one line at a time: the one decoder of all readers.

A byte order mark is believed; UTF-16 without one is known by its zero bytes. All else is read line by line as UTF-8,
and a line that is none as Windows-1252, where most such lines of the file are none and line and file look like a
western language. A byte that nobody can read stays in the line as a lone surrogate (Python's surrogateescape), so that
the reader can refuse the field it stands in: see `unreadable`. Nothing becomes U+FFFD in silence, and a U+FFFD that the
file holds already, for a letter somebody lost before, is refused with the field too. Lines are in Unicode's
composed form (NFC), so that one name is one name however it was typed, and without stray byte order marks and what
turns the reading direction of what follows unseen: real titles hold some, and the contract refuses them.
"""

import codecs
import gzip
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Final, cast

from backend.domain.errors import InvalidInput, Violation

_HEAD: Final = 16_384
"""Bytes by which an encoding without a mark, and a format, are known."""

_LOOKED_AT: Final = 10_000
"""Lines beyond ASCII that decide whether a file is UTF-8."""

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LONGEST_LINE: Final = 1 << 20
"""Bytes (of UTF-16 and UTF-32: characters) of a line; a file with a longer one is no table of text."""

_LOST = re.compile("[\ud800-\udfff\ufffd]")
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")

# Western words hold single letters beyond ASCII; Cyrillic, Greek or Korean in an encoding of their own hold runs.
# So do signs that western words do not hold, or not there: a florin sign, half of a quotation mark behind a letter.
_NOT_WESTERN = re.compile(
    rb"[\xc0-\xff]{4}|[\x80-\xff]{6}|[\x83\x86-\x89\x98\xad]|[A-Za-z\xc0-\xff][\x82\x84\x8b\x9b\xa1\xbf]"
    rb"|[\xa2-\xa9\xac-\xaf\xb1-\xb3\xb5\xb6\xb8\xb9\xbb-\xbe][\xa1-\xff]"
)
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")


@contextmanager
def open_lines(path: Path) -> Iterator[Iterator[str]]:
    """The file's lines with their ends, unpacked where its name ends in .gz. Lines end with a line feed only.

    Raises InvalidInput for a file that cannot be read, a packed one that is broken, a line of more than LONGEST_LINE.
    """
    with _errors_told(path), _opened(path) as file:
        head = file.read(_HEAD)
        file.seek(0)
        encoding = _wide_encoding(head)
        lines = _wide_lines(file, encoding) if encoding else _narrow_lines(_cut(file), lambda: _is_western(path))
        yield map(_composed, lines)


def first_line(path: Path) -> str:
    """The file's first line, as much of it as the first 16,384 bytes hold; for telling formats apart only."""
    with _errors_told(path), _opened(path) as file:
        head = file.read(_HEAD)
    encoding = _wide_encoding(head)
    text = head.decode(encoding or "utf-8-sig", errors="ignore").removeprefix("\ufeff")
    return text.partition("\n")[0].rstrip("\r")


def unreadable(text: str) -> str:
    """Why this text was not understood, "" where it was."""
    found = _LOST.search(text)
    if found is None:
        return ""
    place = f"after {text[: found.start()][-20:]!r}"
    if found[0] == "\ufffd":
        return f"a letter {place} was lost before and stands as U+FFFD; take the file from where it is whole"
    byte = ord(found[0]) - 0xDC00
    what = f"byte 0x{byte:02X}" if 0x80 <= byte <= 0xFF else "half a character"
    return f"{what} {place} is neither UTF-8 nor Windows-1252; save the file as UTF-8"


@contextmanager
def _errors_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput([Violation("path", f"{path} is no whole gzip file: {error}")]) from error
    except OSError as error:
        raise InvalidInput([Violation("path", f"{path} cannot be read: {error.strerror}")]) from error


def _opened(path: Path) -> IO[bytes]:
    if path.exists() and not path.is_file() and not path.is_dir():
        # It is read more than once, and opening a pipe waits for who writes into it.
        raise InvalidInput([Violation("path", f"{path} is no file but a pipe or a device; save what comes as a file")])
    # A GzipFile is a binary file in all that is asked of it here; its type does not say so.
    return cast("IO[bytes]", gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))


def _composed(line: str) -> str:
    return line if line.isascii() else unicodedata.normalize("NFC", _UNSEEN.sub("", line))


def _wide_encoding(head: bytes) -> str:
    """UTF-16's or UTF-32's name where a mark or the zero bytes of ASCII letters tell it; "" for all else."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head.startswith(codecs.BOM_UTF8):
        return ""
    zeros = [head[place::4].count(0) > 0.9 * (len(head) // 4) > 0 for place in range(4)]
    if zeros[1:3] == [True, True] and zeros[0] != zeros[3]:
        return "utf-32-be" if zeros[0] else "utf-32-le"
    pairs = len(head) // 2
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if pairs and odd > 0.4 * pairs and even < 0.1 * pairs:
        return "utf-16-le"
    if pairs and even > 0.4 * pairs and odd < 0.1 * pairs:
        return "utf-16-be"
    return ""


def _wide_lines(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Lines of UTF-16 or UTF-32; half a pair stays as it is, and half a unit at the end becomes a lone surrogate."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
    waiting = ""
    for chunk in iter(lambda: file.read(1 << 20), b""):
        waiting += _decoded(decoder, chunk)
        *whole, waiting = waiting.removeprefix("\ufeff").split("\n")
        if len(max([*whole, waiting], key=len)) > LONGEST_LINE:
            raise _too_long()
        yield from (f"{line}\n" for line in whole)
    if decoder.getstate()[0]:
        waiting += "\udc00"
    if waiting:
        yield waiting


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
    try:
        return decoder.decode(chunk)
    except UnicodeDecodeError as error:
        raise InvalidInput([Violation("path", f"the file is no text: {error}; save it as UTF-8")]) from error


def _too_long() -> InvalidInput:
    return InvalidInput(
        [Violation("path", f"a line has more than {LONGEST_LINE:,} bytes: the file is no table of text")]
    )


def _cut(file: IO[bytes]) -> Iterator[bytes]:
    """The file's lines with their ends."""
    for line in iter(lambda: file.readline(LONGEST_LINE + 1), b""):
        if len(line) > LONGEST_LINE:
            raise _too_long()
        yield line


def _narrow_lines(file: Iterable[bytes], is_western: Callable[[], bool]) -> Iterator[str]:
    """Lines of UTF-8, or of Windows-1252 where the file `is_western`, which is asked at the first line in doubt."""
    western: bool | None = None
    for number, line in enumerate(file):
        raw = line.removeprefix(codecs.BOM_UTF8) if number == 0 else line
        if not raw:  # a mark and nothing else
            return
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            western = is_western() if western is None else western
            yield _western(raw) if western else raw.decode(errors="surrogateescape")


def _western(raw: bytes) -> str:
    if _NOT_WESTERN.search(raw) is None:
        try:
            return raw.decode("cp1252")
        except UnicodeDecodeError:
            pass  # one of the five bytes that mean nothing there
    return raw.decode(errors="surrogateescape")


def _is_western(path: Path) -> bool:
    """Whether most lines beyond ASCII are no UTF-8, and their words, in Windows-1252, have letters of ASCII too.

    A western word seldom has none but accented letters; of another alphabet in an encoding of its own all have.
    """
    lines = mixed = strange = 0
    with _opened(path) as file:
        for line in _beyond_ascii(file):
            try:
                line.decode()
                lines -= 1
            except UnicodeDecodeError:
                lines += 1
                words = [min(word) < 0x80 for word in _WORD.findall(line) if len(word) > 1]
                mixed += sum(words)
                strange += len(words) - sum(words)
    return lines > 0 and mixed >= strange


def _beyond_ascii(file: IO[bytes]) -> Iterator[bytes]:
    """The first `_LOOKED_AT` lines that hold more than ASCII."""
    return islice((line for line in _cut(file) if not line.isascii()), _LOOKED_AT)
