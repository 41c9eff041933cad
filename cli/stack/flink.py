"""A Flink session cluster (JobManager and TaskManager) from the pip distribution, and its SQL client.

Nothing is written into site-packages: configuration, logs and the folders of jars are under home/flink, and Flink's
own scripts are pointed there by FLINK_CONF_DIR, FLINK_LIB_DIR, FLINK_OPT_DIR, FLINK_LOG_DIR and FLINK_PID_DIR.
"""

import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backend.domain.errors import SegueError, Unavailable
from backend.settings import Settings
from cli.stack import jars
from cli.stack.part import LOOPBACK, Part, check_port

SLOTS = 4
GATEWAY_JAR = "flink-sql-gateway"

LOGGING = """\
rootLogger.level = {level}
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} - %m%n
logger.pekko.name = org.apache.pekko
logger.pekko.level = ERROR
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
logger.hadoop.name = org.apache.hadoop
logger.hadoop.level = ERROR
"""


def distribution() -> Path:
    """The pip distribution's folder (bin/, lib/, conf/). Raises Unavailable where it is not installed."""
    return jars.package_folder("pyflink")


def _shipped_java_options() -> str:
    """The --add-opens list that Flink needs on Java 17, from its own config.yaml."""
    text = (distribution() / "conf" / "config.yaml").read_text()
    found = re.search(r"^env:\n  java:\n    opts:\n      all: (.+)$", text, re.MULTILINE)
    if found is None:
        raise SegueError("Flink's config.yaml has no env.java.opts.all; this Flink is not the one Segue is made for")
    return found[1]


def configuration(settings: Settings, *, port: int, rpc_port: int) -> dict[str, object]:
    """The cluster's config.yaml as flat keys."""
    home = settings.home.absolute()
    opts = "-XX:-UsePerfData -Xshare:auto"
    return {
        "env.java.opts.all": _shipped_java_options(),
        "env.java.opts.jobmanager": f"{opts} -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        "env.java.opts.taskmanager": opts,
        "env.java.opts.sql-client": f"{opts} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m",
        # Every listener on loopback.
        "jobmanager.rpc.address": LOOPBACK,
        "jobmanager.rpc.port": rpc_port,
        "jobmanager.bind-host": LOOPBACK,
        "taskmanager.host": LOOPBACK,
        "taskmanager.bind-host": LOOPBACK,
        "rest.address": LOOPBACK,
        "rest.bind-address": LOOPBACK,
        "rest.port": port,
        "web.submit.enable": "false",
        "jobmanager.memory.process.size": "1024m",
        # 1.7 GB in all: jobs keep their state on the heap, so managed memory (sorting, batch) stays small.
        "taskmanager.memory.process.size": "1728m",
        "taskmanager.memory.managed.size": "160m",
        "taskmanager.memory.network.max": "96m",
        "taskmanager.numberOfTaskSlots": SLOTS,
        # A restarted TaskManager takes its predecessor's place at once, not when heartbeats run out.
        "taskmanager.resource-id": "taskmanager-1",
        "heartbeat.interval": "5 s",
        "heartbeat.timeout": "30 s",
        "io.tmp.dirs": home / "flink" / "tmp",
        "parallelism.default": settings.parallelism,
        "state.backend.type": "hashmap",
        "execution.checkpointing.interval": f"{settings.checkpoint_seconds} s",
        "execution.checkpointing.incremental": "false",
        "execution.checkpointing.dir": (home / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (home / "savepoints").as_uri(),
        # What a job is restarted from must outlive it.
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.num-retained": 2,
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "30 s",
    }


def _link(folder: Path, files: list[Path]) -> None:
    """Make `folder` hold links to exactly these files."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {file.name: file for file in files}
    for link in folder.iterdir():
        if link.name not in wanted or not link.is_symlink() or link.readlink() != wanted[link.name]:
            link.unlink()
    for name, file in wanted.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(file)


def environment(home: Path) -> dict[str, str]:
    """What Flink's scripts must find in the environment to work on this home."""
    folder = home.absolute() / "flink"
    return {
        "FLINK_HOME": str(distribution()),
        "FLINK_CONF_DIR": str(folder / "conf"),
        "FLINK_LIB_DIR": str(folder / "lib"),
        "FLINK_OPT_DIR": str(folder / "opt"),
        "FLINK_LOG_DIR": str(folder / "log"),
        "FLINK_PID_DIR": str(folder / "pid"),
        "HADOOP_CLASSPATH": "",
    }


def write_files(settings: Settings, *, port: int, rpc_port: int) -> None:
    """Lay out home/flink: configuration, logging, links to the jars of the distribution and of the lock."""
    home = settings.home.absolute()
    folder = home / "flink"
    for name in ("conf", "log", "pid", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    config = configuration(settings, port=port, rpc_port=rpc_port)
    # JSON strings are YAML strings, so no value needs quoting rules of its own.
    lines = (f"{key}: {json.dumps(str(value))}\n" for key, value in config.items())
    (folder / "conf" / "config.yaml").write_text("".join(lines))
    for name, level in (("console", "INFO"), ("cli", "WARN")):
        (folder / "conf" / f"log4j-{name}.properties").write_text(LOGGING.replace("{level}", level))
    ours = jars.paths("flink")
    gateway = [path for path in ours if path.name.startswith(GATEWAY_JAR)]
    _link(folder / "lib", [*distribution().glob("lib/*.jar"), *(path for path in ours if path not in gateway)])
    _link(folder / "opt", [*distribution().glob("opt/*.jar"), *gateway])


def parts(settings: Settings, *, port: int, rpc_port: int) -> list[Part]:
    """JobManager and TaskManager, by the distribution's own scripts, which become the JVMs (exec)."""
    write_files(settings, port=port, rpc_port=rpc_port)
    scripts, env = distribution() / "bin", environment(settings.home)
    url = f"http://{LOOPBACK}:{port}"
    return [
        Part(
            name="flink-jobmanager",
            title="Flink JobManager",
            argv=("bash", str(scripts / "jobmanager.sh"), "start-foreground"),
            env=env,
            check=lambda: check(url, task_managers=0),
            address=f"{LOOPBACK}:{port}",
        ),
        Part(
            name="flink-taskmanager",
            title="Flink TaskManager",
            argv=("bash", str(scripts / "taskmanager.sh"), "start-foreground"),
            env=env,
            check=lambda: check(url, task_managers=1),
        ),
    ]


def overview(url: str) -> dict[str, Any]:
    """Flink's own summary of the cluster: task managers, slots, jobs by state. Raises Unavailable."""
    try:
        with urllib.request.urlopen(f"{url}/overview", timeout=0.5) as response:  # noqa: S310 - our own http URL
            answer: dict[str, Any] = json.load(response)
            return answer
    except (OSError, ValueError) as error:
        raise Unavailable(f"Flink does not answer on {url} yet") from error


def check(url: str, *, task_managers: int) -> str:
    """Raises Unavailable until the cluster answers and has at least this many TaskManagers."""
    check_port(urlsplit(url).port or 0)
    if overview(url)["taskmanagers"] < task_managers:
        raise Unavailable("the TaskManager has not registered yet")
    return ""


def sql_client_command(settings: Settings, file: Path) -> tuple[list[str], dict[str, str]]:
    """The command line and environment that run a SQL file against the session cluster of `settings.home`.

    Flink's SQL client exits with 0 when every statement was accepted; an INSERT or statement set is submitted, not
    awaited (unless the file says SET 'table.dml-sync' = 'true').
    """
    argv = ["bash", str(distribution() / "bin" / "sql-client.sh"), "-f", str(file.absolute())]
    return argv, {**os.environ, **environment(settings.home)}
