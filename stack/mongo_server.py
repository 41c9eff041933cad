"""Runs the MongoDB-protocol server: `python -m stack.mongo_server FILE PORT`.

mongo-java-server's own main class takes no port, so its objects are made through a Py4J gateway, which needs no Java
source of ours. The gateway wants a token, and the JVM leaves when this process does: it watches the pipe to it.

A write that fails, on a full disk say, makes H2 close its file for good, while the server goes on answering pings: then
this process ends with 1, and whoever watches it starts another, which opens the file as the last whole write left it.
The file is written anew when somebody asks for it (backend/rewriting.py): the server is away for as long.
A file that cannot be opened for good is put aside, and the sink fills a new one from the log. Two things are in no log,
and lost with it: who is who (backend/ports/identity.py), so that listeners are strangers from then on, and erasures
with their receipts.
"""

import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from backend import logs, rewriting
from backend.files import sync
from stack import jars
from stack.part import LOOPBACK, SMALL_JVM

_log = logging.getLogger(__name__)
_JVM = (
    *(*SMALL_JVM, "-Xms64m", "-Xmx448m", "-XX:MaxDirectMemorySize=128m"),
    # Without memory one thread or another dies, the one that takes connections too: the rest would live on for nobody.
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

_LOOK_SECONDS = 0.5
_FILE_CORRUPT = 6
"""H2's number for it (MVStoreException.getErrorCode)."""


def serve(file: Path, port: int) -> int:
    """Serve the H2 file on loopback until SIGTERM (0), or until the JVM dies or H2 gives the file up (1)."""
    from py4j.java_gateway import JavaGateway

    gateway = JavaGateway.launch_gateway(
        classpath=jars.class_path("mongo"),
        javaopts=list(_JVM),
        die_on_exit=True,
        enable_auth=True,
        # Py4J copies Java's standard output line by line, and on a full disk would stop: then Java would wait for ever.
        # The server's log goes to standard error, which it is given as it is.
        redirect_stdout=None,
        redirect_stderr=sys.stderr,
        create_new_process_group=False,
    )

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal reaches us through the supervisor
    try:
        while _serve_once(gateway, file, port):
            _write_anew(gateway.jvm.org.h2.mvstore.MVStore, file)
        _log.error("%s is closed: a write failed, see above", file)
    except SystemExit:
        gateway.shutdown()
        return 0
    return 1


def _serve_once(gateway: Any, file: Path, port: int) -> bool:
    """Serve until the file is to be written anew (True), or it or the JVM is gone (False)."""
    java = gateway.jvm.de.bwaldvogel.mongo
    backend = opened(file, java.backend.h2.H2Backend)
    server = java.MongoServer(backend)
    try:
        server.bind(LOOPBACK, port)
        _log.info("serving %s on %s:%d", file, LOOPBACK, port)
        store = backend.getMvStore()
        while gateway.java_process.poll() is None and not store.isClosed():
            if rewriting.asked(file).exists():
                server.shutdown()
                return True
            time.sleep(_LOOK_SECONDS)
    except SystemExit:
        server.shutdown()  # closes the file in good order
        raise
    return False


def _write_anew(mvstore: Any, file: Path) -> None:
    """A file with what is there still, in place of the closed one; where that fails, the old one stays.

    Entry by entry: H2's own compaction copies the pages of its trees, and a page above others may hold, to part them,
    the key of an entry that is long gone.
    """
    from py4j.protocol import Py4JJavaError

    began, before = time.monotonic(), file.stat().st_size
    fresh = file.with_name(f"{file.name}.fresh")
    fresh.unlink(missing_ok=True)
    try:
        old = mvstore.Builder().fileName(str(file)).readOnly().open()
        try:
            new = mvstore.Builder().fileName(str(fresh)).open()
            new.setStoreVersion(old.getStoreVersion())
            for name in list(old.getMapNames()):
                new.openMap(name).putAll(old.openMap(name))
            new.commit()
            new.close()
        finally:
            old.close()
    except Py4JJavaError as error:
        _log.error("%s could not be written anew: %s", file, error.java_exception)
        fresh.unlink(missing_ok=True)
        rewriting.done(file, is_written=False)
        return
    sync(fresh)
    fresh.rename(file)
    sync(file.parent)
    took = time.monotonic() - began
    _log.info("%s was written anew in %.1f s: %d bytes, %d before", file, took, file.stat().st_size, before)
    rewriting.done(file, is_written=True)


def opened(file: Path, backend: Any) -> Any:
    """H2's backend on this file; on a new one where H2 finds it corrupt. Raises Py4JJavaError for anything else."""
    from py4j.protocol import Py4JJavaError

    try:
        return backend(str(file))
    except Py4JJavaError as error:
        told = error.java_exception
        if not told.getClass().getSimpleName() == "MVStoreException" or told.getErrorCode() != _FILE_CORRUPT:
            raise
        aside = file.with_name(f"{file.name}.broken-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        file.rename(aside)
        _log.error(
            "%s cannot be read (%s): it is kept as %s, and the sink fills a new one, but for identities and erasures: "
            "listeners are strangers from now on; if there is a backup, stop the stack and put it back",
            file,
            told,
            aside.name,
        )
        return backend(str(file))


if __name__ == "__main__":
    logs.to_stderr()
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2])))
