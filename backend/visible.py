"""Text of records, files, clients and other servers, made safe to show: what terminals and logs obey is written out."""

import re
import unicodedata

# What a terminal obeys instead of showing it, or what turns the reading direction of the rest of a line. Line ends and
# tabs are not among it: what is said may have several lines.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_LINE_ENDS = re.compile("[\t\n]")


def is_seen(text: str) -> bool:
    """Whether anybody would see something of it: not blanks, control and formatting characters alone."""
    return any(unicodedata.category(one)[0] not in "CZ" for one in text)


def visible(text: str) -> str:
    """The text with what a terminal would obey written out: an escape byte as a backslash and x1b.

    The contract refuses them in titles and names, but text comes from files, logs and other servers too.
    """
    return OBEYED.sub(_written_out, text)


def one_line(text: str) -> str:
    """The same on one line: line ends and tabs are written out too, so that no text can pretend to be another line."""
    return _LINE_ENDS.sub(_written_out, visible(text))


def _written_out(found: "re.Match[str]") -> str:
    character = found[0]
    return f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}"
