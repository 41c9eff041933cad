"""A login at Kafka: Segue's clients and Flink's connectors, at the broker that docker-compose.yml describes."""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from backend import wiring
from backend.domain.errors import Unavailable
from backend.domain.feedback import FeedbackKind
from backend.ports.event_log import EventLog, Topic
from backend.ports.records import feedback_record
from backend.settings import Settings
from bench.bounded import with_bound
from stack import jars
from streaming import render
from streaming import wiring as streaming_wiring
from tests import broker
from tests.broker import PASSWORD, USER, ComposeBroker
from tests.unit.test_listeners import word

READ = "INSERT INTO dead_letter_counts SELECT 'read', 'feedback', COUNT(*) FROM feedback"


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeBroker]:
    """The broker of compose."""
    with broker.running(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A file with another password."""
    file = tmp_path / "wrong"
    file.write_text("another-one")
    return file


def settings(brokers: ComposeBroker, **given: object) -> Settings:
    """Those that log in, but for what is given, under a tenant of their own."""
    login = {
        "kafka_servers": brokers.servers,
        "kafka_security_protocol": "sasl_plaintext",
        "kafka_user": USER,
        "kafka_password_file": brokers.password_file,
        "tenant": f"t{uuid.uuid4().hex[:12]}",
    }
    return Settings(**login | given)


@pytest.fixture
def opened() -> Iterator[Any]:
    """Opens the event log of settings, and closes it after the test."""
    logs: list[EventLog] = []

    def open_log(told: Settings) -> EventLog:
        logs.append(wiring.event_log(told))
        return logs[-1]

    yield open_log
    for log in logs:
        log.close(timeout_seconds=1)


def test_every_client_logs_in(brokers: ComposeBroker, opened: Any) -> None:
    """Topics are made, a record is confirmed and read back, by user and password of a file or of the environment."""
    told = settings(brokers)
    log = opened(told)
    log.create_topics()
    log.create_topics()  # now they are checked
    liked = feedback_record(word(FeedbackKind.LIKE))
    assert [True] == log.append(Topic.FEEDBACK, [liked], timeout_seconds=20)
    given = opened(told.model_copy(update={"kafka_password_file": None, "kafka_password": _secret(PASSWORD)}))
    assert [liked.value] == [one.value for one in given.newest(Topic.FEEDBACK, count=5)]


def _secret(text: str) -> Any:
    return Settings(kafka_password=text).kafka_password


@pytest.mark.parametrize("ask", ["ping", "create_topics", "reader"])
def test_a_wrong_password_is_refused_and_names_its_settings(
    brokers: ComposeBroker, wrong: Path, opened: Any, ask: str
) -> None:
    """Without the password, and never as if the broker were only away."""
    log = opened(settings(brokers, kafka_password_file=wrong))
    calls = {"ping": log.ping, "create_topics": log.create_topics, "reader": lambda: log.reader([Topic.PLAYS], {})}
    with pytest.raises(Unavailable, match=r"invalid credentials.*see kafka_user, kafka_password_file") as caught:
        calls[ask]()
    assert "another-one" not in str(caught.value)


def test_a_mechanism_that_brokers_do_not_take_names_its_setting(brokers: ComposeBroker, opened: Any) -> None:
    """As for a password."""
    log = opened(settings(brokers, kafka_sasl_mechanism="PLAIN"))
    with pytest.raises(Unavailable, match=r"Unsupported SASL mechanism.*kafka_sasl_mechanism"):
        log.ping()


def test_encryption_that_brokers_do_not_speak_names_its_setting(brokers: ComposeBroker, opened: Any) -> None:
    """As for a password."""
    log = opened(settings(brokers, kafka_security_protocol="sasl_ssl"))
    with pytest.raises(Unavailable, match=r"SSL handshake failed.*kafka_security_protocol"):
        log.ping()


def test_nobody_comes_in_without_a_login(brokers: ComposeBroker, opened: Any) -> None:
    """The broker of compose has no listener that takes just anybody."""
    log = opened(Settings(kafka_servers=brokers.servers))
    with pytest.raises(Unavailable, match="does not answer"):
        log.ping()


def test_the_password_is_in_no_command_line_and_no_log(brokers: ComposeBroker) -> None:
    """The user was made from a file of options, which is gone."""
    commands = brokers.commands.read_text()
    assert "kafka-storage" not in commands
    assert 3 == len(commands.splitlines())
    assert PASSWORD not in commands + brokers.log.read_text()
    options = Path(commands.splitlines()[1].removeprefix("@"))
    assert not options.exists()


def test_kafkas_own_tools_log_in_for_the_health_check(brokers: ComposeBroker) -> None:
    """With client.properties: what compose gives them on their command line."""
    from py4j.java_gateway import JavaGateway

    gateway = JavaGateway.launch_gateway(classpath=jars.class_path("kafka"), die_on_exit=True, enable_auth=True)
    try:
        told = gateway.jvm.java.util.Properties()
        told.load(gateway.jvm.java.io.FileReader(str(brokers.commands.parent / "etc" / "client.properties")))
        told.put("bootstrap.servers", brokers.servers)
        admin = gateway.jvm.org.apache.kafka.clients.admin.Admin.create(told)
        assert 1 == admin.describeCluster().nodes().get().size()
        admin.close()
    finally:
        gateway.shutdown()


def run(told: Settings) -> str:
    """Flink counts `feedback` into a result topic, both by the job's own DDL; the plan, with all of their options."""
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112 - PyFlink spells it so
    from pyflink.table import EnvironmentSettings, TableEnvironment

    jars.fetch(jars.missing(["flink"]))
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    environment.get_config().set("pipeline.jars", ";".join(path.as_uri() for path in jars.paths("flink")))
    environment.get_config().set("parallelism.default", "1")
    for definition in tables(told, ("feedback", "dead_letter_counts")):
        environment.execute_sql(with_bound(definition) if "'scan.startup.mode'" in definition else definition)
    plan = str(environment.compile_plan_sql(READ).as_json_string())
    environment.execute_sql(READ).wait()
    return plan


def tables(told: Settings, names: Sequence[str]) -> list[str]:
    """The job's definitions of these tables."""
    definitions, _ = render.job_statements(streaming_wiring.job_spec(told))
    return [one for one in definitions if any(one.startswith(f"CREATE TABLE {name} ") for name in names)]


def test_flink_logs_in_and_its_plan_holds_no_password(brokers: ComposeBroker, opened: Any) -> None:
    """Reading and writing; the SQL and the plan name the file that Kafka's client reads."""
    told = settings(brokers)
    log = opened(told)
    log.create_topics()
    log.append(Topic.FEEDBACK, [feedback_record(word(FeedbackKind.LIKE))], timeout_seconds=20)
    plan = run(told)
    with log.reader(["dead_letter_counts"], {}) as reader:
        (row,) = reader.poll(max_records=5, timeout_seconds=20)
    assert {"reason": "read", "source_topic": "feedback", "records": 1} == json.loads(row.value)
    assert f"${{directory:{brokers.password_file.parent}:kafka_password}}" in plan
    assert PASSWORD not in plan


def test_flink_with_a_wrong_password_says_so(brokers: ComposeBroker, wrong: Path, opened: Any) -> None:
    """The file that counts is the one that Flink's machines hold."""
    told = settings(brokers, flink_kafka_password_file=wrong)
    opened(told).create_topics()
    with pytest.raises(Exception, match="invalid credentials with SASL mechanism SCRAM-SHA-512") as caught:
        run(told)
    assert "another-one" not in str(caught.value)
