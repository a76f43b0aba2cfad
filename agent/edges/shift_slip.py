"""The shift report as data and as a strip of paper."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from agent.core.money import roubles
from agent.core.ports import Row
from agent.core.shift import Line
from agent.edges.replies import time_text
from agent.edges.slips import WIDTHS, pair, wrapped
from agent.engine.report import Report
from agent.texts import N_, Translate

STATES = {
    "queued": N_("Waiting"),
    "sending": N_("Being sent"),
    "unknown": N_("Unclear"),
    "pending": N_("At the customer"),
    "canceling": N_("Being canceled"),
    "attention": N_("NEED A PERSON"),
    "paid": N_("Paid"),
    "declined": N_("Declined"),
    "canceled": N_("Canceled"),
    "expired": N_("Never sent"),
    "reversed": N_("Reversed"),
}
CAUSES = {
    "pos": N_("By the register"),
    "late_money": N_("Money that came late"),
    "unclaimed": N_("Not asked for"),
    "operator": N_("By the operator"),
}
_TITLE = N_("SHIFT REPORT: CASHLESS")
_TEST = N_("TEST, NOT REAL MONEY")
_DAY, _MADE, _STORE, _TILL, _ALL = N_("Business day"), N_("Made at"), N_("Store"), N_("Till"), N_("all")
_SALES, _REFUNDS, _NONE = N_("SALES"), N_("RETURNS"), N_("none")
_PAID, _REFUNDED, _NET, _RETURNED = N_("PAID"), N_("RETURNED"), N_("REMAINS"), N_("Returned by the agent")
_LISTS = {
    "open": N_("NOT SETTLED NOW"),
    "untold": N_("PAID, NOT ASKED FOR"),
    "unconfirmed": N_("NOT CONFIRMED BY THE REGISTER"),
    "attention": N_("CALL THE TECHNICIAN"),
    "unreadable": N_("RECORDS THAT CANNOT BE READ"),
}


def report_reply(report: Report, made_at: datetime, translate: Translate) -> dict[str, Any]:
    """``operation.report``. ``made_at``: in the zone of the business day."""
    wanted, figures = report.wanted, report.figures
    return {
        "storeId": wanted.store_id,
        **({"terminalId": wanted.terminal_id} if wanted.terminal_id is not None else {}),
        "date": wanted.day.isoformat(),
        "madeAt": time_text(made_at),
        "sales": [_line(one) for one in figures.sales],
        "refunds": [_line(one) for one in figures.refunds],
        "paid": figures.paid,
        "refunded": figures.refunded,
        "returned": figures.returned,
        "net": figures.paid - figures.refunded,
        "open": [_sale(row) for row in report.open],
        "untold": [_sale(row) for row in report.untold],
        "unconfirmed": [_sale(row) for row in report.unconfirmed],
        "attention": [_sale(row) for row in report.attention],
        "unreadable": [str(one) for one in report.unreadable],
        "text": {str(width): "\n".join(_paper(report, made_at, width, translate)) for width in WIDTHS},
    }


def _line(one: Line) -> dict[str, Any]:
    return {"provider": one.provider, "environment": one.environment, "kind": one.word, "count": one.count, "amount": one.amount}


def _sale(row: Row) -> dict[str, Any]:
    found = {
        "terminalId": row.id.terminal_id,
        "key": row.id.key,
        "orderId": row.order_id,
        "date": row.business_date.isoformat(),
        "state": row.state,
        "money": row.money,
        "amount": row.amount,
    }
    return found | ({"alarms": row.alarms.split()} if row.alarms else {})


# --- paper ---


def _paper(report: Report, made_at: datetime, width: int, translate: Translate) -> Iterator[str]:
    wanted, figures, rule = report.wanted, report.figures, "-" * width
    yield translate(_TITLE).center(width).rstrip()
    if any(one.environment == "test" for one in (*figures.sales, *figures.refunds)):
        yield f"* {translate(_TEST)} *".center(width, "*")[:width]
    yield from pair(translate(_DAY), f"{wanted.day:%d.%m.%Y}", width)
    yield from pair(translate(_MADE), f"{made_at:%d.%m.%Y %H:%M}", width)
    yield from pair(translate(_STORE), wanted.store_id, width)
    yield from pair(translate(_TILL), wanted.terminal_id or translate(_ALL), width)
    yield rule
    yield translate(_SALES)
    yield from _lines(figures.sales, STATES, width, translate)
    yield translate(_REFUNDS)
    yield from _lines(figures.refunds, CAUSES, width, translate)
    yield rule
    yield from pair(translate(_PAID), roubles(figures.paid), width)
    yield from pair(translate(_REFUNDED), roubles(figures.refunded), width)
    yield from pair(translate(_NET), roubles(figures.paid - figures.refunded), width)
    if figures.returned:
        yield from pair(translate(_RETURNED), roubles(figures.returned), width)
    for name, title in _LISTS.items():
        yield from _list(name, title, report, width, translate)


def _lines(lines: Sequence[Line], words: dict[str, str], width: int, translate: Translate) -> Iterator[str]:
    provider = ""
    for one in lines:
        if one.provider != provider:
            provider = one.provider
            yield f" {provider}"
        yield from pair(f"  {translate(words[one.word])} ({one.count})", roubles(one.amount), width)
    if not lines:
        yield f"  {translate(_NONE)}"


def _state(name: str, row: Row, translate: Translate) -> str:
    """Where the title does not tell it: not confirmed may be what nobody paid, and its amount is then no money to look for."""
    return f"  {translate(STATES[row.state])}" if name == "unconfirmed" and row.state in STATES else ""


def _list(name: str, title: str, report: Report, width: int, translate: Translate) -> Iterator[str]:
    named: Sequence[Row] = getattr(report, name) if name != "unreadable" else ()
    unreadable = report.unreadable if name == "unreadable" else ()
    if not named and not unreadable:
        return
    yield "-" * width
    yield from wrapped(f"{translate(title)}: {len(named) or len(unreadable)}", width)
    for row in named:
        yield from pair(f"  {row.order_id}{_state(name, row, translate)}", roubles(row.amount), width)
    for one in unreadable:
        yield from wrapped(f"  {one}", width)
