"""Goal: the program that sells by a payment link does what it says. Method: it is run as it stands, at a till of PayCore.io in the
sandbox; the customer reads the code off its screen, opens the page behind it and pays there."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from agent.sandbox.customer import Action
from tests.docs.pages import DOCS
from tests.support import codes
from tests.support.broken_wire import BrokenWire
from tests.support.stand import STORE, TERMINAL, Plan, Port, Stand

SOURCE = DOCS / "snippets" / "sale_link.py"
WEB = Port("web", "http")
PLAN = Plan(
    tills={TERMINAL: {"provider": "paycore"}},
    ports=(WEB,),
    systems={"paycore": {"service": "payment_card_rub_hpp", "first_read_ms": 500, "poll_interval_ms": 500}},
)
RUN_S = 40.0
BLOCKS = set(" █▀▄")
GONE = "(the code is gone)"


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """A till whose customer does nothing unless he reads the code."""
    with Stand(PLAN) as made:
        made.control("POST", "/customers/default", {"action": "wait"})
        yield made


class Program:
    """The snippet at work, for an order of its own, in a folder that is its disk."""

    def __init__(self, folder: Path, order: str, port: int, token_file: Path) -> None:
        self.folder, self.screen_file = folder, folder / "screen"
        (folder / SOURCE.name).write_text(SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
        self._order = order
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            "AGENT_URL": f"http://127.0.0.1:{port}",
            "AGENT_TOKEN_FILE": str(token_file),
        }
        self.start()

    def start(self) -> None:
        with self.screen_file.open("w") as screen:
            self.process = subprocess.Popen(
                [sys.executable, SOURCE.name, self._order],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=screen,
                text=True,
            )

    @property
    def screen(self) -> str:
        return self.screen_file.read_text(encoding="utf-8")

    @property
    def open_sale(self) -> bool:
        return (self.folder / "open-sale.json").exists()

    def link(self) -> str:
        """What the customer's phone reads off the screen, once it is there."""
        until(lambda: re.search(r"[█▀▄]\s+[^█▀▄\s]", self.screen) is not None, self)  # the code is whole: something stands below it
        lines = [line for line in self.screen.splitlines() if line and set(line) <= BLOCKS]
        (found,) = codes.read(codes.of_text("\n".join(lines)))
        return found

    def end(self) -> tuple[int, str]:
        """Exit status and what was printed."""
        printed, _ = self.process.communicate(timeout=RUN_S)
        return self.process.returncode, printed

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def until(check: Callable[[], bool], program: Program) -> None:
    end = time.monotonic() + RUN_S
    while not check():
        assert time.monotonic() < end, program.screen
        time.sleep(0.05)


def pay(link: str) -> None:
    """The button of the page."""
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=RUN_S) as browser:
        browser.post(link, data={"action": Action.CONFIRM.value}).raise_for_status()


@pytest.fixture
def wire(stand: Stand) -> Iterator[BrokenWire]:
    with BrokenWire.before(stand.ports["web"]) as made:
        yield made


@pytest.fixture
def program(stand: Stand, tmp_path: Path, request: pytest.FixtureRequest, wire: BrokenWire) -> Iterator[Program]:
    made = Program(tmp_path, f"order-{request.node.name[5:25]}", wire.port, stand.folder / "web.token")
    yield made
    made.kill()


def test_the_customer_reads_the_code_and_pays(stand: Stand, program: Program) -> None:
    """The slip is printed, the code is taken away, the sale is confirmed, and neither screen's log nor disk held the link as text."""
    link = program.link()
    disk = (program.folder / "open-sale.json").read_text()
    pay(link)
    status, printed = program.end()
    assert (status, program.open_sale) == (0, False), program.screen
    assert "270.00" in printed
    assert program.screen.rstrip().endswith(GONE)
    assert "The customer is paying by the payment link." in program.screen
    assert link not in program.screen + printed + disk
    last = stand.call("operation.last", storeId=STORE, terminalId=TERMINAL)
    assert (last["state"], last["confirmed"]) == ("paid", True)


def test_the_cashier_cancels(stand: Stand, program: Program) -> None:
    """Enter: the code goes, and the program asks on until it knows how it ended."""
    program.link()
    assert program.process.stdin is not None
    program.process.stdin.write("\n")
    program.process.stdin.flush()
    status, printed = program.end()
    assert (status, program.open_sale) == (3, False), program.screen
    assert "canceled" in printed
    assert GONE in program.screen
    assert stand.call("operation.last", storeId=STORE, terminalId=TERMINAL)["state"] == "canceled"


def test_killed_and_started_again_it_shows_the_same_code(program: Program) -> None:
    """While the customer pays: the sale of the disk is finished, and paid once."""
    link = program.link()
    program.kill()
    assert program.open_sale
    program.start()
    assert program.link() == link
    pay(link)
    assert program.end()[0] == 0, program.screen
    assert not program.open_sale


def test_answers_that_break_off_are_asked_for_again(program: Program, wire: BrokenWire) -> None:
    """While the customer pays, and when the program confirms."""
    link = program.link()
    wire.cuts.update(GET=2, POST=1)
    pay(link)
    assert program.end()[0] == 0, program.screen
    assert program.screen.count("no answer, asking again") == 3
    assert not program.open_sale


def test_a_refusal_takes_the_code_off_the_display(program: Program, wire: BrokenWire) -> None:
    """The agent does not let the program in any more while a customer could pay: nobody shall pay by a code that nobody looks after. The
    sale stays on the disk, and is finished once the agent answers again."""
    link = program.link()
    wire.spoils = WEB.token.encode()
    assert program.end()[0] == 4, program.screen
    assert GONE in program.screen
    assert program.open_sale
    wire.spoils = b""
    program.start()
    assert program.link() == link
    pay(link)
    assert program.end()[0] == 0, program.screen
