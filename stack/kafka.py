"""One Apache Kafka broker in KRaft mode: broker and controller in one JVM, on loopback."""

import json
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from backend.domain.errors import InvalidInput, Unavailable, Violation
from backend.files import write_whole
from stack import jars
from stack.part import LOOPBACK, QUICK_JVM, Part, check_port

FORMAT = "kafka-format"


def properties(folder: Path, *, port: int, controller_port: int) -> str:
    """The broker's server.properties. Only what differs from Kafka's defaults, with the reason."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "log.dirs": folder / "data",
        # A misspelt topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        # Lateness is judged by when the log took a record in, which no client can forge.
        "log.message.timestamp.type": "LogAppendTime",
        # The log is the truth that everything else is derived from: topics that may forget say so themselves.
        "log.retention.ms": "-1",
        # One broker holds every replica there is.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Internal topics default to 50 partitions each: as many files to open at every start, for one small broker.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        # The default buffer of 128 MiB would fill a third of the heap.
        "log.cleaner.dedupe.buffer.size": "16777216",
        # Whoever waits for an erasure waits for the cleaner.
        "log.cleaner.backoff.ms": "1000",
        "num.network.threads": "2",
        "num.io.threads": "4",
    }
    return "".join(f"{key}={_escaped(str(value))}\n" for key, value in settings.items())


def _escaped(value: str) -> str:
    """As Java reads properties back; JSON's escapes are all among those that it knows."""
    return json.dumps(value)[1:-1]


LOGGING = """\
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} - %m%n
logger.server.name = kafka.server
logger.server.level = INFO
"""


def parts(home: Path, *, port: int, controller_port: int) -> list[Part]:
    """The broker, and before its first start the formatting of its storage; both configured under home/kafka."""
    folder = home / "kafka"
    if "," in str(folder.absolute()):
        raise InvalidInput(
            [Violation("home", f"{home}: Kafka takes a comma for the end of a folder's name; choose another")]
        )
    folder.mkdir(parents=True, exist_ok=True)
    config, logging = folder / "server.properties", folder / "log4j2.properties"
    write_whole(config, properties(folder, port=port, controller_port=controller_port))
    write_whole(logging, LOGGING)
    java = (
        *("java", *QUICK_JVM, "-Xms128m", "-Xmx384m", "-XX:MaxDirectMemorySize=128m"),
        *(f"-Dlog4j2.configurationFile={logging}", "-classpath", jars.class_path("kafka")),
    )
    formatted = (folder / "data" / "meta.properties").exists()
    broker = Part(
        name="kafka",
        title="Kafka broker",
        argv=(*java, "kafka.Kafka", str(config)),
        check=lambda: check(port),
        needs=() if formatted else (FORMAT,),
        address=f"{LOOPBACK}:{port}",
        needs_room=True,
        stop_seconds=20,
    )
    if formatted:
        return [broker]
    options = ("--ignore-formatted", "-t", new_cluster_id(), "-c", str(config))
    argv = (*java, "kafka.tools.StorageTool", "format", *options)
    return [Part(name=FORMAT, title="Kafka storage", argv=argv, once=True), broker]


def new_cluster_id() -> str:
    """A random UUID as Kafka writes it: 22 characters, the first not a dash, which would look like an option."""
    while True:
        text = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def check(port: int) -> str:
    """Raises Unavailable until the broker answers a metadata request."""
    check_port(port)
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    # Errors surface as the exception below; librdkafka would also print them.
    try:
        admin = AdminClient({"bootstrap.servers": f"{LOOPBACK}:{port}", "log_level": 0})
        admin.list_topics(timeout=0.5)
    except KafkaException as error:
        raise Unavailable(f"the broker on {LOOPBACK}:{port} does not answer yet") from error
    return ""
