"""One payout, driven through the core the way the engine drives it: decide, record, fold, ask what is owed. Every event goes through its
stored form first."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from agent.core import events as shared
from agent.core.model import Binding, Deadline, Environment, Stamp
from agent.core.money import Kopecks
from agent.core.payout import asked, decide, events, stored
from agent.core.payout.contract import PayoutOrder, PayoutSeen, PayoutStatus, recipient_secret
from agent.core.payout.decide import Result, SearchPlan, SearchResult
from agent.core.payout.events import PAYOUT_CALL, Event
from agent.core.payout.fold import fold, open_payout, replay
from agent.core.payout.name import payout_id
from agent.core.payout.owed import PayoutDuty, PayoutMemory, PayoutOwed, obligations
from agent.core.payout.policy import PayoutPolicy
from agent.core.verdict import Operation, Request, secret

ID = payout_id("S", "T", "K1")
ORDER = PayoutOrder(Kopecks(50_000), "RUB", "payment_card_rub", "Deposit")
ACCOUNT = Binding("paycore", Environment.TEST, "https://com.paycore.io/api#coma_1")
START = Stamp(datetime(2026, 3, 2, 8, 0, tzinfo=UTC), "boot-1", 1_000_000)
DEADLINE_MS = 60_000
ACCEPTED = events.PayoutAccepted(
    ORDER, ("card_number",), ACCOUNT, Deadline("boot-1", START.ticks + DEADLINE_MS), date(2026, 3, 2), "digest"
)
REQUEST_ID = "r1"
REQUEST = Request(Operation.PAYOUT, "POST", "/payout-invoices", {"fields": {"card_number": secret(recipient_secret("card_number"))}})
POLICY = PayoutPolicy(enabled=True, most_amount=Kopecks(100_000), most_per_day=Kopecks(200_000))
PLAN = SearchPlan(3, 10_000)


def as_stored(event: Event) -> Event:
    """The event as it comes back from the journal; it must be the same."""
    kind, body = stored.encode(event)
    again = stored.decode(kind, json.loads(json.dumps(body)))
    assert again == event, f"{event} is stored as {again}"
    return again


def seen(
    status: PayoutStatus,
    tx: str | None = "cpoi_1",
    reference: str | None = REQUEST_ID,
    amount: int | None = 50_000,
    currency: str | None = "RUB",
) -> PayoutSeen:
    """What the system says of our payout."""
    return PayoutSeen(status, tx, reference, None if amount is None else Kopecks(amount), currency, "ok")


class PayoutBook:
    """A payout, its history, and a clock that only the test moves."""

    def __init__(self, policy: PayoutPolicy = POLICY) -> None:
        self.policy, self.now, self.memory = policy, START, PayoutMemory()
        self.payout = open_payout(ID, as_stored(ACCEPTED), START)
        self.history: list[tuple[Event, Stamp]] = [(ACCEPTED, START)]

    def wait(self, ms: int) -> "PayoutBook":
        self.now = replace(self.now, wall=self.now.wall + timedelta(milliseconds=ms), ticks=self.now.ticks + ms)
        return self

    def reboot(self, dark_ms: int = 60_000) -> "PayoutBook":
        self.now = Stamp(self.now.wall + timedelta(milliseconds=dark_ms), self.now.boot + "'", 5_000)
        self.memory = PayoutMemory()
        return self

    def record(self, found: Sequence[Event]) -> list[str]:
        """Store and fold; the kinds of what was recorded. The whole history must lead to the same payout."""
        for event in found:
            self.payout = fold(self.payout, as_stored(event), self.now)
            self.history.append((event, self.now))
        assert replay(ID, self.history) == self.payout
        return [stored.encode(event)[0] for event in found]

    def send(self, request_id: str = REQUEST_ID) -> "PayoutBook":
        first = self.payout.call is None
        self.record([shared.AttemptStarted(PAYOUT_CALL, request_id, REQUEST if first else None)])
        return self

    def answer(self, result: Result, late: bool = False) -> list[str]:
        return self.record(decide.payout_result(self.payout, REQUEST_ID, result, self.now, self.policy, late))

    def found(self, result: SearchResult) -> list[str]:
        """A search that is made and answered now."""
        return self.record(decide.search_result(self.payout, REQUEST_ID, result, self.now, self.now, self.policy, PLAN))

    def read(self, result: Result) -> list[str]:
        return self.record(decide.status_result(self.payout, result, self.now, self.policy))

    def resolve(self, resolution: events.PayoutResolution, transaction_id: str | None = None) -> list[str]:
        return self.record(asked.resolved(self.payout, asked.Decision(resolution, "seen at the system", "uid:0", transaction_id)))

    def tell(self) -> list[str]:
        return self.record(asked.told_now(self.payout, "pos"))

    def owed(self) -> list[PayoutOwed]:
        return obligations(self.payout, self.now, self.memory, self.policy, PLAN.pause_ms)

    def duties(self) -> dict[PayoutDuty, int]:
        """Milliseconds from now until each duty is due."""
        return {one.duty: one.at - self.now.ticks for one in self.owed()}
