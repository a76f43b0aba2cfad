"""A daemon of which everything can be told, and how what it tells is read."""

from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from agent.core.model import SaleId
from agent.core.verdict import Operation
from agent.edges.metrics.exposition import PREFIX, exposition
from agent.edges.metrics.tally import Tally
from agent.edges.metrics.view import JournalView, LineView, Obligations, SystemView, View

EVERYTHING = View(
    version="1.2.3",
    python="3.11.2",
    sqlite="3.40.1",
    environment="test",
    ready=True,
    restored=False,
    configuration_refused=False,
    systems={"koshelek": SystemView(True, False)},
    paying_out=["paycore"],
    lines=[LineView("serial:/dev/x", "heard", 2, 3.0), LineView("serial:/dev/y", "unplugged", 0)],
    obligations=Obligations({("koshelek", "refund"): 2}, {("koshelek", "refund"): 60.0}, {("koshelek", "pending"): 1}),
    alarms={"UNCLAIMED": 1},
    attention=1,
    parked=2,
    unconfirmed=3,
    untold=4,
    journal=JournalView(9, 8, 7, 6, 5, 4, 3, 2, 1, 10, True, False),
    backup_failed=True,
    backup_at=1_800_000_000.0,
)


def everything() -> bytes:
    """An exposition in which every family has a sample."""
    return exposition(busy_tally(), EVERYTHING)


def busy_tally() -> Tally:
    """One of everything."""
    tally, sale = Tally(lambda: 5.0), SaleId("s", "t", "k")
    tally.provider_of = {"account": "koshelek"}.get
    notice = tally.noticing(lambda event, sale=None, **facts: None)
    for event in ("sale.accepted", "sale.paid", "sale.refunded", "sale.receipt_delivered", "payout.paid_out"):
        notice(event, sale, provider="koshelek")
    notice("alarm.alarm_raised", sale, code="UNCLAIMED")
    notice("sale.parked", sale, problem="x")
    tally.attempt(Operation.CHECKOUT, "reply.2xx", 120, "account")
    tally.attempt(Operation.CHECKOUT, "unclear.timeout", 9_000, "account")
    tally.heard("s", "t")
    return tally


def series(text: bytes) -> Mapping[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    families = text_string_to_metric_families(text.decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def value(found: Mapping[Any, float], name: str, **labels: str) -> float:
    return found[PREFIX + name, tuple(sorted(labels.items()))]
