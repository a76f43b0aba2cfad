"""What has happened since the start, counted. Called from the loop alone.

The counts are made of the engine's notices and of the transport's ends of attempts, so nothing on a sale's way knows of them. An end that
is followed by another one (canceled, then found paid) counts as both: counters never go down.
"""

import bisect
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.core.model import SaleId
from agent.core.ports import Notice
from agent.core.verdict import Operation

BUCKETS_S = (
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)  # a warm call takes some milliseconds and two round trips
MAX_SERIES = 200  # of one counter; more means that a label takes values from outside
OTHER = "other"
MS_PER_S = 1_000

Series = Counter[tuple[str, ...]]
"""How often, by the values of the labels."""

# Notices that end something, and what the end is called in a label.
SALES = {
    "sale.paid": "paid",
    "sale.declined": "declined",
    "sale.canceled": "canceled",
    "sale.expired": "expired",
    "sale.reversed": "reversed",
    "sale.attention_needed": "attention",
    "sale.late_money_found": "late_money",
}
REFUNDS = {"sale.refunded": "refunded", "sale.refund_declined": "declined", "sale.refund_needs_attention": "attention"}
PAYOUTS = {
    "payout.paid_out": "paid_out",
    "payout.payout_failed": "failed",
    "payout.canceled": "canceled",
    "payout.expired": "expired",
    "payout.attention_needed": "attention",
    "payout.payout_returned": "returned",
}
RECEIPTS = {"sale.receipt_delivered": "delivered", "sale.receipt_refused": "refused"}


@dataclass(slots=True)
class Latency:
    """How long attempts took. ``counts`` has one more member than ``BUCKETS_S``: what took longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_ms: int = 0

    def add(self, ms: int) -> None:
        self.counts[bisect.bisect_left(BUCKETS_S, ms / MS_PER_S)] += 1
        self.total_ms += ms


class Tally:
    """One for the process. ``provider_of`` names the payment system of an account."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.provider_of: Callable[[str], str | None] = lambda account: None
        self.accepted: Series = Counter()  # by provider
        self.sales: Series = Counter()  # by provider and result
        self.refunds: Series = Counter()
        self.receipts: Series = Counter()
        self.payouts: Series = Counter()
        self.alarms: Series = Counter()  # by code
        self.parked = 0
        self.attempts: Series = Counter()  # by provider, operation and end
        self.latency: dict[tuple[str, str], Latency] = {}  # of answered attempts, by provider and operation
        self._heard: dict[tuple[str, str], float] = {}

    def attempt(self, operation: Operation, end: str, ms: int, account: str) -> None:
        """An attempt has ended: ``transport.Observe``."""
        provider = self.provider_of(account) or OTHER
        _count(self.attempts, (provider, operation.value, end), (provider, operation.value, OTHER))
        if end.startswith("reply."):
            self.latency.setdefault((provider, operation.value), Latency()).add(ms)

    def noticing(self, notice: Notice) -> Notice:
        """The same notices, counted on their way."""

        def counted(event: str, sale: SaleId | None = None, **facts: object) -> None:
            self._notice(event, facts)
            notice(event, sale, **facts)

        return counted

    def heard(self, store_id: str, terminal_id: str) -> None:
        """A register has asked something for one of its own tills."""
        self._heard[(store_id, terminal_id)] = self._clock()

    def heard_ago(self) -> Mapping[tuple[str, str], float]:
        """Seconds since each till's register was last heard."""
        now = self._clock()
        return {till: now - at for till, at in self._heard.items()}

    def _notice(self, event: str, facts: Mapping[str, object]) -> None:
        provider = str(facts.get("provider", OTHER))
        if event == "sale.accepted":
            self.accepted[(provider,)] += 1
        counted = ((SALES, self.sales), (REFUNDS, self.refunds), (RECEIPTS, self.receipts), (PAYOUTS, self.payouts))
        for ends, counter in counted:
            if event in ends:
                counter[(provider, ends[event])] += 1
        if event == "alarm.alarm_raised":
            _count(self.alarms, (str(facts.get("code")),), (OTHER,))
        self.parked += event == "sale.parked"


def _count(counter: Series, labels: tuple[str, ...], other: tuple[str, ...]) -> None:
    """One more; of something new among too many the ``other`` is counted."""
    counter[labels if labels in counter or len(counter) < MAX_SERIES else other] += 1
