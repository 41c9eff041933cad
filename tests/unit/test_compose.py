"""docker-compose.yml and Dockerfile as data: there is no container engine here, so what can be checked is checked."""

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from backend import wiring
from backend.settings import Settings
from stack import flink, jars

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
FLINK = ("jobmanager", "taskmanager")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the Dockerfile: what it is made from, its environment, its text."""

    made_from: str
    environment: dict[str, str]
    text: str


def stages() -> dict[str, Stage]:
    """By name, each with the environment of those that it is made from."""
    found: dict[str, Stage] = {}
    for text in re.split(r"^(?=FROM )", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]:
        made_from, name = re.match(r"FROM (\S+) AS (\S+)\n", text).groups()  # type: ignore[union-attr]
        own = dict(re.findall(r"^ENV (\w+)=(.*)$", text, re.MULTILINE))
        found[name] = Stage(made_from, (found[made_from].environment if made_from in found else {}) | own, text)
    return found


STAGES = stages()
OURS = [name for name, service in SERVICES.items() if "build" in service and name not in (*FLINK, "gateway")]


def environment(name: str) -> dict[str, str]:
    """What a service of ours finds: the image's environment and the compose file's over it."""
    return STAGES[SERVICES[name]["build"]["target"]].environment | SERVICES[name]["environment"]


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """Where a service's volumes stand, and whether it may write there."""
    parts = [volume.split(":") for volume in SERVICES[name].get("volumes", [])]
    return {path: (volume, not further) for volume, path, *further in parts}


def secrets(name: str) -> dict[str, str]:
    """Where a service finds its secrets, by their names."""
    return {f"/run/secrets/{one}": one for one in SERVICES[name].get("secrets", [])}


def properties(name: str) -> dict[str, str]:
    """A properties file of docker/kafka."""
    lines = (ROOT / "docker" / "kafka" / f"{name}.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def volume_of(name: str, path: str) -> tuple[str, bool]:
    """The volume that holds a path of a service, and whether it may write there; ("", True) where none does."""
    folders = [str(folder) for folder in (PurePosixPath(path), *PurePosixPath(path).parents)]
    return next((mounts(name)[folder] for folder in folders if folder in mounts(name)), ("", True))


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    """A misspelt SEGUE_ variable would be ignored in silence; the values are read as the service would read them."""
    ours = {one.removeprefix("SEGUE_").lower(): text for one, text in environment(name).items() if "SEGUE_" in one}
    assert ours.keys() <= Settings.model_fields.keys()
    settings = Settings(**ours)  # type: ignore[arg-type]
    assert ("kafka:9092", "/var/lib/segue") == (settings.kafka_servers, str(settings.home))


def test_addresses_name_services_and_their_ports() -> None:
    """What a setting points to is a service of this file."""
    given = environment("keeper")
    hosts = {
        given["SEGUE_KAFKA_SERVERS"].split(":")[0],
        given["SEGUE_SERVER_ADDRESS"].split(":")[0],
        *(urlsplit(given[name]).hostname for name in ("SEGUE_STORE_URL", "SEGUE_FLINK_URL")),
    }
    assert {"kafka", "server", "mongo", "jobmanager"} == hosts
    assert hosts <= SERVICES.keys()


def test_ports_are_published_on_loopback_only() -> None:
    """Nothing of the distributed form is reachable from outside by default."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_services_run_modules_that_exist() -> None:
    """Each `python -m` names a module of ours."""
    modules = [s["command"][2] for s in SERVICES.values() if s.get("command", [""])[0] == "python"]
    assert {"streaming.sink", "streaming.keeper"} == set(modules)
    assert all((ROOT / f"{module.replace('.', '/')}.py").exists() for module in modules)


def test_images_are_built_from_stages_that_exist() -> None:
    """And every volume that is mounted is declared, every declared one mounted."""
    assert {"segue", "gateway", "flink"} == {s["build"]["target"] for s in SERVICES.values() if "build" in s}
    assert {"segue", "gateway", "flink"} == STAGES.keys()
    assert COMPOSE["volumes"].keys() == {volume for name in SERVICES for volume, _ in mounts(name).values()}


def test_flink_is_the_version_whose_jars_are_locked() -> None:
    """The cluster's image, pip's distribution with the SQL gateway, and the connectors of the lock."""
    (image,) = re.findall(r"^flink:([\d.]+)-java17$", STAGES["flink"].made_from)
    locked = {jar.coordinate.split(":")[2] for jar in jars.locked() if "flink-sql-gateway" in jar.coordinate}
    (pinned,) = re.findall(r"^apache-flink==([\d.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert {image} == {pinned, *locked}


def test_tokens_are_not_where_flink_can_read_them() -> None:
    """Whoever runs code in a Flink task would have every token."""
    tokens, _ = volume_of("server", f"{environment('server')['SEGUE_HOME']}/tokens")
    assert "server" == tokens
    assert {"data"} == {volume for name in FLINK for volume, _ in mounts(name).values()}


def test_flink_is_given_kafkas_password_and_no_other_secret() -> None:
    """At the path that the keeper writes into the job, which only Kafka's client inside Flink reads."""
    told = environment("keeper")
    assert "SEGUE_FLINK_KAFKA_PASSWORD_FILE" not in told
    for name in FLINK:
        assert {told["SEGUE_KAFKA_PASSWORD_FILE"]: "kafka_password"} == secrets(name)


@pytest.mark.parametrize("name", OURS)
def test_every_service_logs_in(name: str, tmp_path: Path) -> None:
    """At Kafka and the store, each with the secret that is given to it for that."""
    given = environment(name)
    assert "kafka_password" == secrets(name)[given["SEGUE_KAFKA_PASSWORD_FILE"]]
    assert "mongo_password" == secrets(name)[given["SEGUE_STORE_PASSWORD_FILE"]]
    (tmp_path / "password").write_text("p")
    moved = dict.fromkeys(("kafka_password_file", "store_password_file"), tmp_path / "password")
    ours = {one.removeprefix("SEGUE_").lower(): text for one, text in given.items() if "SEGUE_" in one}
    settings = Settings(**ours | moved)
    login = wiring.kafka_login(settings)
    assert (True, properties("server")["sasl.enabled.mechanisms"]) == (login.has_user, login.mechanism)
    wiring.store(settings).close()  # takes no password for a URL without a user


def test_kafka_takes_nobody_without_a_login() -> None:
    """What other containers reach asks for one, and knows the user that the services are; the rest is on loopback."""
    told = properties("server")
    protocols = dict(one.split(":") for one in told["listener.security.protocol.map"].split(","))
    listeners = dict(one.split("://") for one in told["listeners"].split(","))
    assert listeners.keys() == protocols.keys()
    open_ones = [name for name, at in listeners.items() if protocols[name] != "SASL_PLAINTEXT"]
    assert all(listeners[name].startswith("127.0.0.1:") for name in open_ones)
    assert f"CLIENTS://{environment('server')['SEGUE_KAFKA_SERVERS']}" == told["advertised.listeners"]
    assert (
        protocols[told["inter.broker.listener.name"]].lower() == environment("server")["SEGUE_KAFKA_SECURITY_PROTOCOL"]
    )
    (jaas,) = [text for name, text in told.items() if name.endswith("sasl.jaas.config")]
    user, script = environment("server")["SEGUE_KAFKA_USER"], (ROOT / "docker" / "kafka" / "start.sh").read_text()
    assert f'username="{user}" password="${{directory:/run/secrets:kafka_password}}"' in jaas
    assert f"name={user},password=$(cat /run/secrets/kafka_password)" in script
    assert jaas == properties("client")["sasl.jaas.config"]


def test_kafka_is_started_by_its_own_files() -> None:
    """By those of docker/kafka, where these look for each other; variables that the image reads play no part."""
    kafka = SERVICES["kafka"]
    assert ["/bin/sh", "/etc/segue/start.sh"] == kafka["command"]
    assert "environment" not in kafka
    targets = {one["target"]: COMPOSE["configs"][one["source"]]["file"] for one in kafka["configs"]}
    files = sorted(path.name for path in (ROOT / "docker" / "kafka").iterdir())
    assert {f"/etc/segue/{name}": f"./docker/kafka/{name}" for name in files} == targets
    assert {"/run/secrets/kafka_password": "kafka_password"} == secrets("kafka")
    assert "--command-config /etc/segue/client.properties" in kafka["healthcheck"]["test"][1]
    assert properties("server")["log.dirs"] == volume_path("kafka", "kafka")


def volume_path(name: str, volume: str) -> str:
    """Where a service mounts a volume."""
    return next(path for path, (mounted, _) in mounts(name).items() if mounted == volume)


def test_the_store_takes_nobody_without_a_login() -> None:
    """It knows the user that the services are; its health check asks what needs no login."""
    mongo, url = SERVICES["mongo"], urlsplit(environment("server")["SEGUE_STORE_URL"])
    assert url.username == mongo["environment"]["MONGO_INITDB_ROOT_USERNAME"]
    assert "authSource=admin" in url.query  # where the image makes the user
    assert {mongo["environment"]["MONGO_INITDB_ROOT_PASSWORD_FILE"]: "mongo_password"} == secrets("mongo")
    assert "db.adminCommand('ping')" == mongo["healthcheck"]["test"][-1]


def test_who_is_who_is_known_to_the_server_alone() -> None:
    """Sink, keeper and Flink work with pseudonyms."""
    assert ["server"] == [name for name in SERVICES if "identity_secret" in secrets(name).values()]
    told = SERVICES["server"]["environment"]
    assert "identity_secret" == secrets("server")[told["SEGUE_IDENTITY_SECRET_FILE"]]
    assert "kafka_password" == secrets("server")[told["SEGUE_KAFKA_PASSWORD_FILE"]]


def test_no_secret_stands_in_a_file() -> None:
    """Variables and command lines name files; every secret is a file of a folder that no repository or image holds."""
    for name, service in SERVICES.items():
        for variable, text in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|_KEY", variable):
                assert text in secrets(name), variable
            if "://" in text:
                assert urlsplit(text).password is None, variable
        assert "password" not in str(service.get("command", "")) + str(service.get("healthcheck", ""))
    assert all(one == {"file": f"./secrets/{Path(one['file']).name}"} for one in COMPOSE["secrets"].values())
    assert {"secrets/"} <= set((ROOT / ".gitignore").read_text().splitlines())
    for file in (ROOT / "docker" / "kafka").iterdir():
        said = re.findall(r"password=\"?(.{6})", file.read_text())
        assert set(said) <= {"${dire", "$(cat "}, file


def test_one_command_makes_every_secret(tmp_path: Path) -> None:
    """Once: what is there stays. Nobody else comes into the folder; services, other users in it, read the files."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing, which the script makes keys with")
    script = tmp_path / "docker" / "secrets.sh"
    script.parent.mkdir()
    shutil.copy(ROOT / "docker" / "secrets.sh", script)
    made = {}
    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True, capture_output=True)
        told = {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
        assert made in ({}, told)
        made = told
    assert {PurePosixPath(one["file"]).name for one in COMPOSE["secrets"].values()} == made.keys()
    assert 0o700 == stat.S_IMODE((tmp_path / "secrets").stat().st_mode)
    assert {0o444} == {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    for name in ("kafka_password", "mongo_password"):
        assert re.fullmatch(rb"[0-9a-f]{64}", made[name])
    assert made["kafka_password"] != made["mongo_password"]


def test_job_and_keeper_share_archive_and_checkpoints() -> None:
    """Flink writes both, the keeper reads the one and compacts the other; state of its own survives its container."""
    given = environment("keeper")
    for url in (given["SEGUE_ARCHIVE_URL"], given["SEGUE_CHECKPOINTS_URL"]):
        assert {("data", True)} == {volume_of(name, urlsplit(url).path) for name in ("keeper", *FLINK)}
    assert {("keeper", True)} == {volume_of("keeper", given[name]) for name in ("SEGUE_HOME", "SEGUE_CACHE")}
    assert ("data", False) == volume_of("server", urlsplit(given["SEGUE_ARCHIVE_URL"]).path)


def test_flink_takes_no_jars_over_the_web() -> None:
    """The embedded stack says so too, and its keeper submits all the same."""
    for name in FLINK:
        assert yaml.safe_load(SERVICES[name]["environment"]["FLINK_PROPERTIES"])["web.submit.enable"] is False
    sizes = flink.Sizes(memory_megabytes=512, state="heap", parallelism=1, checkpoint_seconds=1)
    assert "false" == flink.configuration(Path("home"), sizes, port=1, rpc_port=2)["web.submit.enable"]


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the gateway image's root: laid out as its build does it, on empty jars."""
    (home,) = re.findall(r"python -m stack\.flink_gateway (\S+)", STAGES["gateway"].text)
    (cache,) = re.findall(r"SEGUE_CACHE=(\S+) python -m", STAGES["gateway"].text)
    monkeypatch.setenv("SEGUE_CACHE", f"{tmp_path}{cache}")
    jars.cache_folder().mkdir(parents=True)
    for path in jars.paths("flink"):
        path.touch()
    flink.lay_out(Path(f"{tmp_path}{home}"), flink.gateway_configuration())
    return tmp_path


def gateway_environment(image: Path) -> dict[str, str]:
    """The gateway's FLINK_ variables, with `image` as the root and this machine's pyflink."""
    installed = environment("gateway")["FLINK_HOME"]
    given = {name: text for name, text in environment("gateway").items() if name.startswith(("FLINK_", "HADOOP_"))}
    return {
        name: text.replace(installed, str(flink.distribution())) if installed in text else f"{image}{text}" * bool(text)
        for name, text in given.items()
    }


def test_the_gateway_finds_what_it_submits_with(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flink's own scripts, in the gateway's environment, put every locked jar on its class path."""
    given = gateway_environment(image)
    assert flink.environment(image / "opt" / "segue") == given
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    (script,) = re.findall(r"exec (\$FLINK_HOME\S+) start-foreground", STAGES["gateway"].text)
    script = os.path.expandvars(script)
    assert os.access(script, os.X_OK)
    asked = f'. "{Path(script).parent}/config.sh" && constructFlinkClassPath; find "$FLINK_OPT_DIR" -name "*.jar"'
    told = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    found = {Path(path).name for path in re.split(r"[:\s]+", told.stdout) if path}
    assert {jar.file_name for jar in jars.locked() if jar.set == "flink"} <= found, told.stderr


def test_the_keeper_and_the_gateway_share_the_plans() -> None:
    """What the one asks for by path the other writes and reads; everybody who submits is told where it is."""
    assert "http://gateway:8083" == environment("keeper")["SEGUE_FLINK_SQL_URL"]
    assert environment("keeper")["SEGUE_CACHE"] == environment("gateway")["SEGUE_CACHE"]
    assert {("keeper", True)} == {
        volume_of(name, environment("keeper")["SEGUE_CACHE"]) for name in ("keeper", "gateway")
    }


def test_the_cluster_gets_the_connectors_that_the_gateway_planned_with() -> None:
    """From the gateway's image, so that both have the files of the lock; the gateway itself stays there."""
    (copied,) = re.findall(r"^COPY --from=gateway (\S+)/ /opt/flink/lib/$", STAGES["flink"].text, re.MULTILINE)
    (cache,) = re.findall(r"SEGUE_CACHE=(\S+) python -m", STAGES["gateway"].text)
    assert f"{cache}/{jars.cache_folder().name}" == copied
    assert f"/opt/flink/lib/{flink.GATEWAY_JAR}-*.jar" in STAGES["flink"].text


def test_no_key_goes_into_an_image() -> None:
    """`COPY . .` takes what .dockerignore leaves."""
    ignored = {line.strip("/") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    kept = {PurePosixPath(one["file"]).parts[0] for one in COMPOSE["secrets"].values()}
    assert {"secrets"} == kept
    assert {*kept, ".git", ".segue*"} <= ignored
