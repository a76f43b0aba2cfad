"""Goal: whoever sells by hand can let the customer pay by a link, and the link stays on the screen he looks at.

Method: the real command on a real terminal (a pseudo-terminal of a given width), against a real socket with the desk's own area behind it
and a sale that the core folded; a decoder reads what the screen shows.
"""

import asyncio
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.core.capability import PAYCORE
from agent.core.model import LinkMethod, PaymentLink, SaleId
from agent.core.verdict import Status
from agent.edges import replies
from agent.edges.pos.codes import CheckoutCodes
from agent.engine.errors import Refusal
from agent.texts import translator
from drivers import messages
from drivers.caller import Caller
from drivers.limits import Limits
from drivers.session import Refused, Session
from drivers.socket_link import SocketListener
from tests.core.book import Book, seen
from tests.core.samples import SALE_ID, slip
from tests.support import codes
from tests.support.stand import ROOT

URL = "https://pay.example/p/7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11?lang=ru"
COLOURS = "\x1b[97m\x1b[40m"  # light letters on a dark ground


class Agent:
    """A desk with one sale. The customer pays once the register has asked for the second time."""

    def __init__(self, link: PaymentLink) -> None:
        self.book = Book(caps=PAYCORE)
        self.book.attempt(seen(Status.PENDING, link=link))
        self._area = CheckoutCodes(self)  # type: ignore[arg-type]  # of a Front it needs only what is here
        self.asked: list[str] = []

    @property
    def sale(self) -> Any:
        return self.book.sale

    async def find_sale(self, wanted: SaleId) -> "Agent":
        return self

    async def handle(self, caller: Caller, request: messages.Request) -> Mapping[str, Any]:
        self.asked.append(request.method)
        if isinstance(request, messages.CheckoutQr):
            try:
                return await self._area.handlers[messages.CheckoutQr](caller, request)
            except Refusal as refusal:
                raise Refused(refusal.code, refusal.problem, {"message": f"Sorry: {refusal.code}."}) from refusal
        if self.asked.count("checkout.get") == 2 and not self.sale.finished:
            self.book.read(seen(Status.ACCEPTED, slip()))
        return replies.sale_reply(self.sale, translator("en"))


@asynccontextmanager
async def serving(folder: Path, agent: Agent) -> Any:
    path = folder / "pos.sock"
    listener = SocketListener(path, lambda peer: Session(Caller("uid 0", peer), agent.handle, Limits()))
    await listener.start()
    try:
        yield path
    finally:
        await listener.stop(grace_seconds=0.2)


async def pay(
    folder: Path, link: PaymentLink, columns: int | None = 120, *more: str
) -> tuple[subprocess.CompletedProcess[str], str, Agent]:
    """Pay by hand: the command, what its terminal shows (None: standard error is a pipe), and what was asked of the agent."""
    agent = Agent(link)
    (folder / "card").write_text("FAST01")
    names = ["--store", SALE_ID.store_id, "--terminal", SALE_ID.terminal_id, "--key", SALE_ID.key]
    async with serving(folder, agent) as path:
        command = [
            sys.executable,
            "-m",
            "agent",
            "--socket",
            str(path),
            "pay",
            "10",
            *names,
            "--card-session-from",
            str(folder / "card"),
            *more,
        ]
        ran, screen = await asyncio.to_thread(on_terminal, command, columns)
    return ran, screen, agent


def on_terminal(command: list[str], columns: int | None) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run it with a terminal of so many columns as its standard error."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    if columns is None:
        return (ran := subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)), ran.stderr
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment)
        os.close(theirs)
        shown = b""
        try:
            while data := screen.read(65536):
                shown += data
        except OSError:  # the other end is closed
            pass
        printed = process.communicate(timeout=30)[0]
    return subprocess.CompletedProcess(command, process.returncode, printed), shown.decode()


def drawing(screen: str) -> list[str]:
    """The lines that are a code."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", screen).replace("\r", "").split("\n")
    return [line for line in plain if line and set(line) <= set(" █▀▄")]


async def test_the_code_is_on_the_terminal_while_the_customer_pays(tmp_path: Path) -> None:
    """Once, in colours of its own; it is the link. Then the result, on standard output, without it."""
    ran, screen, agent = await pay(tmp_path, PaymentLink(URL))
    assert codes.read(codes.of_text("\n".join(drawing(screen)))) == [URL]
    assert screen.count(COLOURS) == len(drawing(screen))
    assert (ran.returncode, "PAID" in ran.stdout, agent.asked.count("checkout.qr")) == (0, True, 1)
    assert agent.asked[-1] == "checkout.confirm"
    assert URL not in screen + ran.stdout


@pytest.mark.parametrize(
    ("link", "columns", "text"),
    [
        (PaymentLink(URL), 30, "The terminal is too narrow for the code the customer pays by: it needs 37 columns."),
        (PaymentLink(URL, LinkMethod.POST), 120, "Sorry: LINK_NEEDS_POST."),
        (PaymentLink(URL), None, "The customer pays by a code. It is shown on a terminal only."),
    ],
    ids=["narrow", "POST", "no terminal"],
)
async def test_a_code_that_cannot_be_shown_is_not_and_the_sale_goes_on(
    tmp_path: Path, link: PaymentLink, columns: int | None, text: str
) -> None:
    """Too narrow, not for codes, or into a file: one line says why, the link is nowhere, the result comes all the same."""
    ran, screen, _ = await pay(tmp_path, link, columns)
    assert text in screen
    assert (drawing(screen), URL in screen + ran.stdout) == ([], False)
    assert (ran.returncode, "PAID" in ran.stdout) == (0, True)


async def test_programs_get_the_answer_alone(tmp_path: Path) -> None:
    """With ``--json`` nothing is drawn and no code is asked for."""
    ran, screen, agent = await pay(tmp_path, PaymentLink(URL), 120, "--json")
    assert (ran.returncode, screen, "checkout.qr" in agent.asked, URL in ran.stdout) == (0, "", False, False)
