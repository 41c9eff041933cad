"""Runs the gRPC server until SIGTERM or SIGINT: `python -m backend`, settings from the environment.

Exit codes: 0 drained, nothing lost; 1 some records were never confirmed; 2 the settings are wrong or the port is taken.
"""

import logging
import os
import sys

import structlog
from pydantic import ValidationError

# Before NumPy is imported: every call has a thread already, and BLAS threads of eight calls would fight for the cores
# (9 to 14 recommendations a second where one BLAS thread each gives 31).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from backend import endings, misspelt, wiring
from backend.domain.errors import SegueError
from backend.settings import Settings

SWITCH_SECONDS = 0.0005
"""How soon a thread gives the interpreter to another. gRPC takes and refuses calls in one thread, each in several short
steps; at Python's 5 ms it would wait for those at work at every step, and under a flood never keep up (ADR 13)."""


def main() -> int:
    """Serve; the exit code."""
    sys.setswitchinterval(SWITCH_SECONDS)
    _log_as_json()
    asked_to_stop = endings.asked_to_stop()
    log = structlog.get_logger(__name__)
    try:
        settings = Settings()
        for sentence in misspelt.variables(os.environ):
            log.warning("settings", told=sentence)
        services = wiring.services(settings)
        server = wiring.server(settings, services)
    except (SegueError, ValidationError, ValueError, RuntimeError, OSError) as error:
        log.error("cannot start", error=str(error))
        return 2
    services.start()
    server.start()
    asked_to_stop.wait()
    server.stop()
    undelivered = services.close()
    log.info("stopped", undelivered=undelivered)
    return 1 if undelivered else 0


def _log_as_json() -> None:
    """One JSON object per line on standard error, for our own events and for the libraries'."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
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
    sys.exit(main())
