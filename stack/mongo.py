"""The embedded store: mongo-java-server with its H2 file backend, spoken to by PyMongo like any MongoDB."""

import sys
from pathlib import Path

from backend.domain.errors import Unavailable
from backend.rewriting import STORE_FILE
from stack.part import LOOPBACK, Part, check_port


def parts(home: Path, *, port: int) -> list[Part]:
    """The server on its file under home/mongo."""
    file = home / STORE_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    return [
        Part(
            name="mongo",
            title="MongoDB-protocol store",
            argv=(sys.executable, "-m", "stack.mongo_server", str(file), str(port)),
            check=lambda: check(port),
            needs_room=True,
            address=f"{LOOPBACK}:{port}",
        )
    ]


def check(port: int) -> str:
    """Raises Unavailable until the server answers a ping."""
    check_port(port)
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    try:
        with MongoClient[dict[str, object]](f"mongodb://{LOOPBACK}:{port}", serverSelectionTimeoutMS=500) as client:
            client.admin.command("ping")
    except PyMongoError as error:
        raise Unavailable(f"the store on {LOOPBACK}:{port} does not answer yet") from error
    return ""
