"""The embedded store's file written anew: of what was deleted no byte is left in it."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from backend import rewriting
from stack import jars
from stack.ports import free_port


@contextmanager
def served(file: Path, port: int) -> Iterator[None]:
    """The embedded store on the file."""
    jars.fetch(jars.missing(["mongo"]))
    argv = [sys.executable, "-m", "stack.mongo_server", str(file), str(port)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
    try:
        yield
    finally:
        process.terminate()
        assert 0 == process.wait(20)


@pytest.mark.jvm
def test_what_was_deleted_is_gone_from_the_file_and_all_else_is_served(tmp_path: Path) -> None:
    """H2 keeps it for as long as it likes; asked, the server writes the file anew and serves it again."""
    file, port = tmp_path / "store.mv", free_port(set(), random.SystemRandom())
    client: MongoClient[dict[str, Any]]
    with MongoClient(f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=30_000) as client, served(file, port):
        rows = client["t"]["rows"]
        words = ["gone" * 6 if at % 3 else "stays" * 5 for at in range(3_000)]
        # In the keys, too: pages above others keep some to part them.
        rows.insert_many([{"_id": f"{at:04} {word}", "of": word} for at, word in enumerate(words)])
        time.sleep(1.5)  # H2 writes what it was told a second later
        rewriting.owe(file)
        rows.delete_many({"of": "gone" * 6})
        time.sleep(1.5)
        assert b"gone" * 6 in file.read_bytes()
        assert rewriting.go_on(file, seconds=30)
        assert b"gone" * 6 not in file.read_bytes()
        assert 1_000 == rows.count_documents({"of": "stays" * 5})
        assert {"_id": f"0003 {'stays' * 5}", "of": "stays" * 5} == rows.find_one({"_id": f"0003 {'stays' * 5}"})
        assert [file] == list(tmp_path.glob("store.mv*"))


@pytest.mark.jvm
def test_what_was_asked_while_nobody_served_is_done_by_the_next(tmp_path: Path) -> None:
    """Also where the last rewriting was killed in the middle."""
    file, port = tmp_path / "store.mv", free_port(set(), random.SystemRandom())
    client: MongoClient[dict[str, Any]]
    with MongoClient(f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=30_000) as client:
        with served(file, port):
            client["t"]["rows"].insert_one({"_id": 1})
        rewriting.owe(file)
        assert not rewriting.go_on(file, seconds=0.1)
        file.with_name("store.mv.fresh").write_bytes(b"half")
        with served(file, port):
            assert rewriting.go_on(file, seconds=30)
            assert 1 == client["t"]["rows"].count_documents({})
    assert [file] == list(tmp_path.glob("store.mv*"))


def test_what_could_not_be_done_stays_owed(tmp_path: Path) -> None:
    """And is asked for again."""
    file = tmp_path / "store.mv"
    file.touch()
    rewriting.owe(file)
    answering = threading.Timer(0.3, lambda: rewriting.done(file, is_written=False))
    answering.start()
    assert not rewriting.go_on(file, seconds=10)
    assert rewriting.owed(file).exists()


def test_nothing_is_owed_where_the_store_is_another(tmp_path: Path) -> None:
    """No file is made, and nobody is waited for."""
    rewriting.owe(None)
    rewriting.owe(tmp_path / "store.mv")
    assert rewriting.go_on(None)
    assert rewriting.go_on(tmp_path / "store.mv", seconds=0)
    assert [] == list(tmp_path.iterdir())
