"""Goal: whoever closes the day by the strip of paper sees what is money and what is not. Method: whole strips, line by line."""

from datetime import UTC, date, datetime

import pytest

from agent.core.model import SaleId
from agent.core.ports import Row
from agent.core.shift import Shift
from agent.edges.shift_slip import report_reply
from agent.edges.slips import WIDTHS
from agent.engine.report import Report, Wanted
from agent.texts import translator

MADE_AT = datetime(2026, 1, 31, 20, 0, tzinfo=UTC)


def row(order: str, state: str, amount: int) -> Row:
    """A sale that was told and not confirmed."""
    return Row(
        id=SaleId("S12", "till-03", order),
        order_id=order,
        amount=amount,
        currency="RUB",
        provider="koshelek",
        environment="production",
        account="a",
        business_date=date(2026, 1, 31),
        state=state,
        money="charged" if state == "paid" else "none",
        finished=True,
        open=False,
        paid_unreturned=state == "paid",
        split=False,
        told=True,
        confirmed=False,
        owes=False,
        accepted_at=MADE_AT,
        updated_at=MADE_AT,
    )


def strip(rows: list[Row], language: str, width: int) -> list[str]:
    wanted = Wanted("S12", "till-03", date(2026, 1, 31))
    report = Report(wanted, Shift((), (), 0, 0, 0), open=[], untold=rows[:1], unconfirmed=rows, attention=[], unreadable=[])
    text: str = report_reply(report, MADE_AT, translator(language))["text"][str(width)]
    return text.splitlines()


def test_what_is_not_confirmed_is_shown_with_its_state() -> None:
    """Paid, declined and canceled are told apart; the list whose title says that they are paid is as short as ever."""
    rows = [row("S12-000345", "paid", 45000), row("S12-000346", "declined", 9000), row("S12-000347", "canceled", 100)]
    assert strip(rows, "en", 42)[-7:] == [
        "PAID, NOT ASKED FOR: 1",
        "  S12-000345                        450.00",
        "-" * 42,
        "NOT CONFIRMED BY THE REGISTER: 3",
        "  S12-000345  Paid                  450.00",
        "  S12-000346  Declined               90.00",
        "  S12-000347  Canceled                1.00",
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["ru", "en"])
def test_no_line_is_wider_than_the_paper(width: int, language: str) -> None:
    """With the longest order number, and with a state that has no word on the strip."""
    states = ["paid", "declined", "canceled", "expired", "reversed", "elsewhere"]
    lines = strip([row("9" * 36, state, 9_999_999_999) for state in states], language, width)
    assert max(map(len, lines)) <= width
    assert sum("99999999.99" in line for line in lines) == len(states) + 1
