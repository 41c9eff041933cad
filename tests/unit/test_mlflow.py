"""Trainings are logged to a server that speaks MLflow's REST API, and never fail for it."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from training.publishing.mlflow import log_training

MANIFEST: dict[str, Any] = {
    "version": "20261121T100000Z-abcdef",
    "created_at": "2026-11-21T10:00:00+00:00",
    "engine": "local",
    "seed": 7,
    "settings_from": "defaults",
    "code": "segue 0.1.0, abc",
    "settings": {"dimension": 64, "sweeps": 12},
    "data": {"plays": 100, "excluded": {"skip": 3}},
    "metrics": {"ndcg@20": 0.31, "popular.ndcg@20": 0.05},
}


class Tracking:
    """What a tracking server holds, as far as Segue writes it; refuses what the real one refuses."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, bytes] = {}
        self.authorization: str | None = None

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        url = urlsplit(path)
        if url.path.startswith("/api/2.0/mlflow-artifacts/artifacts/") and method == "PUT":
            self.artifacts[url.path.removeprefix("/api/2.0/mlflow-artifacts/artifacts/")] = body
            return 200, {}
        if not url.path.startswith("/api/2.0/mlflow/"):
            return 404, {"error_code": "ENDPOINT_NOT_FOUND"}
        call = f"{method} {url.path.removeprefix('/api/2.0/mlflow/')}"
        fields = json.loads(body) if body else {}
        if call == "GET experiments/get-by-name":
            name = parse_qs(url.query)["experiment_name"][0]
            if name not in self.experiments:
                return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}
            return 200, {"experiment": {"experiment_id": self.experiments[name], "name": name}}
        if call == "POST experiments/create":
            self.experiments[fields["name"]] = str(len(self.experiments) + 1)
            return 200, {"experiment_id": self.experiments[fields["name"]]}
        return self._run(call, fields)

    def _run(self, call: str, fields: dict[str, Any]) -> tuple[int, object]:
        if call == "POST runs/create":
            run_id = f"run{len(self.runs)}"
            info = {"run_id": run_id, "artifact_uri": f"mlflow-artifacts:/{fields['experiment_id']}/{run_id}/artifacts"}
            self.runs[run_id] = {"created": fields, "metrics": {}, "params": {}, "status": "RUNNING"}
            return 200, {"run": {"info": info}}
        run = self.runs[fields["run_id"]]
        if call == "POST runs/log-batch":
            if len(fields.get("params", ())) > 100 or any("@" in each["key"] for each in fields.get("metrics", ())):
                return 400, {"error_code": "INVALID_PARAMETER_VALUE"}
            for part in ("metrics", "params"):
                run[part] |= {each["key"]: each["value"] for each in fields.get(part, ())}
            return 200, {}
        if call == "POST runs/update":
            run |= {"status": fields["status"], "end_time": fields["end_time"]}
            return 200, {"run_info": {}}
        return 404, {"error_code": "ENDPOINT_NOT_FOUND"}


@pytest.fixture
def tracking() -> Tracking:
    """An empty server's memory."""
    return Tracking()


@pytest.fixture
def url(tracking: Tracking) -> Iterator[str]:
    """Where it is served."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            tracking.authorization = self.headers["Authorization"]
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, answer = tracking.answer(self.command, self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_training_is_a_finished_run_with_parameters_metrics_and_manifest(url: str, tracking: Tracking) -> None:
    """The second training of a tenant goes to the same experiment."""
    for _ in range(2):
        assert "" == log_training(url, experiment="segue", manifest=MANIFEST, seconds=12.5)
    assert {"segue": "1"} == tracking.experiments
    run = tracking.runs["run1"]
    assert ("FINISHED", 12_500) == (run["status"], run["end_time"] - run["created"]["start_time"])
    assert {"ndcg_at_20": 0.31, "popular.ndcg_at_20": 0.05} == run["metrics"]
    assert ("64", "100", "local") == tuple(
        run["params"][name] for name in ("settings.dimension", "data.plays", "engine")
    )
    assert MANIFEST == json.loads(tracking.artifacts["1/run1/artifacts/manifest.json"])


def test_name_and_password_of_the_url_are_sent_but_never_told(url: str, tracking: Tracking) -> None:
    """As basic authentication; a warning names the server without them."""
    with_name = url.replace("http://", "http://ann:s%40cret@")
    assert "" == log_training(with_name, experiment="segue", manifest=MANIFEST, seconds=1)
    assert f"Basic {base64.b64encode(b'ann:s@cret').decode()}" == tracking.authorization
    warning = log_training("http://ann:s%40cret@127.0.0.1:9", experiment="segue", manifest=MANIFEST, seconds=1)
    assert "127.0.0.1:9" in warning
    assert "cret" not in warning


@pytest.mark.parametrize("wrong", ["http://127.0.0.1:9", "file:///etc/passwd", "ftp://host", "nonsense"])
def test_a_server_that_is_not_there_is_a_warning(wrong: str) -> None:
    """With what to do about it."""
    assert log_training(wrong, experiment="segue", manifest=MANIFEST, seconds=1).endswith("or unset mlflow_url")


def test_a_refusal_is_a_warning_with_the_servers_words(url: str) -> None:
    """Here: it speaks MLflow at another path."""
    warning = log_training(f"{url}/elsewhere", experiment="segue", manifest=MANIFEST, seconds=1)
    assert "ENDPOINT_NOT_FOUND" in warning
