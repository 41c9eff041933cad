"""The jar lock and the download, against a small Maven repository on loopback."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend.domain.errors import SegueError, Unavailable
from stack import jars
from stack.jars import Jar


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: requests are no test output."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The root folder of a Maven repository that is served over HTTP, and an empty cache."""
    root = tmp_path / "repository"
    root.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("SEGUE_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
        yield root
        server.shutdown()
        thread.join()


def publish(root: Path, artifact: str, content: bytes) -> Jar:
    """Put an artifact into the repository; its line of the lock."""
    digest = hashlib.sha256(content).hexdigest()
    jar = Jar(set="test", coordinate=f"org.example:{artifact}:1.0", sha256=digest, bytes=len(content))
    file = root / jar.repository_path
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return jar


def test_fetches_what_is_missing_and_counts_its_bytes(repository: Path) -> None:
    """Every file arrives whole, and the advances add up to the bytes the lock names."""
    wanted = [publish(repository, f"part{n}", bytes([n]) * 200_000) for n in range(6)]
    arrived: list[int] = []

    jars.fetch(wanted, advance=arrived.append)

    assert [bytes([n]) * 200_000 for n in range(6)] == [
        (jars.cache_folder() / jar.file_name).read_bytes() for jar in wanted
    ]
    assert 1_200_000 == sum(arrived)


def test_second_call_asks_for_nothing_that_is_there(repository: Path) -> None:
    """What has arrived is kept: with the repository emptied, a second call still succeeds."""
    jar = publish(repository, "kept", b"content")
    jars.fetch([jar])
    (repository / jar.repository_path).unlink()

    jars.fetch([jar])

    assert b"content" == (jars.cache_folder() / jar.file_name).read_bytes()


def test_broken_download_is_taken_up_again(repository: Path) -> None:
    """After one missing file failed the first call, a second brings only what is lacking."""
    first, second = publish(repository, "first", b"1" * 50), publish(repository, "second", b"2")
    hidden = repository / second.repository_path
    content = hidden.read_bytes()
    hidden.unlink()
    with pytest.raises(Unavailable, match=r"org\.example:second:1\.0"):
        jars.fetch([first, second])
    (repository / first.repository_path).unlink()
    hidden.write_bytes(content)

    jars.fetch([first, second])

    assert jars.is_cached(first)
    assert jars.is_cached(second)


def test_altered_file_is_refused_and_not_kept(repository: Path) -> None:
    """A file of another SHA-256 is an error that names the coordinate, and leaves nothing in the cache."""
    jar = publish(repository, "altered", b"good")
    (repository / jar.repository_path).write_bytes(b"evil")

    with pytest.raises(SegueError, match=r"org\.example:altered:1\.0 .* SHA-256"):
        jars.fetch([jar])

    assert [] == list(jars.cache_folder().iterdir())


def test_offline_names_the_coordinate_and_the_way_out(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With nobody listening, the error says which file was wanted and which variable names another repository."""
    jar = publish(repository, "far", b"away")
    monkeypatch.setenv("SEGUE_MAVEN_REPOSITORY", "http://127.0.0.1:9")

    with pytest.raises(Unavailable, match=r"org\.example:far:1\.0 .*SEGUE_MAVEN_REPOSITORY"):
        jars.fetch([jar])


def test_lock_names_each_file_once_for_every_set() -> None:
    """The lock has the three sets, and no two jars share a file name in the cache."""
    names = [jar.file_name for jar in jars.locked()]

    assert {"kafka", "flink", "mongo"} == {jar.set for jar in jars.locked()}
    assert len(names) == len(set(names))


def test_cached_jars_are_those_of_the_lock() -> None:
    """What lies in this machine's cache has the locked hashes."""
    cached = [jar for jar in jars.locked() if jars.is_cached(jar)]
    if not cached:
        pytest.skip("no jar is in the cache yet: `segue up` fetches them")

    assert [jar.sha256 for jar in cached] == [
        hashlib.sha256((jars.cache_folder() / jar.file_name).read_bytes()).hexdigest() for jar in cached
    ]


def test_repository_comes_from_ivy_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, the address is the one that PySpark's own Ivy carries."""
    monkeypatch.delenv("SEGUE_MAVEN_REPOSITORY", raising=False)

    address = jars.repository()

    assert address.startswith("https://")
    assert address.endswith("/")


def test_download_cut_short_is_unavailable_and_not_kept(repository: Path) -> None:
    """A connection that ends early is a network error, not an altered file."""
    jar = publish(repository, "short", b"all of it")
    (repository / jar.repository_path).write_bytes(b"all")

    with pytest.raises(Unavailable, match=r"only 3 of 9 bytes"):
        jars.fetch([jar])

    assert [] == list(jars.cache_folder().iterdir())


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("SEGUE_CACHE", "/own", "/own/jars"), ("XDG_CACHE_HOME", "/xdg", "/xdg/segue/jars")],
)
def test_cache_folder_follows_the_environment(
    variable: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEGUE_CACHE and XDG_CACHE_HOME say where the cache is."""
    monkeypatch.delenv("SEGUE_CACHE", raising=False)
    monkeypatch.setenv(variable, value)

    assert Path(expected) == jars.cache_folder()
