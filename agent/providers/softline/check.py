"""Every limit of a Softline checkout, checked before anything is stored: what would be refused must not cost the customer a wait.

All problems are collected, so that a POS programmer mends a checkout in one go. Paths are the register's names. Of the buyer's data only
the lengths are known here, for they are secrets; the digits of a tax number and the form of an address are for the register's interface to
check.
"""

from collections.abc import Mapping

from agent.core.model import Checkout, Invoice, SaleId
from agent.core.money import MAX_KOPECKS, RUB
from agent.providers.common.findings import Findings
from agent.providers.softline.request import COMPANY, COMPANY_NAME, CUSTOMER_FIELDS, additional_data, agreed, filled, method_of
from agent.providers.softline.settings import (
    KPP_DIGITS,
    MAX_EMAIL_CHARACTERS,
    MAX_PERSONAL_CHARACTERS,
    MAX_REFUND_DESCRIPTION_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    VAT_NUMBER_DIGITS,
    SoftlineSettings,
)

_NEEDED = ("customer.email", "customer.firstName", "customer.lastName")
_LONGEST = {
    "customer.email": MAX_EMAIL_CHARACTERS,
    "customer.firstName": MAX_PERSONAL_CHARACTERS,
    "customer.lastName": MAX_PERSONAL_CHARACTERS,
    "customer.phone": MAX_PERSONAL_CHARACTERS,
    "customer.companyName": MAX_TEXT_CHARACTERS,
    "customer.companyBillingAddress": MAX_TEXT_CHARACTERS,
    "customer.companyDeliveryAddress": MAX_TEXT_CHARACTERS,
}


def check_checkout(settings: SoftlineSettings, sale_id: SaleId, checkout: Checkout, secret_lengths: Mapping[str, int]) -> None:
    """Raises Unacceptable with every problem found. ``secret_lengths``: characters of each given secret."""
    found = Findings()
    _check_invoice(found, settings, checkout.invoice)
    _check_texts(found, settings, sale_id, checkout.invoice.order_id)
    _check_method(found, settings, checkout, secret_lengths)
    _check_customer(found, settings, secret_lengths)
    found.raise_any()


def _check_invoice(found: Findings, settings: SoftlineSettings, invoice: Invoice) -> None:
    path = "checkoutInvoice"
    if invoice.currency != RUB:
        found.add(f"{path}.currency", f"must be {RUB}")
    least = 0 if settings.recurring_indicator else 1
    if not least <= invoice.total_amount <= MAX_KOPECKS:
        found.add(f"{path}.totalAmount", f"must be a whole number of kopecks from {least} to {MAX_KOPECKS}")
    if sum(item.total_amount for item in invoice.items) != invoice.total_amount:
        # People return the whole sum, and a refund of all lines must be it.
        found.add(f"{path}.totalAmount", "must be the sum of the totals of all lines")


def _check_texts(found: Findings, settings: SoftlineSettings, sale_id: SaleId, order_id: str) -> None:
    """The configured texts with this sale's names in them."""
    path = "checkoutInvoice.orderId"
    if settings.payment_description is not None:
        found.text(path, filled(settings.payment_description, sale_id, order_id), MAX_TEXT_CHARACTERS)
    if settings.refund_description is not None:
        found.text(path, filled(settings.refund_description, sale_id, order_id), MAX_REFUND_DESCRIPTION_CHARACTERS)
    for text in additional_data(settings, sale_id, order_id).values():
        found.text(path, text, MAX_TEXT_CHARACTERS)


def _check_method(found: Findings, settings: SoftlineSettings, checkout: Checkout, secret_lengths: Mapping[str, int]) -> None:
    """A register that names methods must name the one that will be used: it has told the customer something."""
    method = method_of(settings, secret_lengths)
    if checkout.payment_methods and method not in {one.type for one in checkout.payment_methods}:
        found.add("paymentMethods", f"must offer {method}, or be left out")


def _check_customer(found: Findings, settings: SoftlineSettings, lengths: Mapping[str, int]) -> None:
    known = agreed(settings)
    for name in _NEEDED:
        if name not in lengths and name not in known:
            found.add(name, "is missing: Softline Payments demands it, and no value was agreed on in the configuration")
    for name, longest in _LONGEST.items():
        found.length(name, lengths.get(name, 1), longest)
    if lengths.get("customer.vatNumber", VAT_NUMBER_DIGITS[0]) not in VAT_NUMBER_DIGITS:
        found.add("customer.vatNumber", f"must have {VAT_NUMBER_DIGITS[0]} or {VAT_NUMBER_DIGITS[1]} digits")
    if lengths.get("customer.kpp", KPP_DIGITS) != KPP_DIGITS:
        found.add("customer.kpp", f"must have {KPP_DIGITS} digits")
    if COMPANY_NAME not in lengths:
        for name in sorted(COMPANY & lengths.keys()):
            found.add(name, "belongs to a company: give customer.companyName, too, or leave it out")


assert set(_LONGEST) | {"customer.vatNumber", "customer.kpp"} == set(CUSTOMER_FIELDS), "every field has a limit"
