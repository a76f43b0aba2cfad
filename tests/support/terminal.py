"""A person at a terminal: the program has a pseudo-terminal of its own as its controlling one, so that it may hide what is typed."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
SECONDS = 20.0
INTERRUPT = b"\x03"  # Ctrl-C
AGAIN_S = 3.0

_TAKE = "import os, fcntl, termios, sys; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """``with Terminal(words, environment) as terminal``: the agent's command line. ``screen`` is all that was shown."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], cwd: Path = ROOT) -> None:
        self._master, slave = pty.openpty()
        command = [sys.executable, "-c", _TAKE, sys.executable, "-m", "agent", *words]
        self._process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=dict(environment))
        os.close(slave)
        self.screen = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(SECONDS)
        os.close(self._master)

    def expect(self, text: str, seconds: float = SECONDS) -> str:
        """Wait until a text is shown behind what was expected before; what stood between. Raises AssertionError."""
        end = time.monotonic() + seconds
        while (place := self.screen.find(text, self._seen)) < 0:
            assert self._read(end), f"{text!r} was not shown in time; this was:\n{self.screen}"
        between, self._seen = self.screen[self._seen : place], place + len(text)
        return between

    def type(self, text: str) -> None:
        """A line."""
        os.write(self._master, text.encode() + b"\n")

    def interrupt(self, text: str) -> None:
        """Press Ctrl-C until a text is shown: Python misses one that comes between its prompt and its reading."""
        end = time.monotonic() + SECONDS
        while text not in self.screen[self._seen :] and time.monotonic() < end:
            os.write(self._master, INTERRUPT)
            patience = time.monotonic() + AGAIN_S
            while text not in self.screen[self._seen :] and self._read(patience):
                pass
        self.expect(text)

    def ends(self, seconds: float = SECONDS) -> int:
        """Wait for the end; the exit status."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        return self._process.wait(seconds)

    def _read(self, end: float) -> bool:
        """Take what is shown next; False at the program's end, or when the time is up."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            came = os.read(self._master, 65536)
        except OSError:  # nobody has the other end any more
            return False
        self.screen += came.decode(errors="replace").replace("\r\n", "\n")
        return bool(came)
