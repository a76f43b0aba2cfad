"""The stage: a folder with the agent's configuration, the bank and the agent as processes, and what clears all of it away.

Clearing away happens outside of any event loop and with signals shut out, so that a failure, a second Ctrl-C or a terminal that is
closed leaves no process behind.
"""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.demo import configuration
from agent.demo.actor import Actor
from agent.settings import KOSHELEK

START_LIMIT_S = 30.0  # Python, its modules and a new journal on a slow machine that is busy
PAUSE_S = 0.05
MAX_SOCKET_PATH_CHARACTERS = 100  # Linux takes 107
_PREFIX = "koshelek-demo-"
_LONGEST_NAME = f"/{_PREFIX}12345678/admin.sock"
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StageFailed(Exception):
    """The demonstration cannot go on: a process does not start, or has ended without being asked to."""


class Stage:
    """Use it in ``with``. ``keep`` (it may be set later) leaves the folder behind; so does an error."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_short_place()))
        self.bank = Actor("bank", self.folder / "bank.log")
        self.agent = Actor("agent", self.folder / "agent.log")
        self.control_url = ""
        self.tcp_port, self.http_port = _free_port(), _free_port()
        self._config = self.folder / "koshelek-agent.toml"
        heeded = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup means it
        self._handlers = {number: signal.signal(number, signal.default_int_handler) for number in heeded}

    @property
    def pos_socket(self) -> Path:
        return configuration.pos_socket_of(self.folder)

    @property
    def admin_socket(self) -> Path:
        return configuration.admin_socket_of(self.folder)

    @property
    def journal(self) -> Path:
        return configuration.journal_of(self.folder)

    def open_bank(self) -> None:
        """Start the bank and write the agent's configuration for it. Raises StageFailed."""
        configuration.write_secrets(self.folder)
        control_port = _free_port()
        self.control_url = f"http://127.0.0.1:{control_port}"
        options = ["--port", "0", "--control-port", str(control_port), "--partner", configuration.PARTNER]
        password = str(configuration.password_file_of(self.folder, KOSHELEK))
        self.bank.start("sandbox", *options, "--login", configuration.LOGIN, "--password-file", password)
        text = configuration.configuration(self.folder, self._bank_url(), os.getuid(), self.tcp_port, self.http_port)
        self._config.write_text(text, encoding="utf-8")

    def open_agent(self) -> None:
        """Start the agent, also after its death."""
        self.agent.start("--config", str(self._config), "run")

    def kill_agent(self) -> None:
        """kill -9. What systemd would clear away with the agent's runtime directory goes as well: the name of a line that is dead may
        lead to anybody's terminal, because their numbers are given out again at once."""
        self.agent.kill()
        for terminal in configuration.LINES:
            configuration.line_of(self.folder, terminal).unlink(missing_ok=True)

    def wait_for_agent(self) -> None:
        """Until the agent takes connections: it listens only when its journal is proved and its duties are known. Raises StageFailed."""
        for _ in _waiting_for(self.agent):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
                caller.settimeout(PAUSE_S)
                try:
                    caller.connect(str(self.pos_socket))
                except OSError:
                    continue
                return

    def _bank_url(self) -> str:
        """Its first line says where it listens."""
        for _ in _waiting_for(self.bank):
            line, end, _ = self.bank.output().partition("\n")
            if end:
                return line.removeprefix("sandbox: ")
        raise AssertionError("the waiting ends with a line or an exception")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)
        try:
            self.agent.stop()
            self.bank.stop()
            self.keep = self.keep or isinstance(error, Exception)  # not for Ctrl-C
            if not self.keep:
                shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)


def _waiting_for(actor: Actor) -> Iterator[None]:
    """Turns to look whether an actor is ready. Raises StageFailed when it ends or takes too long."""
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        if actor.ended:
            raise StageFailed(f"the {actor.name} ended at its start")
        yield
        time.sleep(PAUSE_S)
    raise StageFailed(f"the {actor.name} is not ready after {START_LIMIT_S:g} s")


def _short_place() -> str:
    """Where temporary files go, unless a socket there would have too long a path."""
    usual = tempfile.gettempdir()
    return usual if len(usual) + len(_LONGEST_NAME) <= MAX_SOCKET_PATH_CHARACTERS else "/tmp"  # noqa: S108 - made by mkdtemp, mode 700


def _free_port() -> int:
    """A port that nobody uses just now. Should somebody take it before its owner does, that one says so and the demonstration ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
