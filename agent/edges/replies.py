"""Answers as a POS reads them: the engine's projections in the wire's names, with texts for the cashier."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agent.core import answer
from agent.core.capability import TABLE, UNHEARD_OF, Approval
from agent.core.delivery import Delivery, DeliveryState
from agent.core.model import LinkMethod, SaleId, Slip
from agent.core.payout.name import is_payout
from agent.core.ports import Entry, Row
from agent.core.refund import Refund, RefundState
from agent.core.sale import Sale
from agent.core.stored import plain
from agent.edges import slips
from agent.reasons import explain, explain_charged, explain_payout
from agent.texts import N_, Translate, translator

STATES = {
    "queued": N_("The payment is accepted and waits to be sent."),
    "sending": N_("The payment is being sent."),
    "pending": N_("The customer is confirming the payment on the phone."),
    "unknown": N_("The answer was lost; the result is being found out. Do not take the money again."),
    "canceling": N_("The payment is being canceled. You may serve the next customer; do not take money for this bill yet."),
    "attention": N_("The result is not clear. Do not take the money again; call the technician."),
    "paid": N_("Paid."),
    "declined": N_("The payment was declined."),
    "canceled": N_("The payment is canceled. Offer another means of payment."),
    "expired": N_("The payment was never sent. No money was taken. Offer another means of payment."),
    "reversed": N_("The payment is reversed: the money goes back to the customer."),
    "elsewhere": N_("The sale was made elsewhere; only its refunds are kept here."),
}
LINK_STATES = {**STATES, "pending": N_("The customer is paying by the payment link.")}
"""Of payments on a page behind a link, of which there is nothing to confirm in an app."""
STILL_PAYABLE = N_("Take the code off the screen. If the link is still paid, the money goes back by itself.")
"""Of a link that was taken back where the payment system has no cancel: whoever has photographed it can still pay, for a while."""
REFUND_STATES = {
    "queued": N_("The refund is accepted and waits to be sent."),
    "sending": N_("The refund is being sent."),
    "unknown": N_("The answer was lost; it is being found out whether the refund was made."),
    "pending": N_("The refund is being processed."),
    "requested": N_(
        "The refund is requested: people at the payment system decide about it. "
        "The money has not been returned yet. Do not return it another way yet."
    ),
    "refunded": N_("The money is returned."),
    "declined": N_("The refund was declined. No money was returned."),
    "attention": N_("It is not clear whether the refund was made. Do not return the money again; call the technician."),
}


RECEIPT_STATES = {
    "queued": N_("The receipt is stored and waits to be sent to the payment system."),
    "sending": N_("The receipt is being sent to the payment system."),
    "unknown": N_("It is not known yet whether the payment system has the receipt; it is being sent again."),
    "delivered": N_("The payment system has the receipt."),
    "refused": N_("The receipt was refused or given up and is not sent any more. The payment itself is not affected."),
}

PAYOUT_STATES = {
    "queued": N_("The payout is accepted and waits to be sent."),
    "sending": N_("The payout is being sent."),
    "unknown": N_("The answer was lost; it is being found out whether the payout was made. Do not pay out again."),
    "pending": N_("The payment system is making the payout."),
    "attention": N_("It is not clear whether the payout was made. Do not pay out again; call the technician."),
    "paid_out": N_("Paid out."),
    "failed": N_("The payout was not made. No money has left."),
    "canceled": N_("The payout is canceled. No money has left."),
    "expired": N_("The payout was never sent. No money has left."),
    "returned": N_("The payout was taken back: the money is at the shop's account again."),
}


def time_text(moment: datetime) -> str:
    """A moment as the protocol writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(texts: Mapping[str, str], state: str, reason: str | None, translate: Translate, *, by_link: bool = False) -> str:
    """The state first, then why: a cashier acts on the first sentence."""
    what = translate(texts[state])
    return f"{what} {explain(reason, translate, by_link=by_link)}" if reason and (state, reason) not in SAID else what


def payout_message(state: str, reason: str | None, translate: Translate) -> str:
    """Of a payout: the state first, then why."""
    what = translate(PAYOUT_STATES[state])
    return f"{what} {explain_payout(reason, translate)}" if reason else what


def _sale_message(provider: str, state: str, reason: str | None, translate: Translate, money: str = "") -> str:
    """Of a payment: in the words that fit how its customer pays, and where his money is."""
    if state == "attention" and money == answer.Money.CHARGED:
        return explain_charged(reason, translate)
    by_link = TABLE.get(provider, UNHEARD_OF).approval is Approval.LINK
    said = _message(LINK_STATES if by_link else STATES, state, reason, translate, by_link=by_link)
    payable = by_link and state == "canceled" and money == answer.Money.POSSIBLE and reason != "LINK_NOT_OPENED"  # which says it already
    return f"{said} {translate(STILL_PAYABLE)}" if payable else said


# States that say the reason already: a second sentence would only make the cashier doubt the first.
_OWN_CANCELS = ("CANCELED_BY_CASHIER", "SEND_DEADLINE", "NO_ANSWER", "REBOOTED", "FOUND_LATE")  # true while it was open
_OPEN_ADVICE = ("EXTERNAL_PROVIDER_ERROR", "PAYMENT_ORDER_IS_NOT_FOUND")  # "check the result", when the result stands before it
SAID = frozenset(
    {
        ("expired", "SEND_DEADLINE"),
        *(("canceled", reason) for reason in _OWN_CANCELS),
        *(("declined", reason) for reason in _OPEN_ADVICE),
    }
)


def sale_reply(sale: Sale, translate: Translate) -> dict[str, Any]:
    """``CheckoutAnswer`` of the POS protocol."""
    view = answer.answer(sale)
    invoice = sale.checkout.invoice
    found: dict[str, Any] = {
        **_names(sale.id),
        "orderId": invoice.order_id,
        "state": view.state.value,
        "finished": view.finished,
        "success": view.success,
        "money": view.money.value,
        "reason": view.reason,
        "message": _sale_message(sale.binding.provider, view.state.value, view.reason, translate, view.money),
        "amount": sale.amount,
        "currency": invoice.currency,
        "provider": sale.binding.provider,
        "environment": sale.binding.environment.value,
        "test": sale.binding.environment.value == "test",
        "refunds": [refund_reply(sale, one, translate) for one in sale.refunds],
        "acceptedAt": time_text(sale.accepted.wall),
        "told": view.told,
        "confirmed": view.confirmed,
    }
    if view.next is not None:
        found["next"] = view.next.value
    if sale.transaction_id is not None:
        found["transactionId"] = sale.transaction_id
    if view.slip is not None:
        found |= {"slip": _slip(view.slip, _slip_texts(sale, view.rows))}
        found |= {"paymentType": view.slip.payment_type} if view.slip.payment_type else {}
    if view.link is not None:
        found["paymentUrl"] = view.link.url
        found |= {"paymentUrlMethod": view.link.method.value} if view.link.method is not LinkMethod.GET else {}
        found |= {"paymentUrlFields": dict(view.link.fields)} if view.link.fields else {}
    return found


def record_reply(sale: Sale, translate: Translate) -> dict[str, Any]:
    """A sale for people who look at it: whether its link can be used, and never the link. Whoever has it can pay, and what people look
    at is copied into messages."""
    found = sale_reply(sale, translate)
    for name in ("paymentUrl", "paymentUrlFields"):
        found.pop(name, None)
    if sale.link is not None:
        found["paymentUrlMethod"] = sale.link.method.value
        found["paymentUrlState"] = "open" if answer.payable_link(sale) is not None else "closed"
    return found


def refund_reply(sale: Sale, one: Refund, translate: Translate) -> dict[str, Any]:
    """``RefundAnswer`` of the POS protocol. A refund the agent owes by itself has no ``refundKey``."""
    reason = answer.refund_reason(sale, one)
    found: dict[str, Any] = {
        "state": one.state.value,
        "finished": answer.refund_finished(one),
        "success": answer.refund_success(one),
        "amount": one.amount,
        "reason": reason,
        "message": _message(REFUND_STATES, one.state.value, reason, translate),
        "cause": one.cause.value,
        "items": [{"line": line.line, "quantity": line.quantity, "totalAmount": line.total_amount} for line in one.lines],
    }
    if not one.owed:
        found["refundKey"] = one.key
    if not answer.refund_finished(one):
        found["next"] = "person" if one.state is RefundState.ATTENTION else "poll"
    if one.ref_transaction_id is not None:
        found["refTransactionId"] = one.ref_transaction_id
    rows = answer.refund_rows(sale, one)
    if rows:
        slip = one.slip or Slip(one.amount, sale.checkout.invoice.order_id)
        found["slip"] = _slip(slip, _slip_texts(sale, rows)) | {"totalAmount": one.amount}
    return found


def receipt_reply(sale: Sale, one: Delivery, translate: Translate) -> dict[str, Any]:
    """``ReceiptAnswer`` of the POS protocol. Why it waits is told; why it was refused is a word for programs, for the texts of such words
    speak of payments."""
    finished = not one.unsettled
    found: dict[str, Any] = {
        "key": sale.id.key,
        "orderId": sale.checkout.invoice.order_id,
        "receiptId": one.key,
        "state": one.state.value,
        "finished": finished,
        "success": one.state is DeliveryState.DELIVERED if finished else None,
        "reason": one.reason,
        "message": _message(RECEIPT_STATES, one.state.value, None if finished else one.reason, translate),
    }
    if one.refund is not None:
        found["refundKey"] = one.refund
    if not finished:
        found["next"] = "poll"
    return found


def row_reply(row: Row, translate: Translate) -> dict[str, Any]:
    """A line of ``operation.list``: what the projection knows, without slip and refunds. A payout's key says what it is."""
    found: dict[str, Any] = {
        **_names(row.id),
        "orderId": row.order_id,
        "state": row.state,
        "finished": row.finished,
        "success": row.state in ("paid", "paid_out") if row.finished else None,
        "money": row.money,
        "reason": row.reason,
        "message": (
            payout_message(row.state, row.reason, translate)
            if is_payout(row.id)
            else _sale_message(row.provider, row.state, row.reason, translate, row.money)
        ),
        "amount": row.amount,
        "refundedAmount": row.refunded_amount,
        "currency": row.currency,
        "provider": row.provider,
        "environment": row.environment,
        "test": row.environment == "test",
        "businessDate": row.business_date.isoformat(),
        "acceptedAt": time_text(row.accepted_at),
        "told": row.told,
        "confirmed": row.confirmed,
    }
    optional = {
        "transactionId": row.transaction_id,
        "paymentType": row.payment_type,
        "qrcId": row.qrc_id,
        "kzo": row.kzo,
        "operationId": row.operation_id,
        "operationDateTime": row.operation_date_time,
    }
    found |= {"alarms": row.alarms.split()} if row.alarms else {}
    return found | {name: value for name, value in optional.items() if value is not None}


def _names(sale_id: SaleId) -> dict[str, Any]:
    return {"storeId": sale_id.store_id, "terminalId": sale_id.terminal_id, "key": sale_id.key}


def story(entries: Sequence[Entry] | None) -> list[dict[str, Any]]:
    """Everything that happened to a sale, for people: of each request its line, a repeat like its first attempt; of a payment link only how
    it is opened."""
    lines: dict[str, str] = {}
    told = []
    for entry in entries or ():
        asked = _line_of(entry.body, lines) if entry.kind == "attempt_started" else {}
        told.append({"at": entry.stamp.wall.isoformat(), "event": entry.kind, **asked, **without_link(plain(entry.body))})
    return told


def _line_of(body: Mapping[str, Any], lines: dict[str, str]) -> dict[str, str]:
    """``POST /path`` of an attempt; none of its body, which holds the bill. ``lines``: by request id, kept up for the repeats."""
    request_id, request = str(body["request_id"]), body.get("request")
    if request is not None:
        lines[request_id] = f"{request['method']} {request['path']}"
    return {"http": lines[request_id]} if request_id in lines else {}


def without_link(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a stored event without the address that lets anybody pay."""
    link = body.get("link")
    return {**body, "link": link.get("method", "GET")} if isinstance(link, Mapping) else dict(body)


def copy_reply(sale: Sale, refund_key: str | None, now: bool = False) -> dict[str, Any] | None:
    """``operation.slip``: the slip that was handed out (``now``: or that would be now), or that of a refund, marked as a copy. None if
    there is none."""
    one = sale.refund(refund_key) if refund_key is not None else None
    if refund_key is None:
        rows = answer.answer(sale).rows if now and sale.finished else sale.told.rows if sale.told is not None else ()
    else:
        rows = answer.refund_rows(sale, one) if one is not None else ()
    if not rows:
        return None
    named = {"refundKey": refund_key} if refund_key is not None else {}
    return {**_names(sale.id), **named, "copy": True, "text": _slip_texts(sale, rows, copy=True)}


def _slip_texts(sale: Sale, rows: Sequence[tuple[str, str]], copy: bool = False) -> dict[str, str]:
    """In the language the sale was accepted in: a slip stays what it was when the configuration changes (promise P4)."""
    return slips.texts(rows, translator(sale.checkout.language), copy)


def _slip(slip: Slip, texts: Mapping[str, str]) -> dict[str, Any]:
    optional = {
        "id": slip.id,
        "merchantId": slip.merchant_id,
        "qrcId": slip.qrc_id,
        "kzo": slip.kzo,
        "operationId": slip.operation_id,
        "operationDateTime": slip.operation_date_time,
    }
    return {"totalAmount": slip.total_amount, "text": dict(texts)} | {name: value for name, value in optional.items() if value is not None}
