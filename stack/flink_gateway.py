"""Makes a machine whose SQL gateway submits jobs to a Flink cluster elsewhere: `python -m stack.flink_gateway HOME`.

The Dockerfile's image for the gateway runs it once. The connector jars come by SHA-256 from jars.lock; HOME/flink is
laid out as the embedded stack's is, and `flink.environment(HOME)` is what Flink's sql-gateway.sh must find in its
environment.
"""

import sys
from pathlib import Path

from stack import flink, jars


def main(home: Path) -> None:
    """Fetch the jars and lay out HOME/flink. Raises Unavailable (offline) and SegueError (a jar is another file)."""
    jars.fetch(jars.missing(["flink"]))
    flink.lay_out(home, flink.gateway_configuration())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
