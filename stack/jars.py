"""The Java archives of the embedded stack: pinned in jars.lock, fetched once, kept in a cache folder."""

import importlib.util
import os
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from backend import settings, web
from backend.domain.errors import NoRoom, SegueError, Unavailable
from backend.extras import missing as missing_extra
from backend.lacks import lack_of

LOCK_FILE = Path(__file__).with_name("jars.lock")
REPOSITORY_VARIABLE = "SEGUE_MAVEN_REPOSITORY"

Advance = Callable[[int], None]
"""Is told how many more bytes have arrived. Called from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One line of the lock. `set` names the part that needs it: kafka, flink or mongo."""

    set: str
    coordinate: str
    sha256: str
    bytes: int

    @property
    def file_name(self) -> str:
        """artifact-version.jar."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def repository_path(self) -> str:
        """Where a Maven repository keeps it, relative to the repository's root."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.file_name}"


@cache
def locked() -> tuple[Jar, ...]:
    """Every jar of the lock file."""
    return tuple(Jar(**entry) for entry in tomllib.loads(LOCK_FILE.read_text())["jar"])


def cache_folder() -> Path:
    """Where the jars are kept. It need not exist yet."""
    return settings.cache_folder() / "jars"


def paths(*sets: str) -> list[Path]:
    """Where the jars of these sets are once fetched, in the lock's order."""
    return [cache_folder() / jar.file_name for jar in locked() if jar.set in sets]


def class_path(*sets: str) -> str:
    """The jars of these sets as Java's -classpath wants them."""
    return os.pathsep.join(str(path) for path in paths(*sets))


def is_cached(jar: Jar) -> bool:
    """Whether it is in the cache in full size; its hash was checked when it came."""
    file = cache_folder() / jar.file_name
    return file.exists() and file.stat().st_size == jar.bytes


def missing(sets: Iterable[str]) -> list[Jar]:
    """The locked jars of these sets that are not in the cache."""
    wanted = set(sets)
    return [jar for jar in locked() if jar.set in wanted and not is_cached(jar)]


def package_folder(name: str) -> Path:
    """Where an installed package's files are, found without importing it. Raises MissingExtra, Unavailable."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise missing_extra(name) or Unavailable(f"the Python package {name} is not installed; run `make env`")
    return Path(spec.submodule_search_locations[0])


def repository() -> str:
    """The Maven repository's base URL, ending in a slash.

    SEGUE_MAVEN_REPOSITORY wins (a company's mirror, a local folder served over HTTP). Otherwise the answer is that of
    Apache Ivy, which PySpark ships and Spark itself fetches packages with: its constant DEFAULT_M2_ROOT. So the
    address is kept by those who maintain it, and Segue and Spark always agree on where Java archives come from.
    Raises Unavailable where Java cannot be started.
    """
    if own := os.environ.get(REPOSITORY_VARIABLE):
        return own.rstrip("/") + "/"
    from py4j.java_gateway import JavaGateway

    ivy = next(package_folder("pyspark").glob("jars/ivy-*.jar"))
    try:
        gateway = JavaGateway.launch_gateway(classpath=str(ivy), die_on_exit=True, enable_auth=True)
    except OSError as error:
        raise Unavailable(f"Java cannot be started ({error}); install it: sudo apt install openjdk-17-jre") from error
    try:
        root: str = gateway.jvm.org.apache.ivy.plugins.resolver.IBiblioResolver.DEFAULT_M2_ROOT
    finally:
        gateway.shutdown()
    return root.rstrip("/") + "/"


def _download(url: str, output: str, advance: Advance, size: int) -> None:
    """Write what `url` answers to the file `output`. Raises OSError where that is not an answer of `size` bytes."""
    try:
        # Repositories hand files on to the servers that keep them; the SHA-256 says whether it is the file.
        with web.client(timeout_seconds=30, redirects=True) as client, client.stream("GET", url) as response:
            if not response.is_success:
                raise ConnectionError(f"the repository answers {response.status_code} {response.reason_phrase}")
            with Path(output).open("wb") as file:
                for chunk in response.iter_bytes(1 << 16):
                    file.write(chunk)
                    advance(len(chunk))
                if file.tell() < size:
                    raise ConnectionError(f"only {file.tell()} of {size} bytes came")
    except web.FAILURES as error:
        raise ConnectionError(str(error)) from error


def _fetch_one(jar: Jar, base: str, advance: Advance) -> None:
    import pooch

    try:
        pooch.retrieve(
            base + jar.repository_path,
            known_hash=f"sha256:{jar.sha256}",
            fname=jar.file_name,
            path=cache_folder(),
            downloader=lambda url, output, _: _download(url, output, advance, jar.bytes),
        )
    except ValueError as error:
        raise SegueError(
            f"{jar.coordinate} from {base} is not the file that jars.lock names (its SHA-256 differs); "
            f"if {REPOSITORY_VARIABLE} is set, check that mirror, else try again"
        ) from error
    except OSError as error:
        if lack := lack_of(error):
            raise NoRoom(f"{jar.coordinate} cannot be kept in {cache_folder()}: {lack}") from error
        raise Unavailable(
            f"cannot fetch {jar.coordinate} ({error}); check the network and run the command again "
            f"(what has arrived is kept), or set {REPOSITORY_VARIABLE} to a Maven repository you can reach"
        ) from error


def fetch(jars: Sequence[Jar], *, advance: Advance = lambda _: None, workers: int = 4) -> None:
    """Bring these jars into the cache.

    Files that are there already are not asked for again, so a second call goes on where a broken first one ended.
    A file becomes visible only when whole and of the right SHA-256. Raises Unavailable (offline; names the
    coordinate), NoRoom and SegueError (hash mismatch).
    """
    todo = [jar for jar in jars if not is_cached(jar)]
    if not todo:
        return
    import pooch

    cache_folder().mkdir(parents=True, exist_ok=True)
    base = repository()
    pooch.get_logger().setLevel("WARNING")
    with ThreadPoolExecutor(workers) as pool:
        # The largest first: they decide when the last thread is done.
        futures = [pool.submit(_fetch_one, jar, base, advance) for jar in sorted(todo, key=lambda jar: -jar.bytes)]
        try:
            for future in futures:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)
