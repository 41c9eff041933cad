"""Makes what the parts expect to find: topics in the event log, collections and indexes in the store.

Run as a process of its own (`python -m stack.prepare`), so that the supervisor never holds database clients.
"""

import sys

from backend import wiring
from backend.domain.errors import SegueError
from backend.settings import Settings
from backend.visible import one_line


def main() -> int:
    """0 when all is made or was there already; 1, with the reason on stderr, when not."""
    settings = Settings()
    try:
        log = wiring.event_log(settings)
        log.create_topics()
        log.close(timeout_seconds=5)
        store = wiring.store(settings)
        store.migrate()
        store.close()
    except SegueError as error:
        print(one_line(f"cannot prepare topics and indexes: {error}"), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
