"""Goal: what the pages of the protocol say of TCP and HTTP is so.

Method: its commands are run by a shell, its lines are sent, against a real agent and a real sandbox; its tables are compared with those of
the code.
"""

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from agent.edges.http import application, server
from agent.edges.http.faults import STATUSES
from agent.edges.http.openapi import document
from agent.edges.http.reading import MAX_BODY_BYTES
from agent.edges.http.routes import ROUTES
from drivers import limits, tcp_link
from drivers.messages import REQUESTS
from tests.docs.compare import Likeness
from tests.docs.pages import Marked, Page, names_in
from tests.support.patience import until
from tests.support.pos import Pos
from tests.support.stand import Plan, Port, Stand, free_ports, http_request, listens
from tests.system import require

PAGE = Page.joined("pos-socket.md", "pos-http.md")
WIRE, WEB = Port("kassa-1", "tcp"), Port("web", "http")
CHAPTERS = PAGE.text[PAGE.text.index("\n## TCP\n") :]


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand(Plan(ports=(WIRE, WEB))) as found:
        yield found


@pytest.mark.system
def test_every_command_does_what_the_page_shows(stand: Stand) -> None:
    """In order: the status and the answer of each."""
    require("curl")
    likeness, wrong = Likeness(), list[str]()
    examples = PAGE.marked("curl")
    assert len(examples) == CHAPTERS.count("$ curl") >= 6
    for example in examples:
        status, said = shell(example, stand)
        if status != int(example.attributes.get("status", "200")):
            wrong.append(f"{example.name}: status {status}: {said}")
        for block in example.blocks[1:]:
            shown = block.json
            if shown.pop("…", None):
                said = {name: value for name, value in said.items() if name in shown}
            wrong += [f"{example.name}{difference}" for difference in likeness.differences(shown, said)]
    assert wrong == []


def shell(example: Marked, stand: Stand) -> tuple[int, Any]:
    """Run a command as a programmer would."""
    command = example.blocks[0].text.removeprefix("$ ").rstrip().replace("7432", str(stand.ports["web"]))
    environment = {"PATH": os.environ["PATH"], "TOKEN": WEB.token}
    ran = subprocess.run(
        ["bash", "-c", f"{command} -w '\\n%{{http_code}}'"], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    said, _, status = ran.stdout.rpartition("\n")
    return int(status), json.loads(said)


@pytest.mark.system
def test_every_way_in_opens_as_the_page_shows() -> None:
    """Its listener, and the commands that make its token, at other places and for another user: a running agent lets the register in."""
    require("openssl")
    with Stand() as till:
        shown = {one.name: one for one in PAGE.marked("listener")}
        ports = dict(zip(("tcp", "http"), free_ports(2), strict=True))
        etc, run = till.folder / "etc", till.folder / "run"
        for folder in (etc, run):
            (folder / "koshelek-agent").mkdir(parents=True)
        texts, tokens = [till.config.read_text()], dict[str, str]()
        for name, one in shown.items():
            listener, *commands = [block.text.replace("/etc/", f"{etc}/").replace("/run/", f"{run}/") for block in one.blocks]
            texts.append(
                re.sub(r"^port = .*", f"port = {ports.get(name)}", listener.replace('"kassa"', f'"{os.getuid()}"'), flags=re.MULTILINE)
            )
            for command in commands:
                mine = re.sub(r"sudo |-o [a-z-]+ ", "", command.replace("$ ", ""))
                subprocess.run(["bash", "-ec", mine], check=True, timeout=60)
                tokens[name] = (etc / "kassa" / "agent.token").read_text().strip()
        till.config.write_text("\n".join(texts))
        assert till.cli("config", "check").returncode == 0, till.cli("config", "check").stdout
        till.restart()
        until(lambda: all(listens(socket.AF_INET, ("127.0.0.1", port)) for port in ports.values()))
        with Pos(run / "koshelek-agent" / "pos.sock") as pos:
            assert pos.call("agent.status")["ready"] is True
        headers = {"Authorization": f"Bearer {tokens['http']}"}
        assert http_request(ports["http"], "GET", "/v1/status", None, headers)[0] == 200
        opening = {"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"token": tokens["tcp"]}}
        with socket.create_connection(("127.0.0.1", ports["tcp"]), timeout=10) as wire, wire.makefile("rb") as lines:
            wire.sendall(json.dumps(opening).encode() + b"\n")
            assert json.loads(lines.readline())["result"] == {"caller": "client:kassa-1", "operator": False}


@pytest.mark.parametrize("example", PAGE.marked("tcp"), ids=lambda example: example.name)
def test_the_first_line_of_a_connection(stand: Stand, example: Marked) -> None:
    """As the page shows it, with the client's token; after a refusal the connection ends."""
    line = json.dumps(example.blocks[0].json).replace("<token>", WIRE.token).encode()
    with socket.create_connection(("127.0.0.1", stand.ports["kassa-1"]), timeout=10) as wire:
        wire.sendall(line + b"\n")
        lines = wire.makefile("rb")
        said = json.loads(lines.readline())
        assert Likeness().differences(example.blocks[1].json, said) == []
        wire.sendall(b'{"jsonrpc":"2.0","id":2,"method":"agent.status"}\n')
        assert bool(lines.readline()) is ("result" in said)
        lines.close()


def test_every_method_stands_in_the_table_with_its_paths() -> None:
    """And no other."""
    rows = re.findall(r"^\| (`[a-z.]+`(?:, `[a-z.]+`)*) \| ([^|]+) \|$", CHAPTERS, re.MULTILINE)
    assert sorted(name for methods, _ in rows for name in names_in(methods)) == sorted(REQUESTS)
    for methods, requests in rows:
        ends = {path.split(" ")[-1].removeprefix("…") for path in re.findall(r"`([^`]+)`", requests)}
        for route in (route for route in ROUTES if route.method in names_in(methods)):
            assert any(route.path.endswith(end) for end in ends if end != "GET") or "of the same" in requests, route.path


def test_the_statuses_are_those_of_the_code() -> None:
    """Each code at its status; every status that the description knows is in the table."""
    (table,) = PAGE.marked("statuses")
    documented = {int(row[0]): set(names_in(row[1])) for row in table.rows}
    for code, status in STATUSES.items():
        assert code in documented[int(status)], code
    described = {int(status) for verbs in document()["paths"].values() for one in verbs.values() for status in one["responses"]}
    assert described - {200, 201} == set(documented)


def test_the_limits_are_those_of_the_code() -> None:
    """The numbers in the running text."""
    numbers = [
        (f"within {limits.MAX_LINE_SECONDS:g} s", 2),
        (f"at most {tcp_link.MAX_OPENING_BYTES} bytes", 1),
        (f"At most {tcp_link.MAX_STRANGERS} connections", 1),
        (f"more than {MAX_BODY_BYTES} bytes", 1),
        (f"kept for {server.KEEP_ALIVE_SECONDS} s", 1),
        (f"at most {limits.MAX_REQUESTS_AT_WORK} requests are worked on", 1),
    ]
    assert [(text, count) for text, count in numbers if CHAPTERS.count(text) != count] == []
    assert tcp_link.WRONG_TOKEN_SECONDS == application.WRONG_TOKEN_SECONDS == 1.0
