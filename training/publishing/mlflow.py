"""Logs a training to an MLflow tracking server, over its REST API (version 2.0) with the standard library.

No client package: the smallest one brings 39 others for six requests (docs/adr/0002-dependencies.md). A training never
fails for it: what goes wrong is returned as a sentence.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 10.0
PARAMETERS_AT_ONCE = METRICS_AT_ONCE = 100
"""Of one log-batch request; servers refuse more than 100 parameters."""
LONGEST_VALUE = 500
"""Characters of a parameter's value that every server release takes."""
ARTIFACTS = "mlflow-artifacts"


@dataclass(frozen=True, slots=True)
class _Server:
    """`root` is scheme, host and path without a user's name; `headers` carry that one, if the URL has any."""

    root: str
    headers: Mapping[str, str]

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The JSON answer. Raises OSError (also HTTPError), HTTPException, ValueError."""
        request = Request(f"{self.root}/api/2.0/{path}", data=body, method=method, headers=dict(self.headers))  # noqa: S310 - http(s) only, see _server
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            return json.loads(answer.read() or b"{}")

    def post(self, path: str, **fields: object) -> Any:
        """As `ask`, with a JSON body."""
        return self.ask("POST", f"mlflow/{path}", json.dumps(fields).encode())


def log_training(url: str, *, experiment: str, manifest: Mapping[str, Any], seconds: float) -> str:
    """Log a version as a finished run of `experiment`: parameters, metrics, and its manifest as an artifact.

    "" where the server took all of it, else what went wrong and what to do. `seconds` is how long the training took.
    """
    server = None
    try:
        server = _server(url)
        _log(server, experiment, manifest, seconds)
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        detail = f"{error}: {error.read()[:200].decode(errors='replace')}" if isinstance(error, HTTPError) else error
        where = server.root if server else "mlflow_url"
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


def _server(url: str) -> _Server:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("mlflow_url must be http://host[:port] or https://…")
    user, _, place = parts.netloc.rpartition("@")
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = f"Basic {base64.b64encode(unquote(user).encode()).decode()}"
    return _Server(f"{parts.scheme}://{place}{parts.path.rstrip('/')}", headers)


def _experiment(server: _Server, name: str) -> str:
    """Its id; made where it is not there yet."""
    try:
        found = server.ask("GET", f"mlflow/experiments/get-by-name?experiment_name={quote(name, safe='')}")
    except HTTPError as error:
        if error.code != 404:
            raise
        return str(server.post("experiments/create", name=name)["experiment_id"])
    return str(found["experiment"]["experiment_id"])


def _artifact(server: _Server, run: Mapping[str, str], name: str, content: bytes) -> None:
    """Where the server keeps artifacts itself: with another artifact store, clients need that store's own access."""
    place = urlsplit(run["artifact_uri"])
    if place.scheme == ARTIFACTS:
        server.ask("PUT", f"{ARTIFACTS}/artifacts/{quote(place.path.lstrip('/'))}/{name}", content)


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
