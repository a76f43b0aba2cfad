"""Every limit of a Koshelek checkout, checked before anything is stored: what would be refused must not cost the customer a wait.

All problems are collected, so that a POS programmer mends a checkout in one go. Paths are Koshelek's own names. Contents are not echoed:
a text may hold what must not reach a log. What only the provider can know (its least amount, a payer's limit) is left to it.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.core import canonical
from agent.core.model import Checkout, Invoice, Item, PaymentMethod, SaleId
from agent.core.money import MAX_KOPECKS, RUB
from agent.providers.common.findings import MAX_PROBLEMS, Findings
from agent.providers.koshelek.request import CARD_SESSION, LOYALTY_ID, TILL_FINGERPRINT, checkout_request, offered_methods
from agent.providers.koshelek.settings import KoshelekSettings, Limits, StoreFacts

_SOME_REQUEST_ID = "0" * 36  # as long as the real one: only the size of the body is of interest


def check_checkout(
    settings: KoshelekSettings, stores: Mapping[str, StoreFacts], sale_id: SaleId, checkout: Checkout, secret_lengths: Mapping[str, int]
) -> None:
    """Raises Unacceptable with every problem found (at most ``MAX_PROBLEMS``). ``secret_lengths``: characters of each given secret."""
    found = Findings()
    _check_till(found, settings.limits, stores, sale_id)
    _check_secrets(found, settings.limits, secret_lengths)
    _check_invoice(found, settings, checkout.invoice)
    for index, item in enumerate(checkout.invoice.items[: settings.limits.items]):
        check_item(found, settings, f"checkoutInvoice.items[{index}]", item)
    facts = stores.get(sale_id.store_id, StoreFacts())
    _check_methods(found, settings, offered_methods(facts, checkout))
    if not found:  # only a checkout without other faults is sure to have a JSON text
        body = checkout_request(settings, facts, sale_id, _SOME_REQUEST_ID, checkout, frozenset(secret_lengths)).body
        found.size("checkoutInvoice", len(canonical.dumps(body).encode()), settings.limits.body_bytes)
    found.raise_any()


def _check_till(found: Findings, limits: Limits, stores: Mapping[str, StoreFacts], sale_id: SaleId) -> None:
    found.name("storeId", sale_id.store_id, limits.store_id_characters)
    found.name("terminalId", sale_id.terminal_id, limits.terminal_id_characters)
    if sale_id.store_id not in stores:
        found.add("storeId", "is not a configured store")


def _check_secrets(found: Findings, limits: Limits, lengths: Mapping[str, int]) -> None:
    if CARD_SESSION not in lengths:
        found.add("cardSession", "is missing: without it the card cannot pay")
    if LOYALTY_ID not in lengths:
        found.add("user.loyaltyId", "is missing: Koshelek Pay demands the buyer's loyalty number")
    found.length("cardSession", lengths.get(CARD_SESSION, 1), limits.card_session_characters)
    found.length("user.loyaltyId", lengths.get(LOYALTY_ID, 1), limits.loyalty_id_characters)
    # A till with the vendor's library behind a helper gives no token; one that does must give one that fits into a header.
    found.length("token", lengths.get(TILL_FINGERPRINT, 1), limits.token_characters)


def _check_invoice(found: Findings, settings: KoshelekSettings, invoice: Invoice) -> None:
    path = "checkoutInvoice"
    found.name(f"{path}.orderId", invoice.order_id, settings.limits.order_id_characters)
    if invoice.currency != RUB:
        found.add(f"{path}.currency", f"must be {RUB}")
    if not 1 <= len(invoice.items) <= settings.limits.items:
        found.add(f"{path}.items", f"must have 1 to {settings.limits.items} lines, has {len(invoice.items)}")
    lines_total = sum(item.total_amount for item in invoice.items)
    if settings.lines_make_total and invoice.items and lines_total != invoice.total_amount:
        found.add(f"{path}.totalAmount", "must be the sum of the totals of all lines")
    _check_amounts(found, path, invoice, settings.invoice_discounts_add_up)


def check_item(found: Findings, settings: KoshelekSettings, path: str, item: Item) -> None:
    """One line, of a bill or of a fiscal receipt."""
    limits = settings.limits
    found.text(f"{path}.name", item.name, limits.name_characters)
    # A shop may have goods without an article. The field must be there; that it must not be empty no document says.
    found.text(f"{path}.article", item.article, limits.article_characters, least=0)
    _check_price(found, f"{path}.price", item.price, limits)
    if isinstance(item.quantity, bool) or not isinstance(item.quantity, int) or not 1 <= item.quantity <= limits.quantity_units:
        found.add(f"{path}.quantity", f"must be a whole number of units from 1 to {limits.quantity_units}: grams, not parts of a kilogram")
    found.member(f"{path}.measure", item.measure, settings.measures)
    found.member(f"{path}.tax", item.tax, settings.taxes)
    _check_amounts(found, path, item, settings.line_discounts_add_up)


def _check_price(found: Findings, path: str, price: Decimal, limits: Limits) -> None:
    """Kopecks per unit of measure. A fraction is right where the unit is small; how many digits arrive at the other side is our limit."""
    if not price.is_finite() or not 0 <= price <= MAX_KOPECKS:
        found.add(path, f"must be a number of kopecks from 0 to {MAX_KOPECKS}")
        return
    exponent = price.as_tuple().exponent
    assert isinstance(exponent, int), "a finite decimal has a number for exponent"
    if -exponent > limits.price_fraction_digits:
        found.add(path, f"must have at most {limits.price_fraction_digits} digits after the point")


def _check_amounts(found: Findings, path: str, bearer: Invoice | Item, adds_up: bool) -> None:
    total, discount, sub_total = bearer.total_amount, bearer.discount_amount, bearer.sub_total_amount
    found.amount(f"{path}.totalAmount", total)
    found.amount(f"{path}.discountAmount", discount)
    found.amount(f"{path}.subTotalAmount", sub_total)
    if adds_up and discount is not None and sub_total is not None and total != sub_total - discount:
        found.add(f"{path}.totalAmount", "must be subTotalAmount less discountAmount")


def _check_methods(found: Findings, settings: KoshelekSettings, methods: tuple[PaymentMethod, ...]) -> None:
    if not methods:
        found.add("paymentMethods", "must offer at least one way to pay")
    if any(count > 1 for count in Counter(method.type for method in methods).values()):
        found.add("paymentMethods", "must offer each way to pay once")
    # Repeated and unknown types are refused above and below; the cut keeps the work bounded.
    for index, method in enumerate(methods[:MAX_PROBLEMS]):
        path = f"paymentMethods[{index}]"
        found.member(f"{path}.type", method.type, settings.payment_types)
        if method.payment_purpose is not None:
            found.text(f"{path}.paymentPurpose", method.payment_purpose, settings.limits.payment_purpose_characters)
        if method.meta is not None:
            check_meta(found, f"{path}.meta", method.meta, settings.limits.meta_bytes)


def check_meta(found: Findings, path: str, meta: Mapping[str, Any], most_bytes: int) -> None:
    """An object of free form."""
    try:
        size_bytes = len(canonical.dumps(meta).encode())
    except ValueError:  # a float, a depth, a key or half of a surrogate pair that has no JSON text in UTF-8
        found.add(path, "must be JSON in UTF-8, not too deep, its numbers whole or exact decimals")
        return
    found.size(path, size_bytes, most_bytes)
    if _names_a_secret(meta):
        found.add(path, "must not hold the name $secret: it marks the places where the agent puts secrets in")


def _names_a_secret(value: object) -> bool:
    match value:
        case Mapping():
            return "$secret" in value or any(_names_a_secret(item) for item in value.values())
        case list() | tuple():
            return any(_names_a_secret(item) for item in value)
        case _:
            return False
