"""Goal: an answer that does not work is told at once, and one that works is called right. Method: real servers, ports and lines."""

import asyncio
import os
import pty
import socket
import ssl
import tty
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.ops.doctor import shelf
from agent.ops.doctor.finding import Finding, Grade
from agent.ops.lines.hearing import QUESTION
from agent.ops.setup import outside
from agent.secrets import Secret
from drivers.frames import Control
from tests.ops.stage import Door, systemctl_says
from tests.support.stand import Plan, Port, Stand

NOWHERE = Path("/nonexistent/koshelek-agent.toml")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Stand]:
    """The payment systems, without a daemon."""
    stand = Stand()
    try:
        stand.start_sandbox()
        yield stand
    finally:
        stand.close()


def system(name: str, address: str, **more: object) -> dict[str, Any]:
    """A configuration with one payment system, as far as it has been answered."""
    return {"environment": "test", "provider": {name: {"test_base_url": address, **more}}}


async def look(place: tuple[str | int, ...], data: Mapping[str, Any], password: str | None = None) -> list[Finding]:
    secrets = {} if password is None else {str(place[0]): Secret(password)}
    found = await outside.look(place, data, {}, secrets, NOWHERE)
    assert all(one.remedy for one in found if one.grade is not Grade.OK)
    return found


def address_of(sandbox: Stand, name: str) -> str:
    root = f"http://127.0.0.1:{sandbox.sandbox_port}"
    return {"koshelek": f"{root}/acme", "paycore": f"{root}/paycore/api"}.get(name, f"{root}/{name}")


@pytest.mark.parametrize("name", ["koshelek", "paycore", "softline", "payconnect"])
async def test_an_address_and_a_password_that_work(sandbox: Stand, name: str) -> None:
    """Of every payment system; the login is asked before the password, and other settings are not there yet."""
    address = address_of(sandbox, name)
    reached = await look((name, "address"), system(name, address))
    assert [one.grade for one in reached] == [Grade.OK] * 4
    assert [one.check for one in reached] == ["name", "connection", "latency", "clock"]
    login = {} if name == "payconnect" else {"login": "sandbox"}
    (let_in,) = await look((name, "password"), system(name, address, **login), "sandbox")
    assert let_in.grade is Grade.OK
    (refused,) = await look((name, "password"), system(name, address, **login), "wrong")
    assert (refused.grade, refused.check) == (Grade.FAULT, "credentials")
    assert refused.remedy is not None
    assert "answer again" in str(refused.remedy)


async def test_a_partner_that_is_none(sandbox: Stand) -> None:
    """The address is there; only somebody who is let in is told that the partner is unknown."""
    data = system("koshelek", f"http://127.0.0.1:{sandbox.sandbox_port}/nobody", login="sandbox")
    (found,) = await look(("koshelek", "password"), data, "sandbox")
    assert (found.grade, "/nobody" in str(found.what)) == (Grade.FAULT, True)


async def test_an_address_where_nobody_is() -> None:
    """Refused, as by a wrong port; the password is not tried before the address works."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        data = system("koshelek", f"http://127.0.0.1:{closed.getsockname()[1]}/acme", login="sandbox")
        found = await look(("koshelek", "address"), data)
        assert Grade.FAULT in {one.grade for one in found}
        (unseen,) = await look(("koshelek", "password"), data, "sandbox")
        assert unseen.grade is Grade.WARNING


async def test_a_certificate_of_nobody_we_trust() -> None:
    """A proxy that looks into everything, or a wrong host: named before a password is sent there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with Door(context) as door:
        found = await look(("koshelek", "address"), system("koshelek", f"https://localhost:{door.port}/acme"))
    assert [one.check for one in found if one.grade is Grade.FAULT] == ["connection"]
    assert "authority" in str(found[-1].what)


async def test_a_clock_that_is_wrong() -> None:
    """The address is right, and nothing would work."""
    with Door(shift=timedelta(days=1)) as door:
        found = await look(("koshelek", "address"), system("koshelek", f"http://127.0.0.1:{door.port}/acme"))
    assert [one.check for one in found if one.grade is Grade.FAULT] == ["clock"]


async def test_what_is_wrong_in_form_is_not_looked_at() -> None:
    """It was told already; and most answers point nowhere."""
    assert await look(("koshelek", "address"), system("koshelek", "http://127.0.0.1:1", login=5)) == []
    assert await look(("store", 0, "store_id"), system("koshelek", "http://127.0.0.1:1")) == []


def way_in(**listener: object) -> dict[str, Any]:
    return {"listener": [listener]}


async def test_a_port_is_free_or_taken() -> None:
    """By another program also where the configuration in force has the port: no agent runs with it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        data = way_in(kind="http", port=number)
        (found,) = await look(("connection", 0, "port"), data)
        assert (found.grade, str(number) in str(found.what)) == (Grade.FAULT, True)
        (foreign,) = await outside.look(("connection", 0, "port"), data, data, {}, NOWHERE)
        assert (foreign.grade, f"pid {os.getpid()}" in str(foreign.what)) == (Grade.FAULT, True)
    (free,) = await look(("connection", 0, "port"), data)
    assert free.grade is Grade.OK


async def test_a_port_that_is_for_root_alone_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody holds it, and the service, which is not root, could not either; root's own agent could."""

    async def usual(user: int) -> int:
        return 1024 if user else 0

    monkeypatch.setattr(outside, "first_free", usual)
    place, data = ("connection", 0, "port"), way_in(kind="tcp", port=443)
    (low,) = await outside.look(place, data, {}, {}, NOWHERE, 12345)
    assert (low.grade, "443 is for root alone" in str(low.what), "from 1024" in str(low.remedy)) == (Grade.FAULT, True, True)
    assert (await outside.look(place, data, {}, {}, NOWHERE, 0))[0].grade is Grade.OK


async def test_the_folder_for_copies_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the agent's user alone. That the service may not write there yet is no mistake, for that is done after the setup."""
    folder = tmp_path / "copies"
    place, data = ("backups",), {"backup": {"directory": str(folder)}}
    (missing,) = await look(place, data)
    assert (missing.grade, f"no folder {folder}" in str(missing.what)) == (Grade.FAULT, True)
    folder.mkdir(mode=0o700)
    assert [one.grade for one in await look(place, data)] == [Grade.OK]
    (foreign,) = await outside.look(place, data, {}, {}, NOWHERE, os.geteuid() + 1)
    assert (foreign.grade, "must have it alone" in str(foreign.what)) == (Grade.FAULT, True)
    monkeypatch.setattr(shelf, "SYSTEM_FILE", NOWHERE)
    monkeypatch.setattr(shelf, "UNSEEN_BY_SERVICE", ())
    monkeypatch.setenv(
        "PATH", systemctl_says(tmp_path, "LoadState=loaded\nProtectSystem=strict\nReadWritePaths=-/var/backups/koshelek-agent")
    )
    (closed,) = await look(place, data)
    assert (closed.grade, f"ReadWritePaths=-{folder}" in str(closed.remedy)) == (Grade.WARNING, True)
    assert await look(place, {}) == []


async def test_an_account_of_another_length_is_doubted() -> None:
    """A digit forgotten would go to the bank as it is."""
    place = ("store", 0, "account")
    (short,) = await look(place, {"store": [{"account": "4070281"}]})
    assert (short.grade, "20 digits; this one has 7" in str(short.what)) == (Grade.WARNING, True)
    assert await look(place, {"store": [{"account": "40702810000000000001"}]}) == []


async def test_a_port_of_the_running_agent_is_no_hindrance() -> None:
    """It will let go of it; a port that it does not have by its configuration is another program's all the same."""
    with Stand(Plan(ports=(Port("web", "tcp"),))) as stand:
        data = way_in(kind="tcp", port=stand.ports["web"])
        (ours,) = await outside.look(("connection", 0, "port"), data, data, {}, stand.config)
        assert (ours.grade, "running agent" in str(ours.what)) == (Grade.OK, True)
        (foreign,) = await outside.look(("connection", 0, "port"), data, {}, {}, stand.config)
        assert foreign.grade is Grade.FAULT


@pytest.mark.parametrize(
    ("place", "check"),
    [
        (("koshelek", "address"), "connection"),
        (("koshelek", "password"), "credentials"),
        (("connection", 0, "port"), "port"),
        (("connection", 0, "baud"), "line"),
        (("backups",), "backup"),
    ],
)
async def test_a_look_that_takes_too_long_is_told_under_its_own_name(
    place: tuple[str | int, ...], check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a payment system nobody is told about a port."""
    monkeypatch.setattr(outside, "LOOK_LIMIT_S", 0.0)
    data = {
        **system("koshelek", "http://127.0.0.1:1", login="x"),
        **way_in(kind="serial", path="/dev/ttyNO", baud=9600, port=1),
        "backup": {"directory": "/nowhere"},
    }
    (late,) = await look(place, data, "x" if "password" in place else None)
    assert (late.check, late.grade) == (check, Grade.WARNING)


@contextmanager
def a_line() -> Iterator[tuple[int, str]]:
    """The register's end, and the name of ours."""
    register, ours = pty.openpty()
    tty.setraw(register)
    name = os.ttyname(ours)
    os.close(ours)
    try:
        yield register, name
    finally:
        os.close(register)


@asynccontextmanager
async def speaking(register: int, answer: bytes, *, asked: bool) -> AsyncIterator[None]:
    """A register that answers the question, or speaks by itself."""

    async def speak() -> None:
        os.set_blocking(register, False)
        while True:
            await asyncio.sleep(0.05)
            try:
                heard = os.read(register, 1024)
            except OSError:  # nobody has our end, or nothing was said
                heard = b""
            if not asked or QUESTION in heard:
                os.write(register, answer)

    task = asyncio.create_task(speak())
    try:
        yield
    finally:
        task.cancel()


async def test_a_serial_port_that_is_there() -> None:
    """Free, and silent until a payment, as most registers are."""
    with a_line() as (_, path):
        assert [one.grade for one in await look(("connection", 0, "path"), way_in(kind="serial", path=path, terminals=["*/*"]))] == [
            Grade.OK
        ]
        (silent,) = await look(("connection", 0, "baud"), way_in(kind="serial", path=path, baud=9600))
    assert (silent.grade, "Nothing was heard" in str(silent.what)) == (Grade.OK, True)


async def test_a_serial_port_that_is_missing() -> None:
    """The ports that are there are named with it. Of a socket of this machine nothing is looked at: the agent makes it."""
    (found,) = await look(("connection", 0, "path"), way_in(kind="serial", path="/dev/ttyNO", terminals=["*/*"]))
    assert (found.grade, "/dev/ttyNO" in str(found.what)) == (Grade.FAULT, True)
    assert await look(("connection", 0, "baud"), way_in(kind="serial", path="/dev/ttyNO", baud=9600)) == []
    assert await look(("connection", 0, "path"), way_in(kind="unix", path="/run/x.sock")) == []


@pytest.mark.parametrize(
    ("said", "asked", "grade", "words"),
    [(bytes([Control.NAK]), True, Grade.OK, "is heard"), (b"\x9f\x83\xfe\x00\xe1" * 4, False, Grade.WARNING, "nothing of it makes sense")],
)
async def test_a_register_that_speaks_is_heard(said: bytes, asked: bool, grade: Grade, words: str) -> None:
    """As it should, or so that nothing makes sense: then the speed differs."""
    with a_line() as (register, path):
        async with speaking(register, said, asked=asked):
            (found,) = await look(("connection", 0, "baud"), way_in(kind="serial", path=path, baud=9600))
    assert (found.grade, words in str(found.what)) == (grade, True)
