"""The supervisor's process: `python -m stack.daemon kafka,mongo,…` on the home that SEGUE_HOME names.

Runs until SIGTERM or SIGINT. Exit code 0: stopped because asked; 1: the start failed (home/stack.json says why).
"""

import json
import logging
import os
import signal
import sys
import time

from backend import logs
from backend.domain.errors import SegueError
from backend.files import write_whole
from backend.lacks import lack_of
from backend.settings import ENDPOINTS_FILE, Settings
from stack import handles, plan, ports
from stack.state import Phase, StackState, locked, this_process
from stack.supervisor import PartFailed, Supervisor

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.25


class _Asked:
    """Whether a signal asked this process to stop."""

    def __init__(self) -> None:
        self.now = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.now = True


def run(settings: Settings, names: list[str]) -> int:
    """Start, watch and stop the parts in this process. Raises SegueError where the home is taken or ports are."""
    asked, home = _Asked(), settings.home
    with locked(home):
        given = plan.configured(settings)
        chosen = ports.choose(home, plan.fixed_ports(given, names))
        told = plan.endpoints(given, names, chosen)
        env = plan.child_environment(settings)
        settings = settings.model_copy(update=told)
        write_whole(home / ENDPOINTS_FILE, json.dumps(told, indent=2) + "\n")
        supervisor = Supervisor(home, plan.parts(settings, names, chosen), env)
        try:
            supervisor.start(lambda: asked.now)
            while not asked.now:
                time.sleep(_LOOK_SECONDS)
                supervisor.look()
        except PartFailed as error:
            supervisor.stop(Phase.FAILED, str(error))
            return 1
        except BaseException as error:
            supervisor.stop(Phase.FAILED, f"the supervisor itself failed: {error!r}")
            raise
        supervisor.stop()
    return 0


def main() -> int:
    """The process's entry; what goes wrong before there is a supervisor is recorded too."""
    os.umask(0o077)  # what the parts keep in the home is their owner's
    logs.to_stderr()
    handles.take_all()
    settings = Settings()
    settings = settings.model_copy(update={"home": settings.home.absolute()})
    try:
        return run(settings, sys.argv[1].split(","))
    except (SegueError, OSError) as error:
        lack = lack_of(error)
        is_explained = lack or isinstance(error, SegueError)
        _log.error("the stack did not start: %s", error, exc_info=None if is_explained else error)
        me, told = this_process(), f"{error}: {lack}" if lack else str(error)
        StackState(pid=me.pid, created=me.created, phase=Phase.FAILED, error=told).write(settings.home)
        return 1


if __name__ == "__main__":
    sys.exit(main())
