"""Operations become requests, in Softline's own names. What is optional and absent is left out, never null; the buyer's data are
placeholders.

A request is journalled as it is built here, so nothing here may depend on anything but the arguments. ``payment_id`` is the sale's
``requestId``. To the vendor it is a remark: sending it twice makes two payments, which is why an unclear create is searched for.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from agent.core.model import Checkout, SaleId
from agent.core.money import roubles
from agent.core.verdict import Operation, Request, secret
from agent.providers.softline.settings import SoftlineSettings

_PERSON = {"email": "email", "firstName": "first_name", "lastName": "last_name", "phone": "phone"}
_COMPANY = {
    "companyName": "company_name",
    "vatNumber": "vat_number",
    "kpp": "kpp",
    "companyBillingAddress": "company_billing_address",
    "companyDeliveryAddress": "company_delivery_address",
}
CUSTOMER_FIELDS = {f"customer.{ours}": theirs for ours, theirs in (_PERSON | _COMPANY).items()}
"""Names of the buyer's secrets, and Softline's names of the fields they fill."""

COMPANY = frozenset(f"customer.{ours}" for ours in _COMPANY)
COMPANY_NAME = "customer.companyName"  # with it the buyer is a company, without it a person


def create_request(
    settings: SoftlineSettings, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]
) -> Request:
    """Make a payment and its link. The buyer's data come from ``secret_names``, else from what was agreed on."""
    invoice = checkout.invoice
    body: dict[str, Any] = {
        "currency": invoice.currency,
        "amount": roubles(invoice.total_amount),
        "return_success_url": settings.return_success_url,
        "payment_method": method_of(settings, secret_names),
        "payment_id": request_id,
        "customer": _customer(settings, secret_names),
    }
    if settings.recurring_indicator is not None:
        body["recurring_indicator"] = settings.recurring_indicator
    if settings.payment_description is not None:
        body["payment_description"] = filled(settings.payment_description, sale_id, invoice.order_id)
    if settings.locale is not None:
        body["locale"] = settings.locale
    if settings.additional_data:
        body["additional_data"] = additional_data(settings, sale_id, invoice.order_id)
    return Request(Operation.CHECKOUT, "POST", f"{settings.path_prefix}/payment", body)


def read_request(settings: SoftlineSettings, order_id: str) -> Request:
    """Ask for the state of a payment."""
    return Request(Operation.STATUS, "GET", _order_path(settings, order_id), {})


def search_request(settings: SoftlineSettings, request_id: str, since: datetime) -> Request:
    """Search for payments by the ``payment_id`` they were made with, made no earlier than ``since`` less the margin."""
    begin = since - timedelta(seconds=settings.search_margin_s)
    body = {"external_id": request_id, "create_date_from": begin.isoformat(timespec="seconds")}
    return Request(Operation.FIND, "POST", f"{settings.path_prefix}/order/search", body)


def refund_request(settings: SoftlineSettings, sale_id: SaleId, order_id: str, checkout: Checkout) -> Request:
    """Ask people to return the whole sum. There is no amount in it."""
    body: dict[str, Any] = {"email": settings.refund_email}
    if settings.refund_description is not None:
        body["description"] = filled(settings.refund_description, sale_id, checkout.invoice.order_id)
    return Request(Operation.REFUND, "POST", f"{_order_path(settings, order_id)}/refund", body)


def login_request(settings: SoftlineSettings) -> Request:
    """Exchange the account's login and password for a token."""
    body = {"username": secret("login"), "password": secret("password")}
    return Request(Operation.LOGIN, "POST", f"{settings.path_prefix}/login_check", body)


def method_of(settings: SoftlineSettings, secret_names: frozenset[str] | Mapping[str, int]) -> str:
    """The payment method of a sale: some are for companies alone."""
    company = COMPANY_NAME in secret_names
    return settings.company_payment_method if company and settings.company_payment_method else settings.payment_method


def filled(template: str, sale_id: SaleId, order_id: str) -> str:
    """A text of the configuration with the sale's own names in it."""
    # The order is last: it comes from the register, and what it holds must not be taken for a placeholder.
    named = template.replace("{storeId}", sale_id.store_id).replace("{terminalId}", sale_id.terminal_id)
    return named.replace("{orderId}", order_id)


def additional_data(settings: SoftlineSettings, sale_id: SaleId, order_id: str) -> dict[str, str]:
    """The shop's own remarks, which the buyer does not see."""
    return {name: filled(text, sale_id, order_id) for name, text in settings.additional_data.items()}


def agreed(settings: SoftlineSettings) -> dict[str, str]:
    """The agreed values by the names of the secrets that they stand in for."""
    buyer = settings.buyer
    values = {"email": buyer.email, "firstName": buyer.first_name, "lastName": buyer.last_name, "phone": buyer.phone}
    return {f"customer.{ours}": value for ours, value in values.items() if value is not None}


def _customer(settings: SoftlineSettings, secret_names: frozenset[str]) -> dict[str, Any]:
    customer: dict[str, Any] = {CUSTOMER_FIELDS[ours]: value for ours, value in agreed(settings).items()}
    return customer | {theirs: secret(ours) for ours, theirs in CUSTOMER_FIELDS.items() if ours in secret_names}


def _order_path(settings: SoftlineSettings, order_id: str) -> str:
    """An operator or a register may have typed the id: it must not lead anywhere else."""
    return f"{settings.path_prefix}/order/{quote(order_id, safe='')}"
