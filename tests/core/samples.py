"""Sales in every state, made the only way a sale can be made: by folding events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from agent.core import events
from agent.core.events import CancelCause, Event
from agent.core.fold import replay
from agent.core.model import (
    Binding,
    Checkout,
    Deadline,
    Environment,
    Invoice,
    Item,
    Merchant,
    PaymentMethod,
    RefundLine,
    SaleId,
    Slip,
    Stamp,
)
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.receipt import FiscalReceipt, ReceiptType
from agent.core.refund import RefundCause
from agent.core.sale import Sale
from agent.core.verdict import Operation, Request

SALE_ID = SaleId("store-1", "till-1", "key-1")
BOOT = "boot-a"
START = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
BINDING = Binding("koshelek", Environment.TEST, "https://api.example/acme")


def stamp(ms: int = 0, boot: str = BOOT) -> Stamp:
    """``ms`` after the first event."""
    return Stamp(START + timedelta(milliseconds=ms), boot, 1_000_000 + ms)


def checkout(total: int = 45_000, order_id: str = "order-1", digest: str = "digest") -> Checkout:
    cheese = Item("Сыр", "100200", Decimal("40.5"), 1000, Kopecks(total - 5_000), "vat10", "GRAM")
    milk = Item("Молоко", "100300", Decimal(2500), 2, Kopecks(5_000), "vat10")
    return Checkout(
        Invoice(order_id, Kopecks(total), (cheese, milk)), (PaymentMethod("SBP"),), digest, merchant=Merchant("Acme", "ООО Акме")
    )


def slip(total: int = 45_000, order_id: str = "order-1", **more: Any) -> Slip:
    plain = Slip(
        Kopecks(total),
        order_id,
        id="slip-1",
        payment_type="SBP",
        store_id="store-1",
        terminal_id="till-1",
        payment_transaction_id="tx-1",
        qrc_id="QRC1",
        kzo="KZO1",
        operation_id="OP1",
        operation_date_time="2026-01-15T09:00:05.000Z",
    )
    return replace(plain, **more)


def request(operation: Operation = Operation.CHECKOUT) -> Request:
    return Request(operation, "POST", f"/{operation.value}", {"requestId": "r"})


ACCEPTED = events.Accepted(checkout(), BINDING, Deadline(BOOT, 1_030_000), date(2026, 1, 15))
SENT = events.AttemptStarted("checkout", "r1", request())
RESENT = events.AttemptStarted("checkout", "r1")
HELD = events.AttemptHeld("checkout", "r1", "refused")
LOST = events.AttemptLost("checkout", "r1", "timeout")
ANSWERED = events.AttemptAnswered("checkout", "r1", "new")
KNOWN = events.TransactionKnown("tx-1")
WANTED = events.CancelWanted(CancelCause.CASHIER)
PAID = events.Paid(slip())
DECLINED = events.Declined("REJECTED")
CANCELED = events.Canceled("CANCELED_BY_CASHIER")
EXPIRED = events.Expired("OFFLINE")
ATTENTION = events.AttentionNeeded("WINDOW_CLOSED")
LATE_MONEY = events.LateMoneyFound(slip())
REVERSED = events.Reversed()

WHOLE = (RefundLine(0, 1000, Kopecks(40_000)), RefundLine(1, 2, Kopecks(5_000)))
PENDING: tuple[Event, ...] = (ACCEPTED, SENT, ANSWERED, KNOWN)
GIVEN = events.SaleGiven(checkout(), BINDING, date(2026, 1, 15), "tx-elsewhere")

HISTORIES: dict[PaymentState, tuple[Event, ...]] = {
    PaymentState.QUEUED: (ACCEPTED,),
    PaymentState.SENDING: (ACCEPTED, SENT),
    PaymentState.UNKNOWN: (ACCEPTED, SENT, LOST),
    PaymentState.PENDING: PENDING,
    PaymentState.CANCELING: (*PENDING, WANTED),
    PaymentState.ATTENTION: (*PENDING, WANTED, ATTENTION),
    PaymentState.PAID: (*PENDING, PAID),
    PaymentState.DECLINED: (*PENDING, DECLINED),
    PaymentState.CANCELED: (*PENDING, WANTED, CANCELED),
    PaymentState.EXPIRED: (ACCEPTED, EXPIRED),
    PaymentState.REVERSED: (*PENDING, PAID, REVERSED),
    PaymentState.ELSEWHERE: (GIVEN,),
}


def sale_of(history: Sequence[Event], step_ms: int = 100) -> Sale:
    """The sale after a history whose events are ``step_ms`` apart."""
    return replay(SALE_ID, ((event, stamp(place * step_ms)) for place, event in enumerate(history)))


def sale_in(state: PaymentState) -> Sale:
    return sale_of(HISTORIES[state])


def told(sale: Sale) -> Event:
    return events.Told(sale.payment, sale.payment is PaymentState.PAID, sale.reason)


def fiscal(receipt_id: str = "rc-1", **more: Any) -> FiscalReceipt:
    """The fiscal receipt of the sale."""
    invoice = checkout().invoice
    plain = FiscalReceipt(
        order_id=invoice.order_id,
        receipt_id=receipt_id,
        merchant_name="ООО Акме",
        merchant_address="Санкт-Петербург, ул. Ленина, 1",
        inn="7707083893",
        date_time="2026-01-15T12:00:10+03:00",
        shift="5",
        cashier="Иванова",
        receipt_type=ReceiptType.DEBIT,
        total_amount=invoice.total_amount,
        items=invoice.items,
        meta={"bonus": Decimal("12.50")},
    )
    return replace(plain, **more)


def refund_opened(amount: int = 45_000, key: str = "back-1", cause: RefundCause = RefundCause.POS) -> Event:
    return events.RefundOpened(key, Kopecks(amount), WHOLE, cause, "digest")
