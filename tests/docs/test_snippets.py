"""Goal: the programs that register programmers start from do what they say. Method: they are run as they stand, against a real agent and a
real sandbox; what cannot be run here is compared with the OpenAPI document."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.edges.http.faults import STATUSES
from agent.edges.http.openapi import document
from tests.docs.pages import DOCS
from tests.support.stand import STORE, Plan, Port, Socket, Stand, http_request
from tests.system import require

SNIPPETS = DOCS / "snippets"
WEB, WIRE = Port("web", "http"), Port("wire", "tcp")
RUN_S = 60.0
KOPECKS = 27000
NOTHING: Mapping[str, int] = {}


class Program:
    """One snippet at a till of its own, with a disk of its own."""

    def __init__(self, name: str, number: int, stand: Stand) -> None:
        self.name, self.till, self.order = name, f"till-{number:02}", f"S12-{number:06}"
        self._stand = stand
        self._folder = stand.folder / f"{number}-{name}"
        self._folder.mkdir()
        text = (SNIPPETS / name).read_text(encoding="utf-8")
        assert (text.count("till-03"), text.count("S12-000345")) == (1, 1)
        source = self._folder / name
        source.write_text(text.replace("till-03", self.till), encoding="utf-8")
        self._command = _command(source)
        self.web_port = stand.ports["web"]
        self._process: subprocess.Popen[str] | None = None

    def start(self, session: str | None) -> None:
        """``session``: what the customer does; None: started again, with nothing on its standard input. Sells ``order``."""
        given = "" if session is None else f"{session}{self.till.replace('-', '')} token-of-the-till"
        (self._folder / "stdin").write_text(given)
        with (self._folder / "stdin").open() as stdin, (self._folder / "stderr").open("w") as stderr:
            self._process = subprocess.Popen(
                [*self._command, self.order],
                cwd=self._folder,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self._folder),
                    "LC_ALL": "C.UTF-8",
                    "AGENT_SOCKET": str(self._stand.pos),
                    "AGENT_URL": f"http://127.0.0.1:{self.web_port}",
                    "AGENT_PORT": str(self._stand.ports["wire"]),
                    "AGENT_TOKEN_FILE": str(self._stand.folder / ("wire.token" if "Tcp" in self.name else "web.token")),
                },
            )

    def kill(self) -> None:
        """Whatever it is at; nothing if it never began."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def end(self) -> tuple[int, str]:
        """Its exit status and what it printed."""
        assert self._process is not None
        try:
            printed, _ = self._process.communicate(timeout=RUN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end: {self.screen}") from None
        return self._process.returncode, printed

    def asks_again(self) -> bool:
        return "asking again" in self.screen

    @property
    def screen(self) -> str:
        return (self._folder / "stderr").read_text()

    @property
    def disk_file(self) -> Path:
        return self._folder / "open-sale.json"

    @property
    def disk(self) -> str | None:
        return self.disk_file.read_text() if self.disk_file.exists() else None


def _command(source: Path) -> list[str]:
    match source.suffix:
        case ".py":
            return [sys.executable, source.name]
        case ".js":
            return ["node", source.name]
        case _:
            references = ["-r:System.Net.Http", "-r:System.Runtime.Serialization"]
            subprocess.run(["mcs", "-warnaserror", *references, source.name], cwd=source.parent, check=True, timeout=RUN_S)
            return ["mono", source.with_suffix(".exe").name]


@contextlib.contextmanager
def shop(
    names: Sequence[str], unix: Mapping[str, int] = NOTHING, tcp: Mapping[str, int] = NOTHING, http: Mapping[str, int] = NOTHING
) -> Iterator[tuple[Stand, list[Program]]]:
    """An agent and a till for each program. Further tills of the store are not for any of them. ``unix``, ``tcp``, ``http``: options of
    the listener."""
    tills = {f"till-{number:02}": {} for number in range(1, 2 * len(names) + 1)}
    mine = [f"{STORE}/{till}" for till in list(tills)[: len(names)]]
    sockets = (Socket("pos", terminals=mine, options=unix), Socket("admin", "admin"))
    ports = (replace(WEB, terminals=mine, options=http), replace(WIRE, terminals=mine, options=tcp))
    with Stand(Plan(tills=tills, sockets=sockets, ports=ports, language="ru")) as stand:
        programs = [Program(name, number, stand) for number, name in enumerate(names, 1)]
        try:
            yield stand, programs
        finally:
            for program in programs:
                program.kill()


def waiting(stand: Stand, programs: Sequence[Program]) -> list[str]:
    """The transactions of all programs, once every customer has the phone in the hand."""
    found: list[str] = []

    def check() -> bool:
        found[:] = [one["id"] for one in stand.control("GET", "/transactions") if one["status"] == "pending"]
        return len(found) == len(programs)

    until(check, lambda: "".join(f"{program.name}: {program.screen}" for program in programs))
    return found


def until(check: Callable[[], bool], story: Callable[[], str]) -> None:
    end = time.monotonic() + RUN_S
    while not check():
        assert time.monotonic() < end, story()
        time.sleep(0.1)


def paid(stand: Stand, programs: Sequence[Program]) -> None:
    """Every program prints the slip, in Russian, confirms, and has nothing open any more. The money goes back for the next act."""
    for program in programs:
        status, printed = program.end()
        assert (status, program.disk) == (0, None), program.screen
        assert re.search(rf"^Заказ +{program.order}$", printed, re.MULTILINE), printed
        assert "270.00" in printed
        till = {"storeId": STORE, "terminalId": program.till}
        last = stand.call("operation.last", **till)
        assert (last["state"], last["told"], last["confirmed"], last["orderId"]) == ("paid", True, True, program.order)
        refund = stand.call("refund.create", **till, key=last["key"], refundKey="R1", token="token-of-the-till", wait=30)
        assert refund["state"] == "refunded"


LANGUAGES = {
    "python": (["sale_socket.py", "sale_http.py"], []),
    "javascript": (["sale_socket.js", "sale_http.js"], ["node"]),
    "csharp": (["SaleTcp.cs", "SaleHttp.cs"], ["mcs", "mono"]),
}


@pytest.mark.system
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_lives_through_everything(language: str) -> None:
    """A customer who is declined; the agent is killed while the customer pays; the program is killed while the customer pays, and once its
    disk loses the sale. Each order is charged once each time; the program's disk holds no secret."""
    names, tools = LANGUAGES[language]
    for tool in tools:
        require(tool)
    with shop(names) as (stand, programs):
        for program in programs:
            program.start("LIMIT")
        for program in programs:
            assert program.end()[0] == 3, program.screen
            assert program.disk is None
        _the_agent_dies(stand, programs)
        _the_program_dies(stand, programs, "WAITb")
        _the_program_dies(stand, programs, "WAITc", loses_its_disk=True)
        entries = stand.control("GET", "/ledger")["entries"]
        for program in programs:
            kinds = [entry["kind"] for entry in entries if entry["order_id"] == program.order]
            assert kinds == ["charge", "refund"] * 3, kinds
        assert sum(entry["amount"] for entry in entries if entry["kind"] == "charge") == 3 * len(programs) * KOPECKS


def _the_agent_dies(stand: Stand, programs: Sequence[Program]) -> None:
    for program in programs:
        program.start("WAITa")
    transactions = waiting(stand, programs)
    stand.kill()
    for program in programs:
        until(program.asks_again, lambda: "nobody asks again")
        assert program.order in (program.disk or "")
        assert "WAIT" not in (program.disk or "")
    for transaction in transactions:
        stand.control("POST", f"/transactions/{transaction}/confirm")
    stand.start()
    paid(stand, programs)


def _the_program_dies(stand: Stand, programs: Sequence[Program], session: str, *, loses_its_disk: bool = False) -> None:
    for program in programs:
        program.start(session)
    transactions = waiting(stand, programs)
    for program in programs:
        program.kill()
        if loses_its_disk:
            program.disk_file.unlink()
    for transaction in transactions:
        stand.control("POST", f"/transactions/{transaction}/confirm")
    for program in programs:
        program.start(None)
    paid(stand, programs)


@pytest.mark.system
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_is_refused_and_works_on(language: str) -> None:
    """An order twice: the cashier is told that it is paid, nothing stays open, and the next order is sold. A till that is not for this
    program: the cashier is told, and nothing is begun; as it is not known how a sale on its disk stands, that stays."""
    names, tools = LANGUAGES[language]
    for tool in tools:
        require(tool)
    with shop(names) as (stand, programs):
        strangers = [Program(name, number, stand) for number, name in enumerate(names, len(names) + 1)]
        for session, status, said in (("FASTa", 0, ""), ("FASTb", 5, "Этот заказ уже оплачен")):
            _all(programs, session, status, said, open_sale=False)
        for program in programs:
            assert "has not accepted" in program.screen
            program.order += "-next"
        _all(programs, "FASTc", 0, "", open_sale=False)
        _all(strangers, "FASTd", 4, "такая операция не разрешена", open_sale=False)
        for stranger in strangers:
            stranger.disk_file.write_text('{"key": "from-before"}')
        _all(strangers, None, 4, "такая операция не разрешена", open_sale=True)
        charges = [entry["order_id"] for entry in stand.control("GET", "/ledger")["entries"]]
        assert sorted(charges) == sorted(order for one in programs for order in (one.order.removesuffix("-next"), one.order))


def _all(programs: Sequence[Program], session: str | None, status: int, said: str, *, open_sale: bool) -> None:
    """They run beside each other, end so, show this to the cashier, and leave an open sale or none."""
    for program in programs:
        program.start(session)
    for program in programs:
        assert program.end()[0] == status, program.screen
        assert said in program.screen
        assert (program.disk is not None) is open_sale


@pytest.mark.system
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_for_which_there_is_no_room_waits(language: str) -> None:
    """LIMIT is no refusal of a sale: somebody holds the only connection, and asks over HTTP as often as the agent was set to take. Each
    program asks again, and its sale is paid."""
    names, tools = LANGUAGES[language]
    for tool in tools:
        require(tool)
    with shop(names, {"connections_per_user": 1}, {"connections": 1}, {"requests_per_s": 1}) as (stand, programs):
        web = [program for program in programs if "http" in program.name.lower()]
        with crowd(stand) as asks_over_http:
            for program in programs:
                program.start("WAITa")
            until(lambda: asks_over_http() and all(program.asks_again() for program in programs), lambda: programs[0].screen)
            until(lambda: asks_over_http() and "not now, asking again" in web[0].screen, lambda: web[0].screen)
        for transaction in waiting(stand, programs):
            stand.control("POST", f"/transactions/{transaction}/confirm")
        for program in programs:
            assert program.end()[0] == 0, program.screen
            assert program.disk is None


@contextlib.contextmanager
def crowd(stand: Stand) -> Iterator[Callable[[], bool]]:
    """The connection to the socket and the one to the TCP port are taken; what is given asks over HTTP until the agent has had enough."""

    def ask() -> bool:
        answers = (http_request(stand.ports["web"], "GET", "/v1/status", None, {"Authorization": f"Bearer {WEB.token}"}) for _ in range(10))
        return 429 in (status for status, _ in answers)

    held: list[socket.socket] = []

    def admitted(family: int, address: Any, method: str, params: Mapping[str, str]) -> bool:
        """Not at once: whoever looked whether the agent listens may still be there."""
        held.append(socket.socket(family))
        held[-1].connect(address)
        held[-1].sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        return b"result" in held[-1].recv(10_000)

    unix, wire = (socket.AF_UNIX, str(stand.pos)), (socket.AF_INET, ("127.0.0.1", stand.ports["wire"]))
    try:
        until(lambda: admitted(*unix, "agent.status", {}), lambda: "no room")
        until(lambda: admitted(*wire, "session.open", {"token": WIRE.token}), lambda: "no room")
        yield ask
    finally:
        for one in held:
            one.close()


# --- what cannot be run here ---


def test_the_1c_module_speaks_the_protocol() -> None:
    """Its verbs and paths are routes; every field it reads or writes is one of the schemas of those routes; its codes are codes."""
    text = (SNIPPETS / "Продажа.bsl").read_text(encoding="utf-8")
    code = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    described = document()
    paths = {re.sub(r"\{\w+\}", "*", path): operations for path, operations in described["paths"].items()}
    found = re.findall(r'Настойчиво\("(\w+)", (Адрес\(Ключ\)|АдресКассы\(\))(?: \+ "([^"]*)")?', code)
    assert {verb for verb, _, _ in found} == {"PUT", "GET", "POST"}
    assert len(found) == code.count('Настойчиво("')
    till = "/v1/stores/*/terminals/*"
    begins = {"АдресКассы()": till, "Адрес(Ключ)": f"{till}/checkouts/*"}
    assert '"/v1/stores/" + Магазин + "/terminals/" + Касса;' in code
    assert 'АдресКассы() + "/checkouts/" + ' in code
    for verb, begin, end in found:
        path, _, query = (begins[begin] + end).partition("?")
        operation = paths[path][verb.lower()]
        known = {one["name"] for one in operation.get("parameters", []) if one.get("in") == "query"}
        assert {pair.split("=")[0] for pair in query.split("&") if pair} <= known
    names = set(_names(described))
    used = set(re.findall(r'\["(\w+)"\]', code)) | set(_structures(code))
    assert used - names == {"42"}, used - names
    assert used > {"checkoutInvoice", "cardSession", "finished", "success", "next", "slip", "code"}
    codes = set(re.findall(r'"([A-Z][A-Z_]{3,})"', code)) - {"POST"}
    assert codes
    assert codes <= {str(code) for code in STATUSES}


def _names(schema: Any) -> Iterator[str]:
    """Every property in a schema, however deep."""
    match schema:
        case dict():
            properties = schema.get("properties")
            yield from properties if isinstance(properties, dict) else ()
            for value in schema.values():
                yield from _names(value)
        case list():
            for value in schema:
                yield from _names(value)
        case _:
            pass


def _structures(code: str) -> Iterator[str]:
    """The keys of ``Новый Структура("one, two", …)``."""
    for keys in re.findall(r'Новый Структура\(\s*"([^"]+)"', code):
        yield from (key.strip() for key in keys.split(","))


def test_every_snippet_says_what_was_run() -> None:
    """In its head, and the page for programmers names each."""
    page = (DOCS / "pos-protocol.md").read_text(encoding="utf-8")
    names = sorted(path.name for path in SNIPPETS.iterdir())
    assert set(names) == {name for programs, _ in LANGUAGES.values() for name in programs} | {"sale_link.py", "Продажа.bsl"}
    for name in names:
        head = (SNIPPETS / name).read_text(encoding="utf-8")[:600]
        assert "Was run" in head or "Не запускался" in head, name
        assert f"snippets/{name}" in page, name
