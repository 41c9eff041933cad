"""What an operator is told about settings that are wrong, ports that are taken and commands that are broken off."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend import misspelt, wiring
from backend.domain.errors import InvalidInput, SegueError
from backend.files import write_whole
from backend.settings import Settings, holds_secret
from cli import main, options
from importers.dataset import load
from importers.rows import ReadOptions
from stack import ports
from stack.state import STATE_FILE, StackState
from tests.unit.test_listeners import NOON


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, without a segue.toml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("SEGUE_TENENT", "nothing reads SEGUE_TENENT of the environment; did you mean SEGUE_TENANT?"),
        (
            "SEGUE_KAFKA_SERVER",
            "nothing reads SEGUE_KAFKA_SERVER of the environment; did you mean SEGUE_KAFKA_SERVERS?",
        ),
        ("segue_tokn", "nothing reads segue_tokn of the environment; did you mean SEGUE_TOKEN?"),
        ("SEGUE_QQQ", "nothing reads SEGUE_QQQ of the environment; segue.example.toml lists every setting"),
    ],
)
def test_a_variable_that_nobody_reads_is_told(
    variable: str, told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the nearest that is read; the command goes on."""
    monkeypatch.setenv(variable, "x")
    options.settings()
    assert [f"! {told}"] == caplog.messages


@pytest.mark.parametrize("variable", ["SEGUE_HOME", "segue_tenant", "SEGUE_MAVEN_REPOSITORY", "SEGUE_TEST_X", "PATH"])
def test_a_variable_that_somebody_reads_is_not_told(variable: str) -> None:
    """Settings, and what other parts read; others' variables are theirs."""
    assert [] == misspelt.variables([variable])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tenent = 'x'", "tenent: there is no such setting; did you mean tenant?"),
        ("[segue]\ntenant = 'x'", "segue: there is no such setting; segue.example.toml lists every setting"),
    ],
)
def test_a_key_of_the_settings_file_that_is_none_is_told(
    folder: Path, line: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is done with the settings that were meant otherwise."""
    (folder / "segue.toml").write_text(line)
    assert 2 == main.run(["tokens", "list"])
    assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "url",
    [
        *("foo", "", "localhost:27017", "http://h", "mongodb://", "mongodb://a:b:c/", "mongodb://h:99999"),
        *("mongodb://u:secret@x@h/", "mongodb://h/?bogus=1", "mongodb://h/?tls=maybe", "mongodb://[::1"),
    ],
)
def test_an_address_of_a_store_that_is_none_names_the_setting(url: str) -> None:
    """Misspelt options included, which the driver only warns of; never with the password that it may hold."""
    with pytest.raises(InvalidInput, match=r"^store_url: must be mongodb://host:port and the like: ") as caught:
        wiring.store(Settings(store_url=url))
    assert "secret" not in str(caught.value)


def test_a_port_that_is_taken_is_told_with_its_setting_and_its_holder(tmp_path: Path) -> None:
    """And what to do about it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SegueError) as caught:
            ports.choose(tmp_path, {"mongo": port})
    for part in (f"port {port} of store_url is taken by process {os.getpid()} (", f":{port}", "SEGUE_STORE_URL"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["pipe.tsv", "pipe.csv", "pipe.gz"])
def test_a_pipe_is_refused_before_it_is_opened(tmp_path: Path, name: str) -> None:
    """Opening one waits for who writes into it, for ever."""
    pipe = tmp_path / name
    os.mkfifo(pipe)
    for format_name in ("", "lastfm-1k", "spotify-songs"):
        with pytest.raises(InvalidInput, match="is no file but a pipe or a device"):
            load(pipe, ReadOptions(now=NOON), format_name=format_name)


def test_a_device_is_refused() -> None:
    """One without an end would be read for ever."""
    with pytest.raises(InvalidInput, match="is no file but a pipe or a device"):
        load(Path("/dev/zero"), ReadOptions(now=NOON), format_name="lastfm-1k")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """As the package says it."""
    assert 0 == main.run(["--version"])
    assert "segue 0.1.0\n" == capsys.readouterr().out


def test_a_segue_toml_that_is_no_utf8_is_told_in_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As one that is no TOML."""
    (folder / "segue.toml").write_bytes(b"\xff\xfe=1")
    assert 2 == main.run(["status"])
    assert "segue.toml: TOML is in UTF-8, and this is not" in capsys.readouterr().err


@pytest.mark.parametrize("moment", ["import typer", "import cli.output", "import pydantic"])
@pytest.mark.parametrize("json", [False, True])
def test_ctrl_c_is_one_line_whatever_is_being_read(moment: str, json: bool) -> None:
    """Also while the program's own modules are: 130, and no traceback."""
    wanted = moment.removeprefix("import ")
    code = f"""
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == {wanted!r}:
            sys.meta_path.remove(self)
            raise KeyboardInterrupt
sys.meta_path.insert(0, Broken())
sys.argv = ["segue", "status", *{["--json"] if json else []}]
from cli.program import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    line = '{"error": "Interrupted", "message": "interrupted"}' if json else "✗ interrupted"
    assert (130, [line]) == (done.returncode, done.stderr.splitlines())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORE_URL", "mongodb://u:h0rse@h\n"),
        *((name, "h0rse") for name in ("TOKEN", "PINECONE_API_KEY", "KAFKA_PASSWORD", "STORE_PASSWORD")),
    ],
)
def test_a_setting_that_is_wrong_is_told_without_its_secret(
    folder: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others are told with what was given."""
    monkeypatch.setenv(f"SEGUE_{name}", value)
    monkeypatch.setenv("SEGUE_KAFKA_PARTITIONS", "none")
    assert 2 == main.run(["tokens", "list"])
    told = capsys.readouterr().err
    assert "h0rse" not in told
    assert "none" in told
    assert holds_secret(name.lower())
    assert not holds_secret("kafka_partitions")


def test_ctrl_c_ends_a_command_that_waits(folder: Path) -> None:
    """The program itself, which waits for a server that is not there."""
    started = subprocess.Popen(
        [sys.executable, "-m", "cli.program", "export", "hyper"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={
            **os.environ,
            "SEGUE_HOME": str(folder / "home"),
            "SEGUE_SERVER_ADDRESS": "127.0.0.1:1",
            "SEGUE_TOKEN": "x",
        },
    )
    time.sleep(1.0)
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGINT)
    _, told = started.communicate(timeout=30)
    assert started.returncode in (130, 1)
    assert "Traceback" not in told


def test_what_a_home_keeps_is_its_owners(tmp_path: Path) -> None:
    """The state of the stack and whatever else is written whole."""
    StackState().write(tmp_path)
    write_whole(tmp_path / "x", "x")
    for name in (STATE_FILE, "x"):
        assert 0o600 == stat.S_IMODE((tmp_path / name).stat().st_mode)
