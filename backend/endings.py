"""SIGTERM and SIGINT, as an event that the whole process can wait for."""

import signal
import threading
from queue import SimpleQueue


def asked_to_stop() -> threading.Event:
    """The event that either signal sets. Call it once, in the main thread.

    A handler runs in the main thread, in the middle of whatever that does. Were it inside the event's own `wait`, which
    holds a lock while it looks, a handler that sets the event would wait for that lock for ever. `SimpleQueue.put` is
    re-entrant, so the handler puts, and a thread sets the event.
    """
    asked, stopping = SimpleQueue[int](), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked.put(number))

    def tell() -> None:
        asked.get()
        stopping.set()

    threading.Thread(target=tell, name="endings", daemon=True).start()
    return stopping
