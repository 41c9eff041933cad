"""An embedded stack of a bench's own: in a temporary folder, on free ports, with every setting that matters pinned."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backend.settings import Settings
from cli import options
from cli.bring_up import fetch_jars
from cli.output import Output
from stack import plan
from stack.stack import Stack

TENANT = "bench"
PINNED = {
    "tenant": TENANT,
    "parallelism": 2,
    "kafka_partitions": 4,
    "refresh_seconds": 2,
    "checkpoint_seconds": 10,
    "lateness_minutes": 10,
}
"""What a figure depends on and no segue.toml may change."""

_NO_LOGIN = {"kafka_security_protocol": "plaintext", "kafka_user": ""}
"""The bench's own broker knows none, whatever the environment says of another."""


@contextmanager
def stack(output: Output, parts: Sequence[str], **also: object) -> Iterator[Settings]:
    """These parts, running, with settings `also`; the settings to reach them.

    Whatever way the block ends, nothing is left behind.
    """
    fetch_jars(output, parts)
    with tempfile.TemporaryDirectory(prefix="segue-bench-", ignore_cleanup_errors=True) as folder:
        settings = options.settings(Path(folder), **PINNED, **_NO_LOGIN, **plan.free_addresses(), **also)
        with output.step("starting " + ", ".join(parts), "the bench's own stack is up"):
            running = Stack(settings, parts)
            running.start()
        with running:
            yield running.settings
