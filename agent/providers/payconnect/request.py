"""Operations become requests, in PayConnect's own names: the login, the create, the read. There are no others.

The document knows no field for a merchant's own id, so our key stands at the end of ``description``, the only free text: people find a
payment by it, and an answer that repeats the text shows whose payment it is. It protects from nothing: a create that is sent twice
makes two payments.
"""

import re
from typing import Any, Final
from urllib.parse import quote

from agent.core.model import Checkout, SaleId
from agent.core.verdict import Operation, Request, secret
from agent.providers.payconnect.settings import SCOPE, PayConnectSettings

EMAIL: Final = "customer.email"
LOGIN_PATH: Final = "/v1/auth/token"
PAYMENTS_PATH: Final = "/v1/payments"

_KEY_AT_END: Final = re.compile(r"(?:.*\s)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.DOTALL)


def login_request() -> Request:
    """Exchange the secret key, which goes in a header, for a token."""
    return Request(Operation.LOGIN, "POST", LOGIN_PATH, {"scope": SCOPE})


def create_request(
    settings: PayConnectSettings, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]
) -> Request:
    """Make a payment and its link. The buyer's address comes from the register, else from what was agreed on."""
    invoice = checkout.invoice
    body: dict[str, Any] = {
        "amount": invoice.total_amount,  # minor units, a whole number: no other system of the four takes them so
        "currency": invoice.currency,
        "description": description(settings, sale_id, invoice.order_id, request_id),
        "customer": {"email": secret(EMAIL) if EMAIL in secret_names else settings.email},
    }
    return Request(Operation.CHECKOUT, "POST", PAYMENTS_PATH, body)


def read_request(settings: PayConnectSettings, transaction_id: str) -> Request:
    """Ask for the state of a payment. An operator may have typed the id: it must not lead anywhere else."""
    return Request(Operation.STATUS, "GET", settings.assumptions.read_path.replace("{id}", quote(transaction_id, safe="")), {})


def description(settings: PayConnectSettings, sale_id: SaleId, order_id: str, request_id: str) -> str:
    """The configured text with the sale's names, and our key."""
    if settings.description is None:
        return request_id
    # The order is last: it comes from the register, and what it holds must not be taken for a placeholder.
    named = settings.description.replace("{storeId}", sale_id.store_id).replace("{terminalId}", sale_id.terminal_id)
    return f"{named.replace('{orderId}', order_id)} {request_id}"


def key_in(text: object) -> str | None:
    """Our key at the end of a description; None where there is none."""
    found = _KEY_AT_END.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else None
