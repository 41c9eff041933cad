"""docker-compose.yml as data: there is no container engine here, so what can be checked is checked."""

from pathlib import Path

import yaml

from backend.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_every_variable_is_a_setting() -> None:
    """A misspelt SEGUE_ variable would be ignored in silence."""
    given = {name for service in COMPOSE["services"].values() for name in service.get("environment", {})}
    ours = {name.removeprefix("SEGUE_").lower() for name in given if name.startswith("SEGUE_")}
    assert ours
    assert ours <= Settings.model_fields.keys()


def test_ports_are_published_on_loopback_only() -> None:
    """Nothing of the distributed form is reachable from outside by default."""
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_services_run_modules_that_exist() -> None:
    """Each `python -m` names a module of ours."""
    modules = [s["command"][2] for s in COMPOSE["services"].values() if s.get("command", [""])[0] == "python"]
    assert {"streaming.sink", "streaming.keeper"} == set(modules)
    assert all((ROOT / f"{module.replace('.', '/')}.py").exists() for module in modules)
