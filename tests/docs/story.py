"""Carries out the examples of the POS protocol's pages, in their order, against a real agent and a real sandbox.

Some examples need something to happen in the world first: the link is down, an answer is lost, the agent is killed. Here stands what.
"""

import base64
import contextlib
import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.docs.compare import Likeness
from tests.docs.pages import Marked, Page
from tests.support.pos import Pos
from tests.support.stand import STORE, TERMINAL, Plan, Socket, Stand, http_request

PAGE_DATE = "2026-01-31"
FOREIGN_ID = "7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11"  # of the page
WAITING_KEY = "20260131-0370"
MAX_CONNECTIONS = 8  # of the page
HUSH_S = 0.1  # who is admitted hears nothing

HELPER = """#!/bin/sh
# Plays the vendor's library: the code's last six characters are the card session.
case "$1" in
token) printf '{"token": "till-03-token"}' ;;
verify) printf '{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": "%s"}' "$(tail -c 6)" ;;
esac
"""
PLAN = Plan(
    tills={
        TERMINAL: {},
        "till-04": {"send_deadline_s": 3},
        "till-05": {"offline": "refuse"},
        "till-99": {},
    },
    sockets=(
        Socket("pos", terminals=("*/till-03", "*/till-04", "*/till-05")),
        Socket("admin", "admin"),
        Socket("closed", users=("65534",)),
    ),
    helper=HELPER,
)
# The same program, two days ago by its own clock.
LONG_AGO = """
import dataclasses, datetime
import agent.edges.clock as clock

class LongAgo(clock.SystemClock):
    def now(self):
        now = super().now()
        return dataclasses.replace(now, wall=now.wall - datetime.timedelta(hours=49))

clock.SystemClock = LongAgo
from agent.cli import main
main()
"""


@dataclass(frozen=True)
class Told:
    """An example and what the agent really said (None: nothing, a hang-up)."""

    example: Marked
    actual: list[dict[str, Any]]
    differences: list[str]


class Heard:
    """What the agent said on a connection that is gone by now."""

    def __init__(self, said: list[dict[str, Any] | None]) -> None:
        self._said = said

    def receive(self) -> dict[str, Any] | None:
        return self._said.pop(0)


class Story:
    """One run through the page. ``told`` holds what came of each example."""

    def __init__(self, page: Page, stand: Stand) -> None:
        self.examples = {one.name: one for one in page.marked("example")}
        self.stand = stand
        self.likeness = Likeness()
        self.told: dict[str, Told] = {}
        self._open: dict[str, Pos] = {}
        self._slow = Heard([])

    def run(self) -> None:
        """Everything, in the order of the page."""
        self.likeness.bound[PAGE_DATE] = datetime.now(ZoneInfo("Europe/Moscow")).date().isoformat()
        with contextlib.ExitStack() as stack:
            stack.callback(self._hang_up)
            slow = stack.enter_context(self.stand.connect())
            slow.send(b'{"jsonrpc":')  # it takes seconds until the agent loses patience: meanwhile the story goes on
            self._slow_line = slow
            for example in self.examples.values():
                prepared = PREPARED.get(example.name)
                with contextlib.contextmanager(prepared)(self) if prepared else contextlib.nullcontext(None) as connection:
                    self._carry_out(example, connection)

    def _carry_out(self, example: Marked, connection: Pos | Heard | None) -> None:
        connection = connection or self.connection(example.attributes.get("socket", "pos"))
        blocks = list(example.blocks)
        request = None if example.name in UNASKED else blocks.pop(0)
        answer = blocks[0] if blocks else None
        if request is not None:
            assert isinstance(connection, Pos)
            connection.send(self._line(request.text if request.language == "text" else request.json) + b"\n")
        said = connection.receive() if answer is not None else None
        documented = answer.json if answer is not None else None
        self.told[example.name] = Told(
            example, [said] if said is not None else [], [] if answer is None else self.likeness.differences(documented, said)
        )

    def _line(self, request: Any) -> bytes:
        return request.strip().encode() if isinstance(request, str) else json.dumps(self.likeness.put_in(request)).encode()

    def connection(self, name: str) -> Pos:
        """The one connection that the register keeps to a socket."""
        if name not in self._open:
            self._open[name] = self.stand.connect(name)
        return self._open[name]

    def _hang_up(self) -> None:
        for pos in self._open.values():
            pos.close()
        self._open.clear()

    # --- what must happen before an example; what is yielded is the connection to use, if not the usual one ---

    def lost_answers(self) -> Iterator[None]:
        self.stand.fault("lose_answer", "checkout", times=2)
        yield

    def wrong_amount(self) -> Iterator[None]:
        self.stand.fault("wrong_amount")
        yield

    def link_goes_down(self) -> Iterator[None]:
        self.stand.control("POST", "/outage", {"ms": 600_000})
        yield

    def link_comes_back(self) -> Iterator[None]:
        yield
        self.stand.control("DELETE", "/outage")

    def buyer_prefers_koshelek(self) -> Iterator[None]:
        self.stand.control("POST", "/availability", {"is_default": True, "unavailable": {"DOLYAME": "Not with these goods"}})
        yield
        self.stand.control("POST", "/availability", {})

    def list_hangs(self) -> Iterator[None]:
        self.stand.fault("lose_request", "availability", hang_ms=4_000)
        yield

    def another_till_has_sold(self) -> Iterator[None]:
        sale = self.examples["refund-foreign"].blocks[0].json["params"]["sale"]
        body = {
            "requestId": str(uuid.uuid4()),
            "storeId": STORE,
            "terminalId": "till-07",
            "cardSession": "FASTother",
            "user": {"loyaltyId": "0"},
            "checkoutInvoice": {name: sale[name] for name in ("orderId", "totalAmount", "items")},
            "paymentMethods": [{"type": "SBP"}],
        }
        credentials = base64.b64encode(b"sandbox:sandbox").decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json", "token": "1"}
        path = "/acme/api/v1/merchant/checkout"
        status, text = http_request(self.stand.sandbox_port, "POST", path, json.dumps(body).encode(), headers)
        assert status == 200, text
        self.likeness.bound[FOREIGN_ID] = json.loads(text)["transactionId"]
        yield

    def agent_is_killed(self) -> Iterator[None]:
        self._slow = Heard([self._slow_line.receive(), self._slow_line.receive()])
        self._hang_up()
        self.stand.restart()
        yield

    def many_polls(self) -> Iterator[Pos]:
        """A payment that nobody confirms, and as many long polls as a connection may have."""
        sale = self.examples["pending"].blocks[0].json["params"]
        invoice = {**sale["checkoutInvoice"], "orderId": "S12-000370"}
        self.stand.call("checkout.create", **{**sale, "key": WAITING_KEY, "cardSession": "WAIT70", "checkoutInvoice": invoice, "wait": 0})
        with self.stand.connect() as pos:
            request = self.examples["at-work"].blocks[0].json
            for number in range(16):
                pos.send(self._line({**request, "id": f"poll-{number}"}) + b"\n")
            yield pos

    def nothing_happens(self) -> Iterator[Pos]:
        """A notification is not carried out: the payment is still not canceled."""
        with self.stand.connect() as pos:
            yield pos
            sale = pos.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key=WAITING_KEY)
            assert sale["state"] in ("queued", "sending", "pending"), sale
        self.stand.call("checkout.cancel", storeId=STORE, terminalId=TERMINAL, key=WAITING_KEY)

    def long_line(self) -> Iterator[None]:
        self.connection("pos").send(b'{"filler": "' + b"x" * 65536 + b'"}\n')
        yield

    def slow_line(self) -> Iterator[Heard]:
        yield self._slow
        assert self._slow.receive() is None

    def crowd(self) -> Iterator[Heard]:
        """Connections are opened until one is turned away: eight are admitted, and those that have just gone may still count."""
        with contextlib.ExitStack() as stack:
            for _ in range(3 * MAX_CONNECTIONS):
                pos = stack.enter_context(self.stand.connect())
                with contextlib.suppress(TimeoutError):
                    yield Heard([pos.receive(HUSH_S)])
                    assert pos.receive() is None
                    return


PREPARED: Mapping[str, Callable[[Story], Iterator[Pos | Heard | None]]] = {
    "unknown": Story.lost_answers,
    "attention": Story.wrong_amount,
    "offline-queued": Story.link_goes_down,
    "offline-refused": Story.link_comes_back,
    "availability-default": Story.buyer_prefers_koshelek,
    "availability-slow": Story.list_hangs,
    "refund-foreign": Story.another_till_has_sold,
    "last": Story.agent_is_killed,
    "at-work": Story.many_polls,
    "notification": Story.nothing_happens,
    "too-long": Story.long_line,
    "slow-line": Story.slow_line,
    "connections": Story.crowd,
}
UNASKED = frozenset({"too-long", "slow-line", "connections", "not-admitted"})  # the agent speaks first, or to no readable request


@contextlib.contextmanager
def played(page: Page) -> Iterator[Story]:
    """The whole story on a stand of its own, its oldest sale two days old."""
    with Stand(PLAN, launcher=[sys.executable, "-c", LONG_AGO]) as stand:
        old = next(one for one in page.marked("example") if one.name == "key-reused").blocks[0].json["params"]
        assert stand.call("checkout.create", **old, wait=20)["state"] == "paid"
        stand.restart()
        story = Story(page, stand)
        story.run()
        yield story
