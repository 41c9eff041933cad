"""How processes of Segue that people watch write their log: a line an event, whatever text it quotes.

The server writes JSON instead, which escapes by itself (`backend/__main__.py`).
"""

import logging

from backend.visible import one_line, visible


class LineFormatter(logging.Formatter):
    """Writes out what text of a record, a client or an exception could do to a terminal or to the lines around it.

    Lines of a traceback stand indented below their event, so that none of them looks like one.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - named by logging
        """The event's line."""
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The event, and its traceback where it has one."""
        event, *traceback = super().format(record).split("\n")
        return "\n".join([event, *(f"    {visible(line)}" for line in traceback)])


def to_stderr() -> None:
    """Write events from INFO on to standard error, with their time, level and logger. For a process's entry."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def warnings_to_stderr() -> None:
    """Write warnings as a command does that has set up no log: the message alone. For the entry of commands."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(LineFormatter("%(message)s"))
