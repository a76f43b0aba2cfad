"""One process of the demonstration, with its log in a file. It has a process group of its own, so that nothing of it can be left behind."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import agent

STOP_LIMIT_S = 20.0  # above the agent's own grace for answers in flight
TAIL_LINES = 15
_ALONE = ("NOTIFY_SOCKET", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY")  # of a service that the demonstration may run in


class Actor:
    """Runs ``python -m agent ARGUMENTS``; can be started again after its end."""

    def __init__(self, name: str, log: Path) -> None:
        self.name, self.log = name, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Returns at once; a process that cannot run ends by itself (``ended``)."""
        assert self._process is None or self._process.poll() is not None, f"{self.name} is running"
        environment = {name: value for name, value in os.environ.items() if name not in _ALONE}
        sources = str(Path(agent.__file__).parents[1])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [sources, environment.get("PYTHONPATH")]))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
                [sys.executable, "-m", "agent", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """kill -9: it gets no chance to say or write anything more."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> int | None:
        """Ask it to end in good order, and make it end if it does not. Returns its exit status; None if it never ran."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode

    def output(self) -> str:
        """Everything it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        return "\n".join(self.output().splitlines()[-TAIL_LINES:])
