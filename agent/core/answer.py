"""What a sale looks like from outside: a pure projection for the POS, and the row for queries and constraints.

Two clocks run in an answer. ``state``, ``success``, ``reason`` and the rows of the slip text of what was handed out as finished are taken
from the ``Told`` event and never change again (promise P4); the amount is the bill's. ``money`` and the refunds keep moving: they tell
where the money is now.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.core.alarms import needs_person, standing
from agent.core.events import Told
from agent.core.model import PaymentLink, Slip
from agent.core.obligations import owes, owes_money
from agent.core.payment import PaymentState
from agent.core.ports import Row
from agent.core.refund import Refund, RefundState
from agent.core.sale import Sale

TOKEN_UNAVAILABLE = "TOKEN_UNAVAILABLE"  # noqa: S105 - a reason, not a secret
EARLIER_REFUND = "EARLIER_REFUND"


class Money(StrEnum):
    """Where the customer's money is, as far as it can be known."""

    NONE = "none"
    POSSIBLE = "possible"
    CHARGED = "charged"
    RETURNING = "returning"
    RETURNED = "returned"
    STUCK = "stuck"


class Next(StrEnum):
    """What the POS does about an unfinished sale: ask again, or stop asking and tell the cashier to fetch somebody."""

    POLL = "poll"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a POS. ``state`` of a sale that is only known from a POS (to be refunded) is ``elsewhere``."""

    state: PaymentState
    finished: bool
    success: bool | None
    money: Money
    reason: str | None
    next: Next | None
    slip: Slip | None
    link: PaymentLink | None  # for the customer; only while he may use it
    rows: tuple[tuple[str, str], ...]  # of the slip text: label code and value
    told: bool
    confirmed: bool


def answer(sale: Sale) -> Answer:
    """The answer as of now; finished ones are frozen once told."""
    told = sale.told or told_now(sale)
    slip = sale.slip if told.state in (PaymentState.PAID, PaymentState.REVERSED) else None
    return Answer(
        state=told.state,
        finished=sale.finished,
        success=told.success if sale.finished else None,
        money=money(sale),
        reason=told.reason,
        next=_next(sale),
        slip=slip,
        link=payable_link(sale),
        rows=told.rows,
        told=sale.told is not None,
        confirmed=sale.confirmed,
    )


def payable_link(sale: Sale) -> PaymentLink | None:
    """Where the customer can pay now; None when there is no link, or he may not use it (any more)."""
    return sale.link if sale.payment is PaymentState.PENDING else None


def told_now(sale: Sale, by: str = "") -> Told:
    """What would be handed out now. For an unfinished sale it is only a view and must not be recorded."""
    return Told(sale.payment, sale.payment is PaymentState.PAID, sale.reason, slip_rows(sale), by)


def _next(sale: Sale) -> Next | None:
    if sale.finished:
        return None
    return Next.PERSON if sale.payment is PaymentState.ATTENTION else Next.POLL


def money(sale: Sale) -> Money:
    """Where the money is: charged and on its way back by the refunds, or possibly taken while nobody can say."""
    if sale.charged:
        return _charged(sale)
    if sale.finished:
        return Money.POSSIBLE if sale.withdrawn and not sale.watch_over else Money.NONE
    return Money.NONE if sale.never_sent else Money.POSSIBLE


def _charged(sale: Sale) -> Money:
    if any(is_stuck(one) for one in sale.refunds):
        return Money.STUCK
    if not sale.amount and (sale.late_money or sale.payment is PaymentState.REVERSED):
        return Money.RETURNED  # there was nothing to return
    if sale.refunds and sale.refunded >= sale.amount:
        return Money.RETURNED
    if sale.active_refund() is not None:
        return Money.RETURNING
    return Money.CHARGED


def is_stuck(one: Refund) -> bool:
    """A return that does not come off: a person must look, the provider refused an attempt of what we owe, or an operator gave it up."""
    given_up = one.state is RefundState.DECLINED and (one.owed or one.doubtful)
    return one.state is RefundState.ATTENTION or given_up or (one.owed and one.unsettled and one.closed > 0)


def refund_finished(one: Refund) -> bool:
    return one.state in (RefundState.REFUNDED, RefundState.DECLINED)


def refund_success(one: Refund) -> bool | None:
    match one.state:
        case RefundState.REFUNDED:
            return True
        case RefundState.DECLINED:
            return False
        case _:
            return None


def refund_reason(sale: Sale, one: Refund) -> str | None:
    """Why a refund is as it is; of one that has not been sent yet, what it waits for beside the network. Whoever saw nothing of the earlier
    one would ask for another, and both would go."""
    if one.reason is not None or one.state is not RefundState.QUEUED or one.call is not None:
        return one.reason
    if one is not sale.active_refund():
        return EARLIER_REFUND
    return TOKEN_UNAVAILABLE if TOKEN_UNAVAILABLE in sale.alarms else None


# --- slip text ---

PAYMENT_TYPE_SBP = "SBP"


def slip_rows(sale: Sale) -> tuple[tuple[str, str], ...]:
    """The receipt block that the vendor recommends for a payment, as label codes and values, in the order they are printed."""
    slip = sale.slip
    if slip is None or sale.payment not in (PaymentState.PAID, PaymentState.REVERSED):
        return ()
    merchant = sale.checkout.merchant
    rows: list[tuple[str, str | None]] = [
        ("brandName", merchant.brand_name),
        ("legalName", merchant.legal_name),
        ("environment", "test" if sale.binding.environment == "test" else None),
        ("orderId", slip.order_id or sale.checkout.invoice.order_id),
        ("paymentTransactionId", slip.payment_transaction_id or sale.transaction_id),
        ("paymentType", slip.payment_type),
        *_sbp_rows(slip),
        ("totalAmount", str(slip.total_amount)),
        ("operationDateTime", slip.operation_date_time),
        ("enteredBy", "operator" if sale.decided is not None and sale.decided.slip is slip else None),
    ]
    return tuple((label, value) for label, value in rows if value)


def refund_rows(sale: Sale, one: Refund) -> tuple[tuple[str, str], ...]:
    """The receipt block of a refund; empty until the money is returned, for a customer's receipt must not claim more."""
    if one.state is not RefundState.REFUNDED:
        return ()
    slip = one.slip
    merchant = sale.checkout.merchant
    rows: list[tuple[str, str | None]] = [
        ("brandName", merchant.brand_name),
        ("legalName", merchant.legal_name),
        ("environment", "test" if sale.binding.environment == "test" else None),
        ("orderId", sale.checkout.invoice.order_id),
        ("refundTransactionId", one.ref_transaction_id),
        ("paymentType", slip.payment_type if slip else None),
        *(_sbp_rows(slip) if slip else []),
        ("refundAmount", str(one.amount)),
        ("operationDateTime", slip.operation_date_time if slip else None),
        ("enteredBy", "operator" if one.resolved else None),
    ]
    return tuple((label, value) for label, value in rows if value)


def _sbp_rows(slip: Slip) -> list[tuple[str, str | None]]:
    if slip.payment_type not in (None, PAYMENT_TYPE_SBP):
        # of a card that was paid with on a page, the bank's number of the payment; Koshelek's other ways to pay show none (vendor)
        return [("operationId", slip.operation_id)] if slip.reference is not None else []
    return [("qrcId", slip.qrc_id), ("kzo", slip.kzo), ("operationId", slip.operation_id)]


# --- projection ---


def row(sale: Sale) -> Row:
    """The projection row of a sale."""
    slip = sale.slip
    paid = sale.payment is PaymentState.PAID
    return Row(
        id=sale.id,
        order_id=sale.checkout.invoice.order_id,
        amount=sale.amount,
        currency=sale.checkout.invoice.currency,
        provider=sale.binding.provider,
        environment=sale.binding.environment.value,
        account=sale.binding.account,
        business_date=sale.business_date,
        state=sale.payment.value,
        money=money(sale).value,
        finished=sale.finished,
        open=not sale.finished,
        paid_unreturned=paid and sale.refunded < sale.amount,
        split=sale.checkout.split,
        told=sale.told is not None,
        confirmed=sale.confirmed,
        owes=owes(sale),
        accepted_at=sale.accepted.wall,
        updated_at=sale.updated.wall,
        reason=sale.reason,
        told_at=sale.told_at.wall if sale.told_at else None,
        transaction_id=sale.transaction_id,
        payment_type=slip.payment_type if slip else None,
        qrc_id=slip.qrc_id if slip else None,
        kzo=slip.kzo if slip else None,
        operation_id=slip.operation_id if slip else None,
        operation_date_time=slip.operation_date_time if slip else None,
        refunded_amount=sale.refunded,
        attention=needs_person(sale),
        alarms=" ".join(standing(sale)),
        request_id=sale.call.request_id if sale.call is not None else None,
    )


# --- secrets ---

CARD_SESSION = "cardSession"
BARCODE = "barcode"
LOYALTY_ID = "loyaltyId"
TOKEN = "token"  # noqa: S105 - the name of a header, not a secret
CUSTOMER = tuple(  # who pays, of the providers that ask
    f"customer.{name}"
    for name in (
        *("email", "firstName", "lastName", "phone"),
        *("companyName", "vatNumber", "kpp", "companyBillingAddress", "companyDeliveryAddress"),
    )
)


def refund_token(key: str) -> str:
    """The name under which the token of a refund is kept."""
    return f"{TOKEN}:{key}"


def needed_secrets(sale: Sale, needs_token: bool) -> frozenset[str]:
    """The secrets an obligation still needs; every other one is erased (promise P21). The buyer's data are needed while the checkout may
    have to be repeated, the token also while money may have to go back without anybody at the till."""
    names: set[str] = set()
    repeatable = not sale.finished and sale.payment is not PaymentState.ATTENTION and sale.transaction_id is None and sale.link is None
    if repeatable:
        names |= {CARD_SESSION, BARCODE, LOYALTY_ID, TOKEN, *CUSTOMER}
    watched = sale.payment is PaymentState.CANCELED and owes_money(sale)
    unclaimed = sale.payment is PaymentState.PAID and sale.told is None and owes_money(sale)
    returning = any(one.owed and one.unsettled for one in sale.refunds)
    if needs_token and (not sale.finished or watched or unclaimed or returning):
        names.add(TOKEN)
    names |= {refund_token(one.key) for one in sale.refunds if one.unsettled}
    return frozenset(names)
