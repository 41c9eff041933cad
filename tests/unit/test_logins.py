"""Logins at Kafka and MongoDB: what is missing is named, and a password goes nowhere but to its client."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from pymongo.errors import OperationFailure

from backend import logins, wiring
from backend.adapters.event_log.brokers import Brokers
from backend.adapters.store.mongo import MongoStore
from backend.adapters.store.mongo_connection import reachable
from backend.domain.errors import InvalidInput, Unavailable
from backend.logins import KafkaLogin
from backend.settings import Settings
from stack import plan
from streaming import render
from streaming import wiring as streaming_wiring

SECRET = "h0rse-battery"
SASL = {"kafka_security_protocol": "sasl_ssl", "kafka_user": "segue"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that holds the password alone."""
    file = tmp_path / "kafka_password"
    file.write_text(SECRET)
    return file


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_password_comes_from_its_file_without_the_line_end(file: Path, end: str) -> None:
    """As editors leave it."""
    file.write_bytes(SECRET.encode() + end.encode())
    assert SECRET == wiring.kafka_login(Settings(**SASL, kafka_password_file=file)).password


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """SEGUE_KAFKA_PASSWORD, as every setting."""
    monkeypatch.setenv("SEGUE_KAFKA_PASSWORD", SECRET)
    assert SECRET == wiring.kafka_login(Settings(**SASL)).password


@pytest.mark.parametrize("name", ["kafka_password", "store_password"])
def test_a_password_in_segue_toml_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a file is shown to others; the refusal names what to do and not the password."""
    (tmp_path / "segue.toml").write_text(f'{name} = "{SECRET}"')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError, match=rf"{name}\n  must not stand in segue.toml: .*{name}_file") as caught:
        Settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kafka_user": ""}, "kafka_user: is needed"),
        ({}, "kafka_password_file: is needed"),
        ({"kafka_security_protocol": "plaintext"}, "kafka_security_protocol: is plaintext"),
        ({"kafka_security_protocol": "ssl"}, "kafka_security_protocol: is ssl"),
        ({"kafka_password": SECRET, "kafka_ca_file": "nowhere.pem"}, "kafka_ca_file: nowhere.pem is no file"),
        ({"kafka_password": SECRET, "kafka_password_file": "x"}, "kafka_password: give it or kafka_password_file"),
        ({"kafka_password_file": "nowhere"}, "kafka_password_file: nowhere cannot be read"),
        ({"kafka_password_file": "/dev/null"}, "kafka_password_file: /dev/null is empty"),
        ({"kafka_password_file": "/dev/zero"}, "kafka_password_file: /dev/zero has more than"),
        ({"kafka_password": f"{SECRET}\n"}, "kafka_password: must be one line"),
    ],
)
def test_an_incomplete_login_names_the_setting(given: dict[str, object], told: str) -> None:
    """And never tells what it read."""
    with pytest.raises(InvalidInput, match=told) as caught:
        wiring.kafka_login(Settings(**SASL | given))
    assert SECRET not in str(caught.value)


def test_a_file_that_is_no_text_is_not_quoted(file: Path) -> None:
    """Python's own error would be."""
    file.write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(InvalidInput, match="is no text") as caught:
        wiring.kafka_login(Settings(**SASL, kafka_password_file=file))
    assert caught.value.__cause__ is None


def test_without_a_login_clients_are_told_what_they_always_were() -> None:
    """The addresses, and where to say what goes wrong."""
    assert {"bootstrap.servers", "error_cb", "logger"} == Brokers("k:1").client({}).keys()


def test_clients_are_told_the_login(tmp_path: Path) -> None:
    """In librdkafka's words; each client's own settings beside it."""
    login = KafkaLogin(protocol="sasl_ssl", mechanism="PLAIN", user="u", password=SECRET, ca_file=tmp_path)
    told = Brokers("k:1", login).client({"group.id": "g"})
    assert ("sasl_ssl", "PLAIN", "u", SECRET, str(tmp_path), "g") == tuple(
        told[name]
        for name in (
            *("security.protocol", "sasl.mechanism", "sasl.username", "sasl.password", "ssl.ca.location", "group.id"),
        )
    )


def test_no_password_is_shown(file: Path) -> None:
    """Neither by the settings, nor by a login, nor by what is said of a setting that is wrong."""
    url = f"mongodb://u:{SECRET}@h/"
    told = Settings(**SASL, kafka_password=SECRET, store_password=SECRET, store_url=url)
    assert SECRET not in repr(told) + repr(wiring.kafka_login(told))
    with pytest.raises(ValidationError) as caught:
        Settings(store_url=f"{url}\n")
    assert SECRET not in str(caught.value)


def test_the_store_logs_in_as_the_user_of_its_url(file: Path) -> None:
    """With the password of the file."""
    url = "mongodb://segue@h1:1,h2:2/?authSource=admin"
    store = wiring.store(Settings(store_url=url, store_password_file=file))
    assert isinstance(store, MongoStore)
    credentials = store._client.options.pool_options._credentials  # no public name tells it
    assert credentials is not None
    assert ("segue", SECRET, "admin") == (credentials.username, credentials.password, credentials.source)
    store.close()


@pytest.mark.parametrize("url", ["mongodb://h:1", "mongodb://u:other@h:1", "mongodb://h:1/?x=a@b"])
def test_a_password_that_the_stores_url_has_no_place_for_is_refused(url: str) -> None:
    """It would be passed over, or stand against the URL's own; neither is told."""
    with pytest.raises(InvalidInput, match=r"store_url: must be a URL that names a user and no password") as caught:
        wiring.store(Settings(store_url=url, store_password=SECRET))
    assert "other" not in str(caught.value)


def test_a_login_that_the_store_refuses_names_its_settings() -> None:
    """MongoDB's own words say no more than that authentication failed."""
    with pytest.raises(Unavailable, match=r"Authentication failed.*store_url, and store_password_file"), reachable():
        raise OperationFailure("Authentication failed.", 18)


def test_flink_is_told_a_file_and_no_password(file: Path) -> None:
    """Every table on Kafka names it; without a login nothing stands in its place, and the digest is that of before."""
    plain = streaming_wiring.job_spec(Settings())
    spec = streaming_wiring.job_spec(Settings(**SASL, kafka_password_file=file, kafka_ca_file=file))
    definitions, inserts = render.job_statements(spec)
    on_kafka = [one for one in definitions if "'properties.bootstrap.servers'" in one]
    assert len(render.SOURCES) + len(render.LIVE_TABLES) - 1 == len(on_kafka)
    for one in on_kafka:
        assert f"${{directory:{file.parent}:{file.name}}}" in one
        assert "'properties.security.protocol' = 'SASL_SSL'" in one
        assert f"'properties.ssl.truststore.location' = '{file}'" in one
    assert SECRET not in "".join((*definitions, *inserts))
    assert "security.protocol" not in "".join(render.job_statements(plain)[0])
    assert render.digest(plain) == render.digest(spec)


def test_flink_is_told_its_own_machines_paths(file: Path) -> None:
    """Where they are others than here."""
    given = {"flink_kafka_password_file": "/flink/secret", "flink_kafka_ca_file": "/flink/ca.pem"}
    spec = streaming_wiring.job_spec(Settings(**SASL, kafka_password=SECRET, kafka_ca_file=file, **given))
    told = dict(spec.kafka_login)
    assert '"${directory:/flink:secret}";' in told["sasl.jaas.config"]
    assert "/flink/ca.pem" == told["ssl.truststore.location"]


@pytest.mark.parametrize(
    ("content", "given", "told"),
    [
        (SECRET, {"kafka_password": SECRET, "kafka_password_file": None}, "flink_kafka_password_file: Flink takes"),
        (f"{SECRET}\n", {}, "kafka_password_file: .* ends with a line end"),
        (f'{SECRET}"', {}, "kafka_password: Flink takes none with a quote"),
        (f"{SECRET}\\", {}, "kafka_password: Flink takes none with a quote"),
        (SECRET, {"flink_kafka_password_file": "/a:b"}, "flink_kafka_password_file: /a:b: .* no path with :"),
    ],
)
def test_what_flink_could_not_log_in_with_is_refused(
    file: Path, content: str, given: dict[str, object], told: str
) -> None:
    """Before a job is submitted that would fail, or log in with another password."""
    file.write_text(content)
    with pytest.raises(InvalidInput, match=told) as caught:
        streaming_wiring.job_spec(Settings(**SASL | {"kafka_password_file": file} | given))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("sign", ['"', "\\", "$"])
def test_a_user_name_cannot_break_out_of_its_quotes(sign: str) -> None:
    """It stands in a line that Kafka's client parses and fills in."""
    with pytest.raises(ValidationError, match="kafka_user"):
        Settings(kafka_user=f"u{sign}")


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("kafka", SASL),
        ("mongo", {"store_url": "mongodb://u@127.0.0.1:27017"}),
        ("mongo", {"store_url": f"mongodb://u:{SECRET}@127.0.0.1:27017"}),
    ],
)
def test_embedded_parts_are_not_started_for_a_login(part: str, given: dict[str, object]) -> None:
    """They know none; and no address with a password comes into endpoints.json."""
    settings = Settings(**given)
    plan.require_private(settings, ["server"])
    with pytest.raises(InvalidInput, match="the embedded one would be started") as caught:
        plan.require_private(settings, [part])
    assert SECRET not in str(caught.value)


def test_the_users_of_an_address_are_seen_in_every_form() -> None:
    """Several hosts, options with an @, what urlsplit does not take."""
    assert logins.has_login("mongodb://u@h1:1,h2:2/db?x=1")
    assert logins.has_login("mongodb+srv://u:p@h")
    assert not logins.has_login("mongodb://h/?x=a@b")
    assert not logins.has_login("mongodb://[::1")


def test_the_keeper_says_in_a_line_what_its_login_lacks(tmp_path: Path) -> None:
    """And does not start, as the server and the sink."""
    given = {"SEGUE_HOME": str(tmp_path), "SEGUE_KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "SEGUE_KAFKA_USER": "u"}
    argv = [sys.executable, "-m", "streaming.keeper"]
    done = subprocess.run(argv, env=os.environ | given, capture_output=True, text=True, check=False, timeout=60)
    assert 2 == done.returncode
    assert "cannot start: kafka_password_file: is needed with kafka_user" in done.stderr
    assert "Traceback" not in done.stderr
