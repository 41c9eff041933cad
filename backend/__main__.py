"""Runs the gRPC server until SIGTERM or SIGINT: `python -m backend`, settings from the environment.

With `server_processes` above 1 this process starts so many of itself (`worker`) on one port and looks after them.
Exit codes: 0 drained, nothing lost; 1 some records were never confirmed; 2 the settings are wrong or the port is taken.
"""

import gc
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import structlog
from pydantic import ValidationError

# Before NumPy is imported: every call has a thread already, and BLAS threads of eight calls would fight for the cores
# (9 to 14 recommendations a second where one BLAS thread each gives 31).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

from backend import endings, misspelt, processes, wiring
from backend.domain.errors import SegueError
from backend.settings import Settings

SWITCH_SECONDS = 0.0005
"""How soon a thread gives the interpreter to another. gRPC takes and refuses calls in one thread, each in several short
steps; at Python's 5 ms it would wait for those at work at every step, and under a flood never keep up (ADR 13)."""


WORKER = "worker"
"""The first argument of a process that another one has started, whose process id is the second."""

YOUNG_OBJECTS = 50_000
"""An answer makes thousands of objects and drops them all: at Python's 700 the collector would look ten times an answer
through what it only finds alive."""


def main(arguments: Sequence[str] = ()) -> int:
    """Serve; the exit code."""
    sys.setswitchinterval(SWITCH_SECONDS)
    _log_as_json()
    is_worker = bool(arguments) and arguments[0] == WORKER
    if is_worker:
        processes.die_with(int(arguments[1]))
    asked_to_stop = endings.asked_to_stop()
    log = structlog.get_logger(__name__)
    try:
        settings = Settings()
        for sentence in misspelt.variables(os.environ):
            log.warning("settings", told=sentence)
        if settings.server_processes > 1 and not is_worker:
            wiring.prepare_server(settings)
            with processes.reserved(settings.server_address):
                command = (sys.executable, "-m", "backend", WORKER, str(os.getpid()))
                return processes.run(command, settings.server_processes, asked_to_stop)
        services = wiring.services(settings)
        server = wiring.server(settings, services)
    except (SegueError, ValidationError, ValueError, RuntimeError, OSError) as error:
        log.error("cannot start", error=str(error))
        return 2
    services.start()
    server.start()
    # What is here now stays: the collector need not look through it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    asked_to_stop.wait()
    server.stop()
    undelivered = services.close()
    log.info("stopped", undelivered=undelivered)
    return 1 if undelivered else 0


def _json(event: object, **options: Any) -> bytes:
    """In ASCII, so that nothing that a terminal obeys is in a line."""
    return json.dumps(event, **options).encode()


class _Lines(structlog.BytesLogger):
    """Writes events of ours straight to standard error: every call has one, and by way of `logging` it took 0.13 ms."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr.buffer)
        self.name = name


def _log_as_json() -> None:
    """One JSON object per line on standard error, for our own events and for the libraries'."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(_json)],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("pymongo").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
