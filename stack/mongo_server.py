"""Runs the MongoDB-protocol server: `python -m stack.mongo_server FILE PORT`.

mongo-java-server's own main class takes no port, so its objects are made through a Py4J gateway, which needs no Java
source of ours. The gateway wants a token, and the JVM leaves when this process does: it watches the pipe to it.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

from stack import jars
from stack.part import LOOPBACK, SMALL_JVM

_JVM = (*SMALL_JVM, "-Xms64m", "-Xmx320m", "-XX:MaxDirectMemorySize=128m", "-Dorg.slf4j.simpleLogger.showDateTime=true")


def serve(file: str, port: int) -> int:
    """Serve the H2 file at `file` on loopback until SIGTERM (0) or until the JVM dies (1)."""
    from py4j.java_gateway import JavaGateway

    gateway = JavaGateway.launch_gateway(
        classpath=jars.class_path("mongo"),
        javaopts=list(_JVM),
        die_on_exit=True,
        enable_auth=True,
        redirect_stdout=sys.stdout,
        redirect_stderr=sys.stderr,
        create_new_process_group=False,
    )
    java = gateway.jvm.de.bwaldvogel.mongo
    server = java.MongoServer(java.backend.h2.H2Backend(file))

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal reaches us through the supervisor
    try:
        server.bind(LOOPBACK, port)
        print(f"serving {file} on {LOOPBACK}:{port}", flush=True)
        gateway.java_process.wait()
    except SystemExit:
        server.shutdown()  # closes the file in good order
        gateway.shutdown()
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1], int(sys.argv[2])))
