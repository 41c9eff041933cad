"""From settings to a plan: which parts run here, on which ports, and what everybody is told about it."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from backend.domain.errors import InvalidInput, Violation
from backend.files import noted
from backend.listening import require_loopback, require_protection
from backend.logins import has_login
from backend.settings import ENDPOINTS_FILE, Settings
from stack import flink, kafka, mongo, services
from stack.part import LOOPBACK, Part
from stack.ports import SETTINGS, free_port
from stack.services import PREPARE, port_of

ALL = ("kafka", "mongo", "flink", "server", "sink", "keeper", "dashboard")
"""What a stack is made of, as people name it: "flink" is a JobManager, a TaskManager and an SQL gateway."""

_SCHEMES = {"mongo": "mongodb://", "flink": "http://", "flink-sql": "http://"}
ADDRESSES = {part: (setting, _SCHEMES.get(part, "") + "{host}:{port}") for part, setting in SETTINGS.items()}
"""The setting that tells where a part is, and its form."""

_LOCAL = {LOOPBACK, "localhost", "::1"}


def free_addresses() -> dict[str, str]:
    """Settings that put each part on a free port of its own, so that stacks beside each other never meet."""
    taken: set[int] = set()
    found = {}
    for name, form in ADDRESSES.values():
        port = free_port(taken, random.SystemRandom())
        taken.add(port)
        found[name] = form.format(host=LOOPBACK, port=port)
    return found


def last_endpoints(home: Path) -> dict[str, str]:
    """What the stack that runs, or last ran, in this home told of its addresses."""
    return noted(home / ENDPOINTS_FILE)


def configured(settings: Settings) -> dict[str, str]:
    """Addresses that a flag, the environment or segue.toml sets, by part; not what the last stack left behind."""
    last = last_endpoints(settings.home)
    return {
        part: getattr(settings, name)
        for part, (name, _) in ADDRESSES.items()
        if name in settings.model_fields_set and getattr(settings, name) != last.get(name)
    }


def _host(address: str) -> str:
    return urlsplit(address if "://" in address else f"//{address}").hostname or ""


def local_parts(given: Mapping[str, str], wanted: Iterable[str]) -> list[str]:
    """The wanted parts in the order of ALL, without those whose `configured` address is on another machine.

    Raises InvalidInput for a name that is not in ALL.
    """
    names = set(wanted)
    if unknown := names - set(ALL):
        raise InvalidInput([Violation("parts", f"{', '.join(sorted(unknown))}: not one of {', '.join(ALL)}")])
    elsewhere = {
        part
        for part, address in given.items()
        if part in ("kafka", "mongo", "flink") and ("," in address or _host(address) not in _LOCAL)
    }
    return [name for name in ALL if name in names and name not in elsewhere]


def require_private(settings: Settings, names: Iterable[str]) -> None:
    """Raises InvalidInput, naming the setting, where one of these parts would answer others than this machine.

    Also where it is told a login: those that are started here know none, and have only this machine's loopback.
    """
    wanted = set(names)
    if "kafka" in wanted and settings.kafka_security_protocol != "plaintext":
        raise _knows_no_login("kafka_security_protocol", "broker", "kafka_servers")
    if "mongo" in wanted and has_login(settings.store_url):
        raise _knows_no_login("store_url", "store", "store_url")
    if "server" in wanted:
        require_protection(settings.server_address, settings.tls_certificate, settings.tls_key)
    if "dashboard" in wanted:
        require_loopback("dashboard_address", settings.dashboard_address)
    if "sink" in wanted and settings.sink_metrics_address:
        require_loopback("sink_metrics_address", settings.sink_metrics_address)


def _knows_no_login(setting: str, part: str, address: str) -> InvalidInput:
    text = f"is for a {part} elsewhere, and the embedded one would be started: set {address} to another machine's"
    return InvalidInput([Violation(setting, text)])


def fixed_ports(given: Mapping[str, str], names: Iterable[str]) -> dict[str, int]:
    """The ports among the `configured` addresses of these parts."""
    return {name: port_of(given[name]) for name in _addressed(names) if given.get(name)}


def endpoints(given: Mapping[str, str], names: Iterable[str], ports: Mapping[str, int]) -> dict[str, str]:
    """Settings that tell where these parts are, `configured` or on a port of ours: the content of endpoints.json."""
    found = {}
    for name in _addressed(names):
        field, form = ADDRESSES[name]
        found[field] = given[name] if name in given else form.format(host=LOOPBACK, port=ports[name])
    return found


def _addressed(names: Iterable[str]) -> list[str]:
    """Those of ADDRESSES that these parts have: Flink's gateway comes with Flink."""
    wanted = set(names)
    return [name for name in ADDRESSES if name in wanted or (name == "flink-sql" and "flink" in wanted)]


def parts(settings: Settings, names: Iterable[str], ports: Mapping[str, int]) -> list[Part]:
    """The processes of these parts in starting order, their files laid out under home. `settings` has the endpoints."""
    wanted, home = set(names), settings.home
    made: list[Part] = []
    if "kafka" in wanted:
        made += kafka.parts(home, port=ports["kafka"], controller_port=ports["kafka-controller"])
    if "mongo" in wanted:
        made += mongo.parts(home, port=ports["mongo"])
    if "flink" in wanted:
        made += flink.parts(
            home,
            _sizes(settings),
            flink.Ports(rest=ports["flink"], rpc=ports["flink-rpc"], sql=ports["flink-sql"]),
        )
    if wanted & {"server", "sink", "keeper"}:
        wanted.add(PREPARE)
    made += [part for part in services.parts(_addresses(settings)) if part.name in wanted]
    here = {part.name for part in made}
    return [replace(part, needs=tuple(need for need in part.needs if need in here)) for part in made]


def _sizes(settings: Settings) -> flink.Sizes:
    return flink.Sizes(
        memory_megabytes=settings.flink_heap_megabytes,
        state=settings.flink_state,
        parallelism=settings.parallelism,
        checkpoint_seconds=settings.checkpoint_seconds,
    )


def _addresses(settings: Settings) -> services.Addresses:
    return services.Addresses(
        server=settings.server_address,
        has_tls=settings.tls_certificate is not None,
        sink=settings.sink_metrics_address,
        dashboard=settings.dashboard_address,
    )


def child_environment(settings: Settings) -> dict[str, str]:
    """Every setting that somebody set, as SEGUE_… variables, so that a child process sees the same settings.

    What only endpoints.json says is left out: the child reads it there, anew after each start of the stack.
    """
    last = last_endpoints(settings.home)
    env = {"SEGUE_HOME": str(settings.home.absolute())}
    for name in settings.model_fields_set - {"home"}:
        value = getattr(settings, name)
        if value is None or value == last.get(name):
            continue
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        env[f"SEGUE_{name.upper()}"] = str(plain.absolute() if isinstance(plain, Path) else plain)
    return env
