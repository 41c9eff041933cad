"""The base install is enough for the server, the sink and clients; what is missing names the extra that brings it."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from backend.extras import MODULES, MissingExtra, explained, missing

ROOT = Path(__file__).parents[2]
WITHOUT = """\
import importlib, runpy, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Forbidden())
"""


def without_extras(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `script` where no module of an extra can be imported."""
    forbidden = sorted({module for modules in MODULES.values() for module in modules})
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(modules=forbidden) + script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}", **environment},
    )


@pytest.mark.parametrize(
    "module",
    [
        *("backend.__main__", "backend.wiring", "backend.rpc.server", "backend.adapters.encoder.onnx"),
        *("backend.adapters.models.folder", "backend.adapters.vectors.embedded", "backend.adapters.store.mongo"),
        *("streaming.sink", "streaming.sink_metrics", "client.channel", "cli.main", "cli.commands.recommend"),
    ],
)
def test_server_sink_and_client_import_without_extras(module: str) -> None:
    """In a process of its own, since this one has imported everything."""
    done = without_extras(f"importlib.import_module({module!r})")
    assert (0, "") == (done.returncode, done.stderr)


def test_models_in_a_folder_need_no_extra_and_those_in_a_bucket_name_it(tmp_path: Path) -> None:
    """The folder's repository comes without pyarrow, which would make the start slower."""
    script = (
        "from backend import wiring\nfrom backend.settings import Settings\nprint(wiring.models(Settings()).current())"
    )
    folder = without_extras(script, SEGUE_HOME=str(tmp_path))
    assert (0, "None\n", "") == (folder.returncode, folder.stdout, folder.stderr)
    bucket = without_extras(script, SEGUE_HOME=str(tmp_path), SEGUE_MODELS_URL="s3://music/models")
    assert "boto3 is not installed; it comes with the extra s3" in bucket.stderr.splitlines()[-1]


def test_a_server_that_is_told_to_use_pinecone_names_the_extra(tmp_path: Path) -> None:
    """It does not start; exit code 2 as for every wrong setting."""
    done = without_extras(
        "runpy.run_module('backend', run_name='__main__')",
        SEGUE_HOME=str(tmp_path),
        SEGUE_VECTORS_URL="pinecone://index",
        SEGUE_PINECONE_API_KEY="secret",
    )
    assert 2 == done.returncode
    assert "pip install 'segue[pinecone]'" in done.stderr
    assert "secret" not in done.stderr


def test_the_keeper_names_the_extra() -> None:
    """Before it asks for a cluster."""
    done = without_extras("importlib.import_module('streaming.keeper')")
    assert "pyarrow is not installed; it comes with the extra streaming" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        *(("train", "training"), ("tune", "training"), ("up", "stack"), ("jobs compact", "streaming")),
        ("ingest audio docs", "audio"),
    ],
)
def test_a_command_names_the_extra_in_one_line(tmp_path: Path, command: str, extra: str) -> None:
    """No traceback, exit code 1."""
    done = without_extras(
        f"from cli.main import run; sys.exit(run({command.split()!r}))",
        SEGUE_HOME=str(tmp_path),
        SEGUE_CACHE=str(tmp_path),
        SEGUE_TOKEN="token",
    )
    assert (1, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert f"pip install 'segue[{extra}]'" in done.stderr


def test_every_extra_that_is_imported_is_declared() -> None:
    """The table beside pyproject.toml; spotify waits for its importer."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(declared) - {"spotify"} == set(MODULES)


def test_modules_that_no_extra_brings_stay_as_they_are() -> None:
    """A misspelt import is a mistake of ours, not a missing extra."""
    assert missing("nonsense.module") is None
    with pytest.raises(ModuleNotFoundError), explained("training"):
        import nonsense  # type: ignore[import-not-found] # noqa: F401
    with pytest.raises(MissingExtra, match="extra tableau"), explained("tableau"):
        raise ModuleNotFoundError(name="pyarrow.parquet")
