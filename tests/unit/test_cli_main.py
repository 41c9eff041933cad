"""The `segue` command: what it lists, what it says when something is wrong, and its exit codes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend.domain.errors import InvalidInput, SegueError, Unavailable, Violation
from cli import main
from cli.output import to_json


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home where no stack ever ran."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def segue(*argv: str) -> subprocess.CompletedProcess[str]:
    """The program itself, in a process of its own."""
    return subprocess.run([sys.executable, "-m", "cli.main", *argv], capture_output=True, text=True, check=False)


def test_help_lists_the_commands_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """`segue --help` shows every command that is there, and exits with 0."""
    assert 0 == main.run(["--help"])

    shown = [line.split()[0] for line in capsys.readouterr().out.partition("Commands:")[2].splitlines() if line.strip()]
    assert [name for name in main.COMMANDS if (main.FOLDER / f"{name}.py").exists()] == [
        name for name in shown if name in main.COMMANDS
    ]


def test_commands_not_there_yet_are_not_listed(tmp_path: Path) -> None:
    """In a folder without modules there are no commands."""
    assert [] == main.build(["--help"], folder=tmp_path).registered_commands


def test_help_imports_no_command_and_nothing_heavy() -> None:
    """`segue --help` is quick because it imports neither commands nor settings, clients or Rich."""
    heavy = "{'pydantic', 'grpc', 'rich.console', 'confluent_kafka', 'pymongo', 'numpy', 'backend.settings'}"
    code = (
        "import sys; from cli import main; main.run(['--help'])\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)\n"
        "assert not any(name.startswith('cli.commands.') for name in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "" == done.stderr


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["upp"], "No such command 'upp'. Did you mean 'up'?; see `segue --help`"),
        (["up", "--bad"], "No such option: --bad; see `segue up --help`"),
    ],
)
def test_wrong_use_exits_with_2_and_names_the_help(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt command or option is one line that says where to read on."""
    assert 2 == main.run(argv)
    assert f"✗ {message}\n" == capsys.readouterr().err


def test_wrong_setting_exits_with_2_and_names_the_field(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting that is not valid is named, with what was given and where to correct it."""
    monkeypatch.setenv("SEGUE_PARALLELISM", "0")

    assert 2 == main.run(["status"])

    assert (
        "✗ settings: parallelism: Input should be greater than or equal to 1 (given: '0'); "
        "correct the flag, the SEGUE_… variable or segue.toml\n"
    ) == capsys.readouterr().err


def test_broken_settings_file_exits_with_2(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A segue.toml that is no TOML is named with the line."""
    Path("segue.toml").write_text("parallelism = \n")

    assert 2 == main.run(["status"])

    assert "✗ segue.toml: Invalid value (at line 1, column 15); correct the file\n" == capsys.readouterr().err


def test_errors_are_json_where_json_was_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json an error is one JSON object on stderr, and stdout stays empty."""
    assert 1 == main.run(["up", "--parts", "kafka,flunk", "--json"])

    out, err = capsys.readouterr()
    assert "" == out
    assert {
        "error": "InvalidInput",
        "message": "parts: flunk: not one of kafka, mongo, flink, server, sink, keeper, dashboard; "
        "correct it and run the command again",
    } == json.loads(err)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unavailable("the broker is away."), "the broker is away; see how the parts are with `segue status`"),
        (InvalidInput([Violation("k", "0 is too small")]), "k: 0 is too small; correct it and run the command again"),
        (SegueError("no free port; run `segue doctor`"), "no free port; run `segue doctor`"),
    ],
)
def test_errors_end_with_the_next_step(error: SegueError, message: str) -> None:
    """An error that names no command itself gets the step that fits its kind."""
    assert (message, 1) == main.explain(error)


def test_errors_nobody_raised_on_purpose_are_not_explained_away() -> None:
    """They keep their traceback."""
    assert main.explain(ZeroDivisionError("division by zero")) is None


def test_down_and_status_without_a_stack(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`down` is fine with nothing to stop; `status` says how to start and exits with 1."""
    assert 0 == main.run(["down"])
    assert 1 == main.run(["status"])

    assert f"No stack runs in {home}.\nNo stack runs in {home}; start it with `segue up`.\n" == capsys.readouterr().err


def test_a_number_that_is_none_is_null() -> None:
    """Strict readers refuse NaN."""
    told = to_json({"z": float("nan"), "list": [1.5, float("inf")]})
    assert '{"z": null, "list": [1.5, null]}' == told


def test_status_without_a_stack_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON says the same as the exit code."""
    assert 1 == main.run(["status", "--json"])
    assert {"running": False, "parts": [], "archive": None} == json.loads(capsys.readouterr().out)


def test_without_arguments_shows_the_help() -> None:
    """`segue` alone is `segue --help`."""
    done = segue()

    assert 0 == done.returncode
    assert done.stdout.startswith("Usage: segue")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_leave_in_good_order(number: signal.Signals, code: int, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM run every `finally`, and have exit codes of their own."""
    code_text = (
        "import signal, sys, time\nfrom cli import main\n"
        # As a terminal starts it; a shell's background jobs, this test's own perhaps, begin with SIGINT ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def build(argv):\n"
        "    def app(**_):\n"
        "        try:\n            print('ready', flush=True); time.sleep(60)\n"
        "        finally:\n            print('in order', flush=True)\n"
        "    return app\n"
        "main.build = build\nmain.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code_text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
        process.send_signal(number)
        assert "in order\n" == process.stdout.readline()

    assert code == process.returncode


def test_bytes_that_are_no_text_are_refused_before_a_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback of an encoder helps nobody."""
    assert 2 == main.run(["recommend", "l\udcff"])
    assert "holds bytes that are not UTF-8" in capsys.readouterr().err


def test_a_home_that_is_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to look at."""
    (tmp_path / "file").touch()
    assert 1 == main.run(["tokens", "issue", "app", "--scope", "ingest", "--home", str(tmp_path / "file")])
    assert f"{tmp_path / 'file'}: File exists; see that the path" in capsys.readouterr().err


def test_a_negative_seed_is_refused_before_work_begins(capsys: pytest.CaptureFixture[str]) -> None:
    """With the option's name."""
    assert 2 == main.run(["train", "--seed", "-1"])
    assert "'--seed'" in capsys.readouterr().err
