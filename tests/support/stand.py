"""A whole till on one machine: the sandbox and the daemon as real processes, with a configuration and sockets of their own.

For tests that look at the product from outside. Everything lies in one short folder below the system's temporary one, because the path of a
Unix socket has little room; it is removed with the stand.
"""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.support.pos import Pos

ROOT = Path(__file__).parents[2]
START_S = 20.0  # a loaded machine starts Python slowly
STOP_S = 20.0
FIRST_PORT = 20_000  # below it are the ports that programs like to have for good
EPHEMERAL_PORT = 32_768  # from here on Linux gives ports to whoever connects, at any moment
STORE = "S12"
TERMINAL = "till-03"
PASSWORD = "sandbox"

_AGENT = (sys.executable, "-m", "agent")


@dataclass(frozen=True)
class Socket:
    """A ``[[listener]]``. ``users`` None: whoever runs the tests."""

    name: str
    role: str = "pos"
    terminals: Sequence[str] = ("*/*",)
    users: Sequence[str] | None = None
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Port:
    """A ``[[listener]]`` at a port of its own with one client."""

    name: str
    kind: str
    role: str = "pos"
    terminals: Sequence[str] = ("*/*",)
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return f"token-of-{self.name}-0123456789"


@dataclass(frozen=True)
class Line:
    """A ``[[listener]]`` of kind serial or pty; a serial one names its port in ``options``."""

    name: str
    kind: str = "pty"
    terminals: Sequence[str] = ("*/*",)
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a stand is made of. ``tills`` maps a terminalId to its options; ``koshelek`` is added to its table, ``store`` to the store's;
    ``systems`` are the tables of further payment systems by name (their account at the sandbox is filled in). ``helper``: text of a shell
    script that plays the vendor's library."""

    tills: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: {TERMINAL: {}})
    sockets: Sequence[Socket] = (Socket("pos"), Socket("admin", "admin"))
    ports: Sequence[Port] = ()
    lines: Sequence[Line] = ()
    koshelek: Mapping[str, object] = field(default_factory=dict)
    systems: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    store: Mapping[str, object] = field(default_factory=dict)
    language: str = "en"
    helper: str | None = None


class Stand:
    """``with Stand(plan) as stand``: both processes run; ``pos`` and ``admin`` are the sockets of the default plan."""

    start_s = START_S

    def __init__(self, plan: Plan | None = None, launcher: Sequence[str] = _AGENT) -> None:
        """``launcher`` is what the daemon is first started with, before its subcommand."""
        self.plan = plan or Plan()
        self._launcher = launcher
        self.folder = Path(tempfile.mkdtemp(prefix="till-"))
        self.config = self.folder / "koshelek-agent.toml"
        self.journal = self.folder / "journal" / "journal.sqlite3"
        self.log = self.folder / "agent.log"
        self.sandbox_port, self.control_port, *ports = free_ports(2 + len(self.plan.ports))
        self.ports = {one.name: port for one, port in zip(self.plan.ports, ports, strict=True)}
        self.base_url = f"http://127.0.0.1:{self.sandbox_port}/acme"
        self.control_url = f"http://127.0.0.1:{self.control_port}/sandbox"
        self.sandbox_options: list[str] = []  # of its command, beside the ports
        self._sandbox: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._write_files()
            self.start_sandbox()
            self.start(self._launcher)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End both processes and remove the folder."""
        for process in (self._daemon, self._sandbox):
            if process is not None:
                end(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- places ---

    def socket(self, name: str) -> Path:
        return self.folder / f"{name}.sock"

    @property
    def pos(self) -> Path:
        return self.socket("pos")

    @property
    def admin(self) -> Path:
        return self.socket("admin")

    # --- the daemon ---

    def start(self, launcher: Sequence[str] = _AGENT) -> None:
        """Start the daemon and wait until it answers. ``launcher`` is the command before ``run``. Raises AssertionError, also where
        somebody else answers in its place."""
        self._nobody_at(*self.ports.values())
        with self.log.open("ab") as log:
            self._daemon = self._spawn([*launcher, "run", "--config", str(self.config)], log)
        for one in self.plan.sockets:
            self._wait_for(self._daemon, socket.AF_UNIX, str(self.socket(one.name)))
        for port in self.ports.values():
            self._wait_for(self._daemon, socket.AF_INET, ("127.0.0.1", port))
        for line in self.plan.lines:
            if line.kind == "pty":
                self._wait(self._daemon, f"{self.line(line.name)} is there", self.line(line.name).exists)

    def stop(self) -> int:
        """End the daemon as systemd does; its exit status."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGTERM)
        return self._daemon.wait(STOP_S)

    def hang_up(self) -> None:
        """SIGHUP: the configuration is to be read anew."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """The power is off: kill -9."""
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait(STOP_S)

    def ended(self) -> int:
        """The exit status of a daemon that ends by itself."""
        assert self._daemon is not None
        return self._daemon.wait(STOP_S)

    def restart(self) -> None:
        """Kill and start again."""
        self.kill()
        self.start()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """The daemon is stopped for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    # --- the sandbox ---

    def start_sandbox(self) -> None:
        """Start the sandbox and wait until it listens. Raises AssertionError, also where somebody else does in its place."""
        self._nobody_at(self.sandbox_port, self.control_port)
        ports = ["--port", str(self.sandbox_port), "--control-port", str(self.control_port)]
        with (self.folder / "sandbox.log").open("ab") as log:
            self._sandbox = self._spawn([*_AGENT, "sandbox", "--partner", "acme", *ports, *self.sandbox_options], log)
        self._wait_for(self._sandbox, socket.AF_INET, ("127.0.0.1", self.control_port))

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One request to the sandbox's control API; the answer's JSON, None without one."""
        status, text = http_request(self.control_port, method, f"/sandbox{path}", None if body is None else json.dumps(body).encode())
        assert status < 300, f"{method} {path}: {status} {text!r}"
        return json.loads(text) if text else None

    def fault(self, kind: str, operation: str | None = None, times: int = 1, **params: object) -> None:
        """Plan a fault of the sandbox."""
        self.control("POST", "/faults", {"kind": kind, "operation": operation, "times": times, "params": params})

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """The sandbox refuses connections for a while."""
        self.control("POST", "/outage", {"ms": 600_000})
        try:
            yield
        finally:
            self.control("DELETE", "/outage")

    # --- asking ---

    def connect(self, name: str = "pos") -> Pos:
        """A connection to a socket of the daemon."""
        return Pos(self.socket(name))

    def call(self, method: str, /, socket_name: str = "pos", **params: Any) -> dict[str, Any]:
        """One call on a connection of its own. Raises Failed."""
        with self.connect(socket_name) as pos:
            return pos.call(method, **params)

    def cli(
        self, *arguments: str, given: str = "", config: Path | None = None, cwd: Path = ROOT, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The command line, as a person at the till runs it. ``given``: its standard input."""
        command = [*_AGENT, "--config", str(config or self.config), *arguments]
        environment = self._environment() | environment
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False, cwd=cwd, env=environment)

    # --- inner workings ---

    def _environment(self) -> dict[str, str]:
        """Nothing of the tester's own: no proxies, no language, no home with a configuration."""
        kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE") or name == "PATH"}
        return {**kept, "LANG": "C.UTF-8", "HOME": str(self.folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def _spawn(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=self._environment(), start_new_session=True
        )

    def _nobody_at(self, *ports: int) -> None:
        taken = [port for port in ports if listens(socket.AF_INET, ("127.0.0.1", port))]
        assert not taken, f"somebody else listens at {taken}"

    def _wait_for(self, process: subprocess.Popen[bytes], family: int, address: Any) -> None:
        self._wait(process, f"it listens at {address!r}", lambda: listens(family, address))

    def _wait(self, process: subprocess.Popen[bytes], what: str, is_so: Callable[[], bool]) -> None:
        """The process is looked at first: what is so without it is somebody else's."""
        end_at = time.monotonic() + self.start_s
        while process.poll() is not None or not is_so():
            if process.returncode is not None or time.monotonic() > end_at:
                logs = "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))
                raise AssertionError(f"{process.args!r}: not seen that {what} (exit status {process.returncode}):\n{logs}")
            time.sleep(0.02)

    def _write_files(self) -> None:
        self.journal.parent.mkdir(mode=0o700)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        for one in self.plan.ports:
            token = self._token_file(one)
            token.write_text(one.token)
            token.chmod(0o600)
        if self.plan.helper is not None:
            helper = self.folder / "helper"
            helper.write_text(self.plan.helper)
            helper.chmod(0o700)
        self.config.write_text(self.configuration())

    def configuration(self) -> str:
        """The text of the configuration file."""
        plan, folder = self.plan, self.folder
        koshelek = {"test_base_url": self.base_url, "login": "sandbox", "password_file": str(folder / "password"), **plan.koshelek}
        store = {
            "store_id": STORE,
            "brand_name": "Romashka",
            "legal_name": "Romashka LLC",
            "legal_id": "LB0000000001",
            "merchant_id": "MA0000000001",
            "account": "40702810000000000001",
            "member_id": "100000000001",
            **plan.store,
        }
        parts = [
            _lines({"environment": "test", "language": plan.language}),
            _table("[journal]", {"path": str(self.journal), "allow_volatile": True}),
            _table("[log]", {"level": "debug"}),
            _table("[provider.koshelek]", koshelek),
            *(_table(f"[provider.{name}]", self._system(name) | dict(given)) for name, given in plan.systems.items()),
            _table("[helper]", {"command": [str(folder / "helper")]}) if plan.helper is not None else "",
            _table("[[store]]", store),
            *(_table("[[terminal]]", {"store_id": STORE, "terminal_id": name, **options}) for name, options in plan.tills.items()),
            *(_table("[[listener]]", self._listener(one)) for one in plan.sockets),
            *(self._port(one) for one in plan.ports),
            *(_table("[[listener]]", self._line(one)) for one in plan.lines),
        ]
        return "\n".join(parts)

    def _system(self, name: str) -> dict[str, object]:
        """The account of a further payment system at the sandbox."""
        base = f"http://127.0.0.1:{self.sandbox_port}/{name}"
        place = {"test_base_url": f"{base}/api" if name == "paycore" else base, "password_file": str(self.folder / "password")}
        if name == "paycore":
            place["hpp_base_url"] = f"{base}/hpp/"
        return place if name == "payconnect" else place | {"login": "sandbox"}

    def listener_text(self, one: Socket) -> str:
        """The table of a further listener."""
        return _table("[[listener]]", self._listener(one))

    def _port(self, one: Port) -> str:
        client = {"name": one.name, "token_file": str(self._token_file(one)), "role": one.role, "terminals": list(one.terminals)}
        place = {"kind": one.kind, "port": self.ports[one.name], **one.options}
        return "\n".join([_table("[[listener]]", place), _table("[[listener.client]]", client)])

    def line(self, name: str) -> Path:
        """Where a pseudo-terminal is linked."""
        return self.folder / f"{name}.tty"

    def _line(self, one: Line) -> dict[str, object]:
        return {"kind": one.kind, "path": str(self.line(one.name)), "terminals": list(one.terminals), **one.options}

    def _token_file(self, one: Port) -> Path:
        return self.folder / f"{one.name}.token"

    def _listener(self, one: Socket) -> dict[str, object]:
        users = [str(os.geteuid())] if one.users is None else list(one.users)
        place = {"kind": "unix", "path": str(self.socket(one.name)), "role": one.role}
        return {**place, "users": users, "terminals": list(one.terminals), **one.options}


def _table(header: str, values: Mapping[str, object]) -> str:
    return f"{header}\n{_lines(values)}"


def _lines(values: Mapping[str, object]) -> str:
    """JSON's texts, numbers, lists and truth values are TOML's as well."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many of them, no two the same, out of this process's own."""
    with contextlib.ExitStack() as stack:
        return [next(port for port in _PORTS if _holds(stack.enter_context(socket.socket()), port)) for _ in range(count)]


def own_ports(worker: str, workers: int) -> range:
    """Those of one process of a run: between being chosen here and being bound by a daemon no other test may choose them."""
    width = (EPHEMERAL_PORT - FIRST_PORT) // max(workers, 1)
    number = int(worker.removeprefix("gw") or 0) % max(workers, 1)
    return range(FIRST_PORT + number * width, FIRST_PORT + (number + 1) * width)


def _going_round(ports: range) -> Iterator[int]:
    """One after the other, from a place of this process's own: two runs at a time seldom meet, and what was given out rests."""
    start = os.getpid() * 37 % len(ports)
    return itertools.cycle((*ports[start:], *ports[:start]))


def _holds(probe: socket.socket, port: int) -> bool:
    """The kernel gives it: nobody else has it."""
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


_PORTS = _going_round(own_ports(os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))


def listens(family: int, address: Any) -> bool:
    """Somebody accepts connections there."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(address) == 0


def http_request(port: int, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """One HTTP request to this machine: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process, the hard way if need be."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
