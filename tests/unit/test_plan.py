"""From settings to a plan of parts."""

import json
from pathlib import Path

import pytest

from backend.domain.errors import InvalidInput
from backend.settings import ENDPOINTS_FILE, Settings
from stack import kafka, plan


def test_part_that_is_configured_elsewhere_is_not_started_here() -> None:
    """A Kafka cluster and a Flink cluster on other machines leave only the rest to us."""
    settings = Settings(kafka_servers="kafka-1:9092,kafka-2:9092", flink_url="http://flink.example:8081")

    assert ["mongo", "server"] == plan.local_parts(plan.configured(settings), ("server", "flink", "mongo", "kafka"))


def test_configured_loopback_address_fixes_the_port() -> None:
    """An address on this machine is where the part must listen."""
    settings = Settings(store_url="mongodb://127.0.0.1:27999")

    assert ["mongo"] == plan.local_parts(plan.configured(settings), ["mongo"])
    assert {"mongo": 27999} == plan.fixed_ports(plan.configured(settings), ["kafka", "mongo"])


def test_what_the_last_stack_left_behind_is_not_configured(tmp_path: Path) -> None:
    """Addresses from endpoints.json fix nothing: after a restart they may change."""
    (tmp_path / ENDPOINTS_FILE).write_text(json.dumps({"kafka_servers": "127.0.0.1:21999"}))
    settings = Settings(home=tmp_path)

    assert "127.0.0.1:21999" == settings.kafka_servers
    assert {} == plan.configured(settings)


def test_unknown_part_is_named() -> None:
    """A misspelt part is an error that lists the right names."""
    with pytest.raises(InvalidInput, match="flunk: not one of kafka, mongo, flink"):
        plan.local_parts({}, ["flunk", "kafka"])


def test_children_see_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set comes out of the environment as it went in."""
    settings = Settings(home=tmp_path, tenant="other", refresh_seconds=2, token="secret", server_reflection=True)
    for name, value in plan.child_environment(settings).items():
        monkeypatch.setenv(name, value)

    assert settings == Settings()


def test_a_part_only_waits_for_parts_that_run_here(tmp_path: Path) -> None:
    """With Kafka elsewhere, the topics are prepared as soon as the store is up."""
    made = plan.parts(Settings(home=tmp_path), ["mongo", "server"], {"mongo": 27998})

    assert [("mongo", ()), ("prepare", ("mongo",)), ("server", ("prepare",))] == [
        (part.name, part.needs) for part in made
    ]


def test_cluster_ids_never_look_like_an_option() -> None:
    """One random id in 64 would begin with a dash, and Kafka's storage tool would refuse it."""
    assert not any(kafka.new_cluster_id().startswith("-") for _ in range(1000))


def test_a_home_of_any_name_is_told_to_kafka() -> None:
    """Java reads the file as Latin-1 and takes a backslash for an escape; a comma it takes for the next folder."""
    for name in ("a b", "Überall", "雪", "👩", "back\\slash", "a=b", "#a", "$" + "{x}", "%20", "it's"):
        text = kafka.properties(Path("/homes") / name, port=1, controller_port=2)
        (line,) = [one for one in text.splitlines() if one.startswith("log.dirs=")]
        read = line.removeprefix("log.dirs=").encode("latin-1").decode("raw_unicode_escape").replace("\\\\", "\\")
        assert f"/homes/{name}/data" == read.encode("utf-16", "surrogatepass").decode("utf-16")
    with pytest.raises(InvalidInput, match=r"home: .*takes a comma"):
        kafka.parts(Path("/homes/a,b"), port=1, controller_port=2)


def test_the_gateway_comes_with_flink(tmp_path: Path) -> None:
    """People name the part once; it has an address of its own, and the keeper waits for it."""
    settings = Settings(home=tmp_path, flink_sql_url="http://127.0.0.1:27003")
    given = plan.configured(settings)
    assert {"flink-sql": 27003} == plan.fixed_ports(given, ["flink"])
    assert {} == plan.fixed_ports(given, ["kafka"])
    ports = {"flink": 27001, "flink-rpc": 27002, "flink-sql": 27003}
    told = plan.endpoints(given, ["flink"], ports)
    assert {"flink_url": "http://127.0.0.1:27001", "flink_sql_url": "http://127.0.0.1:27003"} == told
    (keeper,) = [part for part in plan.parts(settings, ["flink", "keeper"], ports) if part.name == "keeper"]
    assert {"prepare", "flink-jobmanager", "flink-sql-gateway"} == {*keeper.needs}
