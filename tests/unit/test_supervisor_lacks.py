"""The supervisor where something is lacking: room, file handles, memory, processes. It lives on, and says what."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import psutil
import pytest

from backend.domain.errors import NoRoom, Unavailable
from backend.lacks import HANDLES, MEMORY, ROOM
from backend.settings import Settings
from stack import checks, child, handles
from stack.stack import Stack, running_state, stop_running
from stack.state import STATE_FILE, Phase, StackState, StateUnreadable, read_state
from stack.supervisor import PartFailed, Supervisor
from tests.small_disk import fill, small_disk
from tests.unit.test_supervisor import SLEEP, eventually, is_gone, python, supervised


@contextmanager
def few_handles(more: int) -> Iterator[None]:
    """So few more files may this process open."""
    was = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = {int(one.name) for one in Path("/proc/self/fd").iterdir()}
    lowest = next(number for number in count() if number not in held)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, was[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, was)


def is_back(supervisor: Supervisor, name: str, killed: int) -> bool:
    """Looks once; whether the part runs again as another process."""
    supervisor.look()
    part = supervisor.state.part(name)
    return part.phase is Phase.UP and part.pid != killed


def kill(supervisor: Supervisor, name: str) -> int:
    """Kill a part; the pid that it had."""
    pid = supervisor.state.part(name).pid
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_full_disk_ends_neither_the_supervisor_nor_what_it_tells() -> None:
    """State is written in place; a part that writes waits for room and says so, another is started again at once."""
    with small_disk(20) as home:
        parts = python("writer", SLEEP, needs_room=True), python("reader", SLEEP)
        with supervised(home, *parts) as supervisor:
            supervisor.start()
            fill(home)
            killed = {name: kill(supervisor, name) for name in ("writer", "reader")}
            assert eventually(lambda: is_back(supervisor, "reader", killed["reader"]))
            assert eventually(lambda: "waits for room" in _written(home, "writer").why)
            assert Phase.RESTARTING is _written(home, "writer").phase
            (home / "ballast").unlink()
            assert eventually(lambda: is_back(supervisor, "writer", killed["writer"]))
            assert "" == _written(home, "writer").why
        told = read_state(home)
        assert told is not None
        assert Phase.STOPPED is told.phase


def _written(home: Path, name: str) -> child.PartState:
    """The part as home/stack.json tells it."""
    state = read_state(home)
    assert state is not None
    return state.part(name)


def test_a_part_that_cannot_be_started_for_handles_is_tried_again(tmp_path: Path) -> None:
    """The state says what is lacking; once there are handles again the part comes back, and nobody did anything."""
    with supervised(tmp_path, python("part", SLEEP)) as supervisor:
        supervisor.start()
        with few_handles(1):
            killed = kill(supervisor, "part")
            assert eventually(lambda: not is_back(supervisor, "part", killed) and _why(supervisor) != "")
            assert eventually(lambda: not is_back(supervisor, "part", killed) and HANDLES in _why(supervisor))
        assert eventually(lambda: is_back(supervisor, "part", killed), 40)
        assert "" == _why(supervisor)


def _why(supervisor: Supervisor) -> str:
    return supervisor.state.part("part").why


def test_a_check_that_cannot_be_made_is_made_again(tmp_path: Path) -> None:
    """Whatever a part's look raises is noted; the part is well as soon as it answers."""
    raised = [OSError(24, "Too many open files"), RuntimeError("can't start new thread"), KeyError("odd")]

    def check() -> str:
        if raised:
            raise raised.pop()
        return ""

    with supervised(tmp_path, python("part", SLEEP, check=check)) as supervisor:
        supervisor.start()
        assert (0, "") == (supervisor.state.part("part").restarts, _why(supervisor))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise OSError(28, 'No space left on device')", ROOM),
        ("bytearray(1 << 40)", MEMORY),
        ("import os; os.kill(os.getpid(), 9)", "killed"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_why_a_part_ended_is_told(tmp_path: Path, code: str, expected: str) -> None:
    """By the end of its log, its signal or its exit code, as it is restarted and when it is given up."""
    part = python("part", code, check=_never)
    with supervised(tmp_path, part) as supervisor, pytest.raises(PartFailed, match=r"3 times .*\(.*") as failed:
        supervisor.start()
    assert expected in str(failed.value)
    assert expected in _written(tmp_path, "part").why


def _never() -> str:
    raise Unavailable("not yet")


def test_a_child_without_memory_says_so(tmp_path: Path) -> None:
    """A real limit on the part's memory, set for the process alone."""
    argv = ("prlimit", "--as=200000000", sys.executable, "-c", f"x = bytearray(10**9)\n{SLEEP}")
    part = replace(python("part", ""), argv=argv, check=_never)
    with supervised(tmp_path, part) as supervisor, pytest.raises(PartFailed, match="no memory is left"):
        supervisor.start()


def test_a_killed_guard_is_replaced(tmp_path: Path) -> None:
    """The next guard knows the parts that run already: they go when the supervisor goes."""
    with supervised(tmp_path, python("part", SLEEP)) as supervisor:
        supervisor.start()
        (guard,) = (one for one in psutil.Process().children() if "guard.py" in " ".join(one.cmdline()))
        guard.kill()
        killed = kill(supervisor, "part")
        assert eventually(lambda: is_back(supervisor, "part", killed))
        guards = [one for one in psutil.Process().children() if "guard.py" in " ".join(one.cmdline())]
        assert 1 == len([one for one in guards if one.status() != psutil.STATUS_ZOMBIE])


def test_a_long_log_is_emptied_although_there_is_no_room_for_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy that does not fit is gone, and so is what took the room."""
    monkeypatch.setattr(child, "LOG_BYTES", 1_000_000)
    with small_disk(3) as home:
        log = home / "part.log"
        log.write_bytes(bytes(2_000_000))
        part = python("part", SLEEP)
        state = child.PartState(name="part", title="Part", log=str(log))
        child.Child(part, state).cap_log()
        assert ["part.log"] == [file.name for file in home.iterdir()]
        assert 0 == log.stat().st_size


def test_state_is_written_in_place(tmp_path: Path) -> None:
    """The same file at the same size, whatever it tells, also when that grows beyond the first size."""
    state = StackState(pid=1, parts=[child.PartState(name="a", title="A")])
    state.write(tmp_path)
    before = (tmp_path / STATE_FILE).stat()
    state.parts[0].why = "x" * 1_000
    state.write(tmp_path)
    after = (tmp_path / STATE_FILE).stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    assert state == read_state(tmp_path)
    state.parts[0].why = "x" * 20_000
    state.write(tmp_path)
    assert state == read_state(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"parts": 3}', "\0" * 16_384])
def test_a_broken_state_is_a_clear_message(tmp_path: Path, text: str) -> None:
    """And where no supervisor runs, none is made up."""
    (tmp_path / STATE_FILE).write_text(text)
    with pytest.raises(StateUnreadable, match=r"stack\.json (is empty|is not what).*segue down"):
        read_state(tmp_path)
    assert running_state(tmp_path) is None


def test_an_emptied_state_is_written_again(tmp_path: Path) -> None:
    """By the supervisor, at its next look."""
    with supervised(tmp_path, python("part", SLEEP)) as supervisor:
        supervisor.start()
        (tmp_path / STATE_FILE).write_text("")
        supervisor.look()
        assert supervisor.state == read_state(tmp_path)
        (tmp_path / STATE_FILE).unlink()
        supervisor.look()
        assert supervisor.state == read_state(tmp_path)


DAEMON = "import time, sys; sys.argv[1:]; time.sleep(600)"


@pytest.mark.parametrize("text", ["", None])
def test_the_supervisor_is_found_although_its_state_is_lost(tmp_path: Path, text: str | None) -> None:
    """By its process: `segue status` knows that it runs, `segue down` stops it."""
    argv = [sys.executable, "-c", DAEMON, "stack.daemon", "kafka"]
    with subprocess.Popen(argv, env={**os.environ, "SEGUE_HOME": str(tmp_path)}) as daemon:
        if text is not None:
            (tmp_path / STATE_FILE).write_text(text)
        state = running_state(tmp_path)
        assert state is not None
        assert (daemon.pid, []) == (state.pid, state.parts)
        assert "stack.json" in state.error
        assert stop_running(tmp_path)
    assert is_gone(daemon.pid)


def test_a_stack_is_not_begun_on_a_full_disk() -> None:
    """One sentence with what is left and what to do, before anything is written."""
    with small_disk(20) as disk:
        fill(disk)
        with pytest.raises(NoRoom, match=r"cannot start: the disk of .* has 0 MB left.*df -h"):
            Stack(Settings(home=disk / "home"), ("mongo",)).start()
        assert ["ballast"] == [file.name for file in disk.iterdir()]


def test_a_stack_is_not_begun_with_few_handles(tmp_path: Path) -> None:
    """`segue up` says how many are needed; `segue doctor` how to get them."""
    code = (
        "import sys; from pathlib import Path; from backend.settings import Settings; from stack import checks;"
        "from stack.stack import Stack; print(checks.check_handles().fix)\n"
        "try: Stack(Settings(home=Path(sys.argv[1])), ('mongo',)).start()\n"
        "except Exception as error: print(error)"
    )
    argv = ["prlimit", "--nofile=64:64", sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert f"ulimit -n {handles.LEAST}" in done.stdout
    assert "a process may hold only 64 files open" in done.stdout
    assert "" == checks.check_handles().fix


@pytest.mark.parametrize("command", ["status", "doctor", "down"])
def test_commands_work_on_a_full_disk_and_with_few_handles(command: str) -> None:
    """No traceback: what can be told is told."""
    with small_disk(20) as home, supervised(home, python("part", SLEEP)) as supervisor:
        supervisor.start()
        fill(home)
        argv = ["prlimit", "--nofile=24:24", sys.executable, "-m", "cli.main", command, "--home", str(home)]
        if command == "down":
            # The supervisor is this very process: an earlier one's state is all there is.
            supervisor.state.pid = 0
            supervisor.state.write(home)
        done = subprocess.run([*argv, "--json"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert isinstance(json.loads(done.stdout.splitlines()[-1]), dict), done.stderr


def test_whoever_logs_onto_a_full_disk_lives_on() -> None:
    """What a part of ours says there is lost, and the part is not: /dev/full refuses as a full disk does."""
    code = (
        "import logging, sys; logging.basicConfig(level='INFO');"
        "[logging.info('line %d %s', at, 'x' * 200) for at in range(20_000)]; sys.stdin.read(1); open(sys.argv[1], 'w')"
    )
    with small_disk(1) as disk, Path("/dev/full").open("wb") as full:
        done = disk / "done"
        argv = [sys.executable, "-c", code, str(done)]
        subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=full, check=False)
        assert done.exists()


@pytest.mark.jvm
def test_a_store_that_cannot_write_ends_and_the_next_opens_what_was_written() -> None:
    """H2 closes its file for good where a write fails, and goes on answering pings; broken files are put aside."""
    pymongo = pytest.importorskip("pymongo")
    with small_disk(8) as disk:
        file, port = disk / "store.mv", _free_port()

        def served() -> subprocess.Popen[bytes]:
            argv = [sys.executable, "-m", "stack.mongo_server", str(file), str(port)]
            return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)

        with pymongo.MongoClient(f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=30_000) as client:
            rows = client["t"]["rows"]
            first = served()
            rows.insert_many([{"_id": number, "text": "x" * 500} for number in range(1_000)])
            time.sleep(1.5)  # H2 writes what it was told a second later
            fill(disk)
            with pytest.raises(pymongo.errors.PyMongoError):  # noqa: PT012 - which of them fails is up to H2
                for number in range(1_000, 100_000, 500):
                    rows.insert_many([{"_id": at, "text": os.urandom(500).hex()} for at in range(number, number + 500)])
            assert 1 == first.wait(20)
            (disk / "ballast").unlink()
            second = served()
            assert 1_000 <= rows.count_documents({})
            second.terminate()
            assert 0 == second.wait(20)
            file.write_bytes(os.urandom(20_000))
            third = served()
            assert 0 == rows.count_documents({})
            assert 1 == len(list(disk.glob("store.mv.broken-*")))
            third.terminate()
            assert 0 == third.wait(20)


def _free_port() -> int:
    import random

    from stack.ports import free_port

    return free_port(set(), random.SystemRandom())
