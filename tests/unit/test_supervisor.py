"""The supervisor, on small real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from backend.domain.errors import SegueError, Unavailable
from stack.part import Part
from stack.state import Phase, locked, read_state
from stack.supervisor import PartFailed, Supervisor

SLEEP = "import time; time.sleep(600)"
WITH_GRANDCHILD = f"""
import subprocess, sys
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""


def python(name: str, code: str, *arguments: str, **options: object) -> Part:
    """A part that runs some Python."""
    argv = (sys.executable, "-c", code, *arguments)
    return Part(name=name, title=name.capitalize(), argv=argv, **{"check": lambda: "", **options})  # type: ignore[arg-type]


def when_exists(file: Path) -> Callable[[], str]:
    """A health check that waits for a file."""

    def check() -> str:
        if not (file.exists() and file.read_text()):
            raise Unavailable(f"{file} is not there yet")
        return ""

    return check


@contextmanager
def supervised(home: Path, *parts: Part) -> Iterator[Supervisor]:
    """A supervisor of these parts, not started yet, stopped at the end."""
    supervisor = Supervisor(home, parts, {})
    try:
        yield supervisor
    finally:
        supervisor.stop()


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether the condition became true in time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_gone(pid: int) -> bool:
    """Whether no such process runs any more; a zombie does not run."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_parts_start_when_what_they_need_is_well(tmp_path: Path) -> None:
    """A part waits for a once part to end with 0, and every phase is on record."""
    made = tmp_path / "made"
    first = python("first", f"open({str(made)!r}, 'w').write('x')", once=True)
    second = python("second", f"assert open({str(made)!r}).read() == 'x'\n{SLEEP}", needs=("first",))

    with supervised(tmp_path, second, first) as supervisor:
        supervisor.start()
        state = read_state(tmp_path)

    assert state is not None
    assert Phase.UP == state.phase
    assert [Phase.UP, Phase.DONE] == [part.phase for part in state.parts]


def test_stop_leaves_no_process(tmp_path: Path) -> None:
    """After stop the part and what it started itself are gone, and the record says so."""
    file = tmp_path / "grandchild"
    with supervised(tmp_path, python("family", WITH_GRANDCHILD, str(file), check=when_exists(file))) as supervisor:
        supervisor.start()
        pid = supervisor.state.part("family").pid

    assert is_gone(pid)
    assert eventually(lambda: is_gone(int(file.read_text())))
    state = read_state(tmp_path)
    assert state is not None
    assert [Phase.STOPPED, Phase.STOPPED] == [state.phase, state.parts[0].phase]


def test_stop_kills_what_ignores_sigterm(tmp_path: Path) -> None:
    """A part that ignores SIGTERM is killed after its time to stop."""
    ready = tmp_path / "ready"
    code = f"import signal; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w').write('x'); {SLEEP}"
    with supervised(tmp_path, python("stubborn", code, check=when_exists(ready), stop_seconds=0.3)) as supervisor:
        supervisor.start()
        pid = supervisor.state.part("stubborn").pid

    assert is_gone(pid)


def test_crashed_part_is_started_again(tmp_path: Path) -> None:
    """A killed part comes back as another process, and the restart is counted."""
    with supervised(tmp_path, python("part", SLEEP)) as supervisor:
        supervisor.start()
        killed = supervisor.state.part("part").pid
        os.kill(killed, signal.SIGKILL)

        def is_back() -> bool:
            supervisor.look()
            part = supervisor.state.part("part")
            return part.phase is Phase.UP and part.pid != killed

        assert eventually(is_back)
        assert 1 == supervisor.state.part("part").restarts


def test_orphans_of_a_crashed_part_are_killed_before_it_is_started_again(tmp_path: Path) -> None:
    """What a crashed part left running never meets its successor."""
    file = tmp_path / "grandchild"
    with supervised(tmp_path, python("family", WITH_GRANDCHILD, str(file), check=when_exists(file))) as supervisor:
        supervisor.start()
        orphan = int(file.read_text())
        os.kill(supervisor.state.part("family").pid, signal.SIGKILL)

        def is_noticed() -> bool:
            supervisor.look()
            return supervisor.state.part("family").restarts == 1

        assert eventually(is_noticed)
        assert eventually(lambda: is_gone(orphan))


def never_well() -> str:
    """A health check that never passes."""
    raise Unavailable("not yet")


def test_part_that_cannot_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    """After three attempts the error quotes the log's end and says where the log is."""
    part = python("broken", "raise SystemExit('no such flux')", check=never_well)
    words = r"(?s)Broken ended 3 times .*logs/broken\.log:\n    no such flux"
    with supervised(tmp_path, part) as supervisor, pytest.raises(PartFailed, match=words):
        supervisor.start()


def test_part_that_is_never_ready_is_given_up_at_its_deadline(tmp_path: Path) -> None:
    """The error says how long was waited."""
    part = python("slow", SLEEP, check=never_well, deadline_seconds=0.4)
    with supervised(tmp_path, part) as supervisor, pytest.raises(PartFailed, match="Slow was not ready within 0 s"):
        supervisor.start()


def test_missing_program_is_named(tmp_path: Path) -> None:
    """A command that is not installed is said so in the quoted log."""
    part = Part(name="absent", title="Absent", argv=("no-such-program",), check=never_well)
    with supervised(tmp_path, part) as supervisor, pytest.raises(PartFailed, match="cannot start no-such-program"):
        supervisor.start()


SUPERVISE = f"""
import sys, time
from pathlib import Path
from stack.part import Part
from stack.supervisor import Supervisor
home = Path(sys.argv[1])
file = home / "grandchild"
def check():
    from backend.domain.errors import Unavailable
    if not (file.exists() and file.read_text()):
        raise Unavailable("not yet")
    return ""
parts = [
    Part(name="family", title="Family", argv=(sys.executable, "-c", {WITH_GRANDCHILD!r}, str(file)), check=check),
    Part(name="single", title="Single", argv=(sys.executable, "-c", {SLEEP!r}), check=lambda: ""),
]
supervisor = Supervisor(home, parts, {{}})
supervisor.start()
print("up", flush=True)
time.sleep(600)
"""


def test_sigkill_of_the_supervisor_leaves_nobody(tmp_path: Path) -> None:
    """Children, their children and the guard are gone soon after the supervisor was killed."""
    with subprocess.Popen([sys.executable, "-c", SUPERVISE, str(tmp_path)], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        assert b"up\n" == supervisor.stdout.readline()
        family = psutil.Process(supervisor.pid).children(recursive=True)
        supervisor.kill()

    assert 4 == len(family)  # the guard, two parts, one grandchild
    assert eventually(lambda: all(is_gone(process.pid) for process in family))


def test_two_stacks_never_share_a_home(tmp_path: Path) -> None:
    """The second is refused with the way out, and may come when the first is gone."""
    with locked(tmp_path), pytest.raises(SegueError, match="segue down"), locked(tmp_path):
        pytest.fail("both hold the home")
    with locked(tmp_path):
        assert (tmp_path / "stack.lock").exists()
