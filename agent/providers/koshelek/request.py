"""Operations become requests, in Koshelek's own names. What is optional and absent is left out; secrets are placeholders.

A request is journalled as it is built here and repeated byte for byte under its ``requestId``, so nothing here may depend on anything but
the arguments. ``price`` goes out digit by digit as it came in; it is never recomputed.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from agent.core.contract import Return
from agent.core.model import Checkout, Invoice, Item, PaymentMethod, RefundLine, SaleId
from agent.core.money import RUB, Kopecks
from agent.core.verdict import Operation, Request, secret
from agent.providers.koshelek.settings import SBP, KoshelekSettings, StoreFacts

CARD_SESSION = "cardSession"
LOYALTY_ID = "loyaltyId"
TILL_FINGERPRINT = "token"  # the header and the secret that fills it: the vendor's library makes it of the till's hardware and a password


def checkout_request(
    settings: KoshelekSettings, facts: StoreFacts, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]
) -> Request:
    """Hand over the bill and the buyer's card session. ``user`` goes out when the buyer's loyalty number is among the secrets."""
    body: dict[str, Any] = {
        "requestId": request_id,
        "cardSession": secret(CARD_SESSION),
        "storeId": sale_id.store_id,
        "terminalId": sale_id.terminal_id,
        "checkoutInvoice": invoice_body(settings, checkout.invoice),
        "paymentMethods": [_method(method) for method in offered_methods(facts, checkout)],
    }
    if LOYALTY_ID in secret_names:
        body["user"] = {"loyaltyId": secret(LOYALTY_ID)}
    return Request(Operation.CHECKOUT, "POST", f"{settings.path_prefix}/checkout", body, {TILL_FINGERPRINT: TILL_FINGERPRINT})


def status_request(
    settings: KoshelekSettings, sale_id: SaleId, request_id: str, transaction_id: str | None, ref_transaction_id: str | None
) -> Request:
    """Ask for the state of a payment, or of a cancel or refund. At least one id must be given."""
    assert transaction_id or ref_transaction_id, "a status read needs the id of what it reads"
    body: dict[str, Any] = {"requestId": request_id}
    if transaction_id:
        body["transactionId"] = transaction_id
    if ref_transaction_id:
        body["refTransactionId"] = ref_transaction_id
    if settings.status_carries_ids:
        body |= {"storeId": sale_id.store_id, "terminalId": sale_id.terminal_id}
    return Request(Operation.STATUS, "POST", f"{settings.path_prefix}/transaction/status", body)


def cancel_request(settings: KoshelekSettings, sale_id: SaleId, request_id: str, transaction_id: str) -> Request:
    """Cancel a payment that is not through yet, always for its full amount."""
    body = {
        "requestId": request_id,
        "storeId": sale_id.store_id,
        "terminalId": sale_id.terminal_id,
        "transactionId": transaction_id,
    }
    return Request(Operation.CANCEL, "POST", f"{settings.path_prefix}/transaction/cancel", body)


def refund_request(settings: KoshelekSettings, back: Return) -> Request:
    """Return a part of a payment, or all of it: the returned lines only, each with its returned quantity and total."""
    assert back.lines, "a refund names at least one line"
    assert back.amount >= 1, "a refund moves at least one kopeck"
    items = [_returned(back.checkout.invoice.items[line.line], line) for line in back.lines]
    if settings.merge_equal_refund_lines:
        items = _merged(items)
    body: dict[str, Any] = {
        "requestId": back.request_id,
        "storeId": back.sale_id.store_id,
        "terminalId": back.sale_id.terminal_id,
        "transactionId": back.transaction_id,
        "refundAmount": back.amount,
        "items": [item_body(item) for item in items],
    }
    if settings.send_currency:
        body["currency"] = RUB
    return Request(Operation.REFUND, "POST", f"{settings.path_prefix}/transaction/refund", body, {TILL_FINGERPRINT: back.token_name})


def offered_methods(facts: StoreFacts, checkout: Checkout) -> tuple[PaymentMethod, ...]:
    """The ways to pay of this bill: the POS's, else the store's. SBP takes the store's payment purpose where the POS gave none."""
    methods = checkout.payment_methods or tuple(PaymentMethod(kind) for kind in facts.payment_methods)
    return tuple(
        replace(method, payment_purpose=facts.payment_purpose) if method.type == SBP and method.payment_purpose is None else method
        for method in methods
    )


def invoice_body(settings: KoshelekSettings, invoice: Invoice) -> dict[str, Any]:
    """CheckoutInvoice in Koshelek's names."""
    body: dict[str, Any] = {
        "orderId": invoice.order_id,
        "totalAmount": invoice.total_amount,
        "items": [item_body(item) for item in invoice.items],
        "discountAmount": invoice.discount_amount,
        "subTotalAmount": invoice.sub_total_amount,
        "currency": invoice.currency if settings.send_currency else None,
    }
    return without_absent(body)


def item_body(item: Item) -> dict[str, Any]:
    """Item in Koshelek's names."""
    # The vendor's schema spells subtotalAmount, its examples and the newer pages subTotalAmount: the latter it is. A line repeats no
    # currency: the invoice's holds for all of it. PIECE is said aloud: the rules of refunds depend on it.
    body: dict[str, Any] = {
        "name": item.name,
        "article": item.article,
        "price": item.price,
        "quantity": item.quantity,
        "measure": item.measure,
        "totalAmount": item.total_amount,
        "discountAmount": item.discount_amount,
        "subTotalAmount": item.sub_total_amount,
        "tax": item.tax,
    }
    return without_absent(body)


def _method(method: PaymentMethod) -> dict[str, Any]:
    return without_absent({"type": method.type, "paymentPurpose": method.payment_purpose, "meta": method.meta})


def _returned(item: Item, line: RefundLine) -> Item:
    """The part of a line that goes back. A whole line keeps its discount; what the discount of a part would be nobody has defined."""
    if (line.quantity, line.total_amount) == (item.quantity, item.total_amount):
        return item
    return replace(item, quantity=line.quantity, total_amount=line.total_amount, discount_amount=None, sub_total_amount=None)


def _merged(items: list[Item]) -> list[Item]:
    """Equal lines as one: goods scanned twice are two lines of the bill, but one element of a list that must be unique."""
    while len(counts := Counter(items)) < len(items):  # again, because a merged line may equal one that was single
        items = [item if count == 1 else _times(item, count) for item, count in counts.items()]
    return items


def _times(item: Item, count: int) -> Item:
    return replace(
        item,
        quantity=item.quantity * count,
        total_amount=Kopecks(item.total_amount * count),
        discount_amount=_amount_times(item.discount_amount, count),
        sub_total_amount=_amount_times(item.sub_total_amount, count),
    )


def _amount_times(amount: Kopecks | None, count: int) -> Kopecks | None:
    return None if amount is None else Kopecks(amount * count)


def without_absent(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what nobody gave."""
    return {name: value for name, value in body.items() if value is not None}
