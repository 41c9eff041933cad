"""Logs a training to an MLflow tracking server, over its REST API (version 2.0).

Without MLflow's own client: the smallest one brings 39 packages for six requests (docs/adr/0002-dependencies.md). A
training never fails for it: what goes wrong is returned as a sentence.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from backend import web

TIMEOUT_SECONDS = 10.0
PARAMETERS_AT_ONCE = METRICS_AT_ONCE = 100
"""Of one log-batch request; servers refuse more than 100 parameters."""
LONGEST_VALUE = 500
"""Characters of a parameter's value that every server release takes."""
ARTIFACTS = "mlflow-artifacts"


@dataclass(frozen=True, slots=True)
class _Server:
    """`root` is scheme, host and path without a user's name; `client` signs in with that one, if the URL has any."""

    root: str
    client: httpx.Client

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer; `options` as httpx takes them. Raises HTTPStatusError and other web.FAILURES, ValueError."""
        answer = self.client.request(method, f"{self.root}/api/2.0/{path}", **options).raise_for_status()
        return answer.json() if answer.content else {}

    def post(self, path: str, **fields: object) -> Any:
        """As `ask`, with a JSON body."""
        return self.ask("POST", f"mlflow/{path}", json=fields)


def log_training(url: str, *, experiment: str, manifest: Mapping[str, Any], seconds: float) -> str:
    """Log a version as a finished run of `experiment`: parameters, metrics, and its manifest as an artifact.

    "" where the server took all of it, else what went wrong and what to do. `seconds` is how long the training took.
    """
    where = "mlflow_url"
    try:
        where, user = _address(url)
        with web.client(timeout_seconds=TIMEOUT_SECONDS) as client:
            client.auth = user
            _log(_Server(where, client), experiment, manifest, seconds)
    except (*web.FAILURES, ValueError, KeyError, TypeError) as error:
        detail = web.told(error.response) if isinstance(error, httpx.HTTPStatusError) else error
        return f"MLflow at {where} did not take the run ({detail}): start it, or unset mlflow_url"
    return ""


def _log(server: _Server, experiment: str, manifest: Mapping[str, Any], seconds: float) -> None:
    started = datetime.fromisoformat(manifest["created_at"])
    ended = _milliseconds(started + timedelta(seconds=seconds))
    run = server.post(
        "runs/create",
        experiment_id=_experiment(server, experiment),
        run_name=manifest["version"],
        start_time=_milliseconds(started),
        tags=[{"key": "mlflow.source.name", "value": "segue train"}, {"key": "segue.code", "value": manifest["code"]}],
    )["run"]["info"]
    parameters = [{"key": key, "value": value} for key, value in _parameters(manifest)]
    for some in _parts(parameters, PARAMETERS_AT_ONCE):
        server.post("runs/log-batch", run_id=run["run_id"], params=some)
    metrics = [
        # "@" is not among the characters that MLflow allows.
        {"key": name.replace("@", "_at_"), "value": value, "timestamp": ended, "step": 0}
        for name, value in manifest["metrics"].items()
    ]
    for some in _parts(metrics, METRICS_AT_ONCE):
        server.post("runs/log-batch", run_id=run["run_id"], metrics=some)
    _artifact(server, run, "manifest.json", json.dumps(manifest, indent=1).encode())
    server.post("runs/update", run_id=run["run_id"], status="FINISHED", end_time=ended)


def _address(url: str) -> tuple[str, httpx.Auth]:
    """Scheme, host and path; and who signs in, if the URL names somebody. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("mlflow_url must be http://host[:port] or https://…")
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return (
        f"{parts.scheme}://{place}{parts.path.rstrip('/')}",
        httpx.BasicAuth(unquote(name), unquote(password)) if user else httpx.Auth(),
    )


def _experiment(server: _Server, name: str) -> str:
    """Its id; made where it is not there yet."""
    try:
        found = server.ask("GET", "mlflow/experiments/get-by-name", params={"experiment_name": name})
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return str(server.post("experiments/create", name=name)["experiment_id"])
    return str(found["experiment"]["experiment_id"])


def _artifact(server: _Server, run: Mapping[str, str], name: str, content: bytes) -> None:
    """Where the server keeps artifacts itself: with another artifact store, clients need that store's own access."""
    place = urlsplit(run["artifact_uri"])
    if place.scheme == ARTIFACTS:
        server.ask("PUT", f"{ARTIFACTS}/artifacts/{quote(place.path.lstrip('/'))}/{name}", content=content)


def _parameters(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("version", "engine", "seed", "settings_from", "code"):
        yield name, str(manifest[name])[:LONGEST_VALUE]
    for part in ("settings", "data"):
        for name, value in manifest[part].items():
            yield f"{part}.{name}", str(value)[:LONGEST_VALUE]


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
