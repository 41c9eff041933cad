"""A Flink session cluster (JobManager and TaskManager) from the pip distribution, and its SQL gateway.

Nothing is written into site-packages: configuration, logs and the folders of jars are under home/flink, and what reads
them is pointed there by FLINK_CONF_DIR, FLINK_LIB_DIR, FLINK_OPT_DIR, FLINK_LOG_DIR and FLINK_PID_DIR.
The servers are started as Flink's scripts jobmanager.sh, taskmanager.sh and sql-gateway.sh would, but directly: the
scripts start six short-lived JVMs only to compute the memory figures that stand below, 7 s of processor time each time.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backend import web
from backend.domain.errors import SegueError, Unavailable
from backend.files import write_whole
from stack import jars
from stack.part import LOOPBACK, QUICK_JVM, Part, check_http, check_port

GATEWAY_JAR = "flink-sql-gateway"
JOBMANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
GATEWAY = "org.apache.flink.table.gateway.SqlGateway"

# Megabytes. With the tasks' own, a setting, the TaskManager is 2.6 GB in all. Where jobs keep their state on the heap,
# managed memory (sorting, batch) stays small. What its JVM is given and what it is told that it has must agree.
JOBMANAGER_HEAP = 448
GATEWAY_HEAP = 1024
FRAMEWORK_HEAP, FRAMEWORK_OFF_HEAP, NETWORK, MANAGED_A_SLOT, METASPACE, OVERHEAD = 128, 128, 192, 40, 256, 192

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
logger.connector.name = org.apache.flink.kafka.shaded
logger.connector.level = WARN
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


def _memory(sizes: "Sizes") -> dict[str, object]:
    """What the TaskManager is told that it has; Flink asks for every one of these where its scripts do not add them."""
    heap = sizes.heap_megabytes
    return {
        "taskmanager.cpu.cores": sizes.slots,
        "taskmanager.memory.task.heap.size": f"{heap}m",
        "taskmanager.memory.task.off-heap.size": "0m",
        "taskmanager.memory.framework.heap.size": f"{FRAMEWORK_HEAP}m",
        "taskmanager.memory.framework.off-heap.size": f"{FRAMEWORK_OFF_HEAP}m",
        "taskmanager.memory.network.min": f"{NETWORK}m",
        "taskmanager.memory.network.max": f"{NETWORK}m",
        "taskmanager.memory.managed.size": f"{sizes.managed_megabytes}m",
        # Each shuffle of a backfill asks for so many buffers of 32 kB beside the live job's; Flink's own 512 never fit.
        "taskmanager.network.sort-shuffle.min-buffers": 64,
        "taskmanager.memory.jvm-metaspace.size": f"{METASPACE}m",
        "taskmanager.memory.jvm-overhead.min": f"{OVERHEAD}m",
        "taskmanager.memory.jvm-overhead.max": f"{OVERHEAD}m",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What the cluster is told beside where it is: memory of its tasks in MB, and what jobs take that say nothing."""

    memory_megabytes: int
    state: str
    parallelism: int
    checkpoint_seconds: int

    @property
    def heap_megabytes(self) -> int:
        """The tasks' heap: all of the memory where state is kept there, else a third."""
        return self.memory_megabytes if self.state == "heap" else self.memory_megabytes // 3

    @property
    def slots(self) -> int:
        """For the subtasks of the live tables and of a backfill, and for the archive's, which are half as many."""
        return 2 * self.parallelism + max(1, self.parallelism // 2)

    @property
    def managed_megabytes(self) -> int:
        """RocksDB's caches and write buffers, by slot, beside what sorting takes."""
        return MANAGED_A_SLOT * self.slots + self.memory_megabytes - self.heap_megabytes


def configuration(home: Path, sizes: Sizes, *, port: int, rpc_port: int) -> dict[str, object]:
    """The cluster's config.yaml as flat keys."""
    home = home.absolute()
    return {
        "env.java.opts.all": _shipped_java_options(),
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
        # What is told of a job (`segue jobs list`) is at most a second old, not ten.
        "metrics.fetcher.update-interval": "1 s",
        **_memory(sizes),
        "taskmanager.numberOfTaskSlots": sizes.slots,
        # A restarted TaskManager takes its predecessor's place at once, not when heartbeats run out.
        "taskmanager.resource-id": "taskmanager-1",
        "heartbeat.interval": "5 s",
        "heartbeat.timeout": "30 s",
        # On a busy machine handing out dozens of tasks takes longer than the usual 10 s; the job would begin again.
        "pekko.ask.timeout": "60 s",
        "io.tmp.dirs": home / "flink" / "tmp",
        "parallelism.default": sizes.parallelism,
        "state.backend.type": "hashmap",
        "execution.checkpointing.interval": f"{sizes.checkpoint_seconds} s",
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
    """What Flink's servers and scripts must find in the environment to have this home's configuration and jars."""
    folder = home.absolute() / "flink"
    return {
        "FLINK_HOME": str(distribution()),
        "FLINK_CONF_DIR": str(folder / "conf"),
        "FLINK_LIB_DIR": str(folder / "lib"),
        "FLINK_OPT_DIR": str(folder / "opt"),
        "FLINK_PLUGINS_DIR": str(distribution() / "plugins"),
        "FLINK_LOG_DIR": str(folder / "log"),
        "FLINK_PID_DIR": str(folder / "pid"),
        "HADOOP_CLASSPATH": "",
    }


def gateway_configuration() -> dict[str, object]:
    """What the SQL gateway needs of a config.yaml; where the cluster is, each session says."""
    return {"env.java.opts.all": _shipped_java_options()}


def lay_out(home: Path, config: Mapping[str, object]) -> None:
    """Fill home/flink: configuration, logging, links to the jars of the distribution and of the lock."""
    folder = home.absolute() / "flink"
    for name in ("conf", "log", "pid", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # JSON strings are YAML strings, so no value needs quoting rules of its own.
    lines = (f"{key}: {json.dumps(str(value))}\n" for key, value in config.items())
    write_whole(folder / "conf" / "config.yaml", "".join(lines))
    for name, level in (("console", "INFO"), ("cli", "WARN")):
        write_whole(folder / "conf" / f"log4j-{name}.properties", LOGGING.replace("{level}", level))
    ours = jars.paths("flink")
    gateway = [path for path in ours if path.name.startswith(GATEWAY_JAR)]
    _link(folder / "lib", [*distribution().glob("lib/*.jar"), *(path for path in ours if path not in gateway)])
    _link(folder / "opt", [*distribution().glob("opt/*.jar"), *gateway])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the cluster listens on loopback: its REST address, the JobManager for TaskManagers, the SQL gateway."""

    rest: int
    rpc: int
    sql: int


def _java(home: Path, *options: str, also: Sequence[Path] = (), log: str = "console") -> tuple[str, ...]:
    """The start of the servers' command lines: Flink's own options, logging to the console, flink-dist last."""
    folder = home.absolute() / "flink"
    jars_of_all = (*also, *(folder / "lib").iterdir())
    class_path = sorted(jars_of_all, key=lambda jar: (jar.name.startswith("flink-dist"), jar.name))
    logging = folder / "conf" / f"log4j-{log}.properties"
    return (
        *("java", *options, "-XX:+IgnoreUnrecognizedVMOptions", *_shipped_java_options().split()),
        *(f"-Dlog4j.configurationFile=file:{logging}", "-classpath", ":".join(map(str, class_path))),
    )


def parts(home: Path, sizes: Sizes, ports: Ports) -> list[Part]:
    """SQL gateway, JobManager and TaskManager, their files laid out under home/flink."""
    lay_out(home, configuration(home, sizes, port=ports.rest, rpc_port=ports.rpc))
    env, url = environment(home), f"http://{LOOPBACK}:{ports.rest}"
    configured = ("--configDir", env["FLINK_CONF_DIR"])
    job_manager = _java(home, *QUICK_JVM, f"-Xmx{JOBMANAGER_HEAP}m", "-Xms128m")
    heap, direct = sizes.heap_megabytes + FRAMEWORK_HEAP, FRAMEWORK_OFF_HEAP + NETWORK
    memory = (
        f"-Xmx{heap}m",
        f"-Xms{heap}m",
        f"-XX:MaxDirectMemorySize={direct}m",
        f"-XX:MaxMetaspaceSize={METASPACE}m",
    )
    # Flink generates classes for each job and task, so whatever is optimised is used once: see ADR 4.
    quick = ("-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto")
    task_manager = _java(home, "-XX:+UseG1GC", *quick, *memory)
    return [
        _gateway(home, ports.sql),
        Part(
            name="flink-jobmanager",
            title="Flink JobManager",
            argv=(*job_manager, JOBMANAGER, *configured, "--executionMode", "cluster"),
            env=env,
            check=lambda: check(url, task_managers=0),
            address=f"{LOOPBACK}:{ports.rest}",
            needs_room=True,
        ),
        Part(
            name="flink-taskmanager",
            title="Flink TaskManager",
            argv=(*task_manager, TASKMANAGER, *configured),
            env=env,
            check=lambda: check(url, task_managers=1),
            needs_room=True,
        ),
    ]


def _gateway(home: Path, port: int) -> Part:
    """Plans jobs and hands them to the cluster that a session names; it keeps nothing that a restart would miss."""
    here = {
        "sql-gateway.endpoint.rest.address": LOOPBACK,
        "sql-gateway.endpoint.rest.bind-address": LOOPBACK,
        "sql-gateway.endpoint.rest.port": port,
    }
    jar = sorted((home.absolute() / "flink" / "opt").glob(f"{GATEWAY_JAR}-*.jar"))
    command = _java(home, *QUICK_JVM, f"-Xmx{GATEWAY_HEAP}m", "-Xms128m", also=jar, log="cli")
    return Part(
        name="flink-sql-gateway",
        title="Flink SQL gateway",
        argv=(*command, GATEWAY, *(f"-D{key}={value}" for key, value in here.items())),
        env=environment(home),
        check=lambda: check_gateway(f"http://{LOOPBACK}:{port}"),
        address=f"{LOOPBACK}:{port}",
        needs_room=True,
    )


def check_gateway(url: str) -> str:
    """Raises Unavailable until the gateway answers."""
    return check_http(f"{url}/v3/info", "Flink's SQL gateway")


def overview(url: str) -> dict[str, Any]:
    """Flink's own summary of the cluster: task managers, slots, jobs by state. Raises Unavailable."""
    try:
        with web.client(timeout_seconds=0.5, local=True) as client:
            answer: dict[str, Any] = client.get(f"{url}/overview").raise_for_status().json()
            return answer
    except (*web.FAILURES, ValueError) as error:
        raise Unavailable(f"Flink does not answer on {url} yet") from error


def check(url: str, *, task_managers: int) -> str:
    """Raises Unavailable until the cluster answers and has at least this many TaskManagers."""
    check_port(urlsplit(url).port or 0)
    if overview(url)["taskmanagers"] < task_managers:
        raise Unavailable("the TaskManager has not registered yet")
    return ""
