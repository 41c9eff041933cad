"""Log lines that people read on a terminal are one line each, whatever the text they quote."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from backend.logs import LineFormatter
from backend.ports.event_log import StoredRecord, Topic
from backend.visible import OBEYED
from streaming.batch import Batch

POISON = "x\x1b]0;owned\x07\x1b[2J\r\n2026-11-26 12:00:00 INFO keeper: all is well\u202e\u2028\x9b\tend"
"""Sets the window's title, clears the screen, fakes a line of the log, and turns the reading direction."""


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the formatter of Segue's processes writes, an event an element."""
    written: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Kept()
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


@pytest.mark.parametrize(
    ("topic", "key", "value"),
    [
        (Topic.TRACKS, b"t", json.dumps({POISON: 1}).encode()),
        (Topic.FEEDBACK, b"l", json.dumps({"event_id": POISON}).encode()),
        (Topic.PLAYS, POISON.encode(), POISON.encode()),
        ("dead_letters", json.dumps({"reason": POISON}).encode(), b"{}"),
    ],
)
def test_a_poisonous_record_is_one_line_of_the_sinks_log(
    lines: list[str], topic: str, key: bytes, value: bytes
) -> None:
    """Without a control character: field names, values and parsers' complaints are quoted in it."""
    batch = Batch()
    batch.add([StoredRecord(topic=topic, partition=0, offset=7, key=key, value=value, appended_ms=0)])
    (line,) = lines
    assert f"malformed record {topic}[0]@7" in line
    assert not OBEYED.search(line)
    assert 1 == len(line.splitlines())


def test_text_of_others_is_written_out(lines: list[str]) -> None:
    """In the message, its arguments and the logger's name; what is harmless stays as it is."""
    logging.getLogger(POISON).warning("Jóga 音楽 🎵: %s", POISON)
    (line,) = lines
    assert 1 == len(line.splitlines())
    assert not OBEYED.search(line)
    assert r"Jóga 音楽 🎵: x\x1b]0;owned\x07\x1b[2J\x0d\x0a2026-11-26" in line


def test_a_traceback_stands_indented_below_its_event(lines: list[str]) -> None:
    """An exception's text may have lines: none of them looks like an event of its own."""
    try:
        raise ValueError(POISON)
    except ValueError:
        logging.getLogger("sink").exception("could not")
    first, *rest = lines[0].split("\n")
    assert first.endswith("ERROR sink: could not")
    assert len(rest) > 3
    assert all(line.startswith("    ") for line in rest)
    assert not OBEYED.search(lines[0])


@pytest.mark.parametrize("entry", ["streaming.sink", "streaming.keeper", "cli.main"])
def test_every_process_that_people_watch_writes_such_lines(entry: str) -> None:
    """Each entry sets up its log with them; run up to there, and made to log."""
    code = f"""
import logging, sys
import {entry} as entry
def stop(*_, **__):
    logging.getLogger("x").warning({POISON!r})
    sys.exit(0)
for name in ("Settings", "run"):
    if hasattr(entry, name) and (name != "run" or entry.__name__ == "cli.main"):
        setattr(entry, name, stop)
entry.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    told = done.stderr.decode()
    assert r"x\x1b]0;owned" in told
    assert 1 == len(told.splitlines())
    assert not OBEYED.search(told)


def test_the_servers_log_is_json_that_escapes_it() -> None:
    """One object a line, also for events of libraries and with an exception."""
    code = f"""
import logging, structlog
from backend.__main__ import _log_as_json
_log_as_json()
structlog.get_logger("a").warning("call", method={POISON!r})
try:
    raise ValueError({POISON!r})
except ValueError:
    logging.getLogger("b").exception({POISON!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    told = done.stderr.decode().splitlines()
    assert [POISON, POISON] == [json.loads(told[0])["method"], json.loads(told[1])["event"]]
    assert not OBEYED.search("".join(told))
