"""Operations become requests, in PayCore's own names. What is optional and absent is left out; secrets are placeholders.

A request is journalled as it is built here and repeated byte for byte, so nothing here may depend on anything but the arguments.
``reference_id`` of a payment is our ``request_id``: unique at the provider, it is what a repeat is recognised and a lost answer found by.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from agent.core.answer import CUSTOMER
from agent.core.model import Checkout, SaleId
from agent.core.money import Kopecks
from agent.core.verdict import Operation, Request, secret
from agent.providers.paycore.money import major_units
from agent.providers.paycore.settings import PayCoreSettings, Shape

EMAIL, PHONE = "customer.email", "customer.phone"
assert {EMAIL, PHONE} <= set(CUSTOMER), "names of the core"


def create_request(
    settings: PayCoreSettings, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]
) -> Request:
    """Make a payment invoice. Buyer's data go out only as far as they are among ``secret_names``."""
    attributes: dict[str, Any] = {
        **attributes_of(settings, sale_id, request_id, checkout, secret_names),
        "test_mode": settings.test_mode,  # whether a missing one means live money is UNKNOWN, so it is always said
    }
    if settings.callback_url is not None:
        attributes["callback_url"] = settings.callback_url
    body = shaped(settings.create_shape, {"type": "payment-invoices"}, attributes)
    return Request(Operation.CHECKOUT, "POST", settings.invoices_path, body)


def attributes_of(
    settings: PayCoreSettings, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]
) -> dict[str, Any]:
    """What a payment invoice says, whichever API makes it. What is not known is left out."""
    invoice = checkout.invoice
    attributes: dict[str, Any] = {
        "reference_id": request_id,
        "amount": amount_in(settings, invoice.total_amount),
        "currency": invoice.currency,
        "description": invoice.order_id,
        "service": settings.service,
        "fields": _fields(settings, secret_names) or None,
        "return_url": settings.return_url,
        "customer": _customer(settings, request_id, secret_names) if settings.send_customer else None,
        "metadata": metadata_of(sale_id, invoice.order_id) if settings.send_metadata else None,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def status_request(settings: PayCoreSettings, transaction_id: str) -> Request:
    """Read one payment."""
    return Request(Operation.STATUS, "GET", _path(settings, transaction_id), {})


def find_request(settings: PayCoreSettings, request_id: str) -> Request:
    """Search for the payments of one of our keys."""
    return Request(Operation.FIND, "GET", f"{settings.find_path}?{find_query(request_id)}", {})


def find_query(request_id: str) -> str:
    """The filter of a search by our own key; its brackets are percent-encoded."""
    return f"{quote('filter[reference_id]', safe='')}={quote(request_id, safe='')}"


def refund_request(settings: PayCoreSettings, request_id: str, transaction_id: str, amount: Kopecks, order_id: str) -> Request:
    """Give back ``amount`` kopecks, all or a part. Whether the refund's ``reference_id`` is checked for being unique is UNKNOWN, so
    nothing relies on it."""
    assert amount >= 1, "a refund moves at least one kopeck"
    attributes = {"amount": amount_in(settings, amount), "reference_id": request_id, "description": order_id}
    body = shaped(settings.refund_shape, {"type": "refund", "id": transaction_id}, attributes)
    return Request(Operation.REFUND, "POST", f"{_path(settings, transaction_id)}/refund", body)


def shaped(shape: Shape, head: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """A body, wrapped or flat. ``head``: what the envelope says beside the attributes."""
    return {"data": {**head, "attributes": attributes}} if shape is Shape.ENVELOPE else attributes


def _path(settings: PayCoreSettings, transaction_id: str) -> str:
    return f"{settings.invoices_path.rstrip('/')}/{quote(transaction_id, safe='')}"


def amount_in(settings: PayCoreSettings, amount: Kopecks) -> Any:
    """An amount as this account wants it: a number or a text."""
    major = major_units(amount)
    return f"{major:f}" if settings.amount_as_text else major


def _fields(settings: PayCoreSettings, secret_names: frozenset[str]) -> dict[str, Any]:
    return {**settings.fields, **_told(settings, settings.buyer_fields, secret_names)}


def _told(settings: PayCoreSettings, wanted: Mapping[str, str], secret_names: frozenset[str]) -> dict[str, Any]:
    """What is known of the buyer: as a secret from the register, else as agreed for everybody. Who is not known is left out."""
    known = {name: secret(source) for name, source in wanted.items() if source in secret_names}
    agreed = {name: settings.buyer[source] for name, source in wanted.items() if source in settings.buyer}
    return {**agreed, **known}


def _customer(settings: PayCoreSettings, request_id: str, secret_names: frozenset[str]) -> dict[str, Any] | None:
    """The buyer. The provider demands an id of him: a till knows none, so each payment has its own."""
    known = _told(settings, {"email": EMAIL, "phone": PHONE}, secret_names)
    return {"reference_id": request_id, **known} if known else None


def metadata_of(sale_id: SaleId, order_id: str) -> dict[str, str]:
    """For people who search in the cabinet; it comes back unchanged and decides nothing."""
    return {"storeId": sale_id.store_id, "terminalId": sale_id.terminal_id, "orderId": order_id}
