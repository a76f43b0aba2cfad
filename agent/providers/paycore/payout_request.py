"""Payouts become requests, in PayCore's own names. What is absent is left out; the recipient's data are placeholders of secrets.

``reference_id`` is our ``request_id``. No request but the first one of a payout makes anything.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from agent.core.money import MAX_KOPECKS, Kopecks
from agent.core.payout.contract import PayoutOrder, recipient_secret
from agent.core.verdict import Operation, Request, secret
from agent.providers.common.findings import Findings
from agent.providers.paycore.prerequest import question
from agent.providers.paycore.request import amount_in, find_query, shaped
from agent.providers.paycore.settings import PayCoreSettings

MAX_FIELDS = 16  # of a recipient; a service that is known asks for one or two
MAX_NAME_CHARACTERS = 64


def check_payout(settings: PayCoreSettings, order: PayoutOrder, field_lengths: Mapping[str, int]) -> None:
    """Raises Unacceptable with every problem found, by the register's names. Which fields a service asks for is the provider's to say."""
    found, limits = Findings(), settings.limits
    if order.currency != settings.currency:
        found.add("currency", f"must be {settings.currency}")
    if not 1 <= order.amount <= MAX_KOPECKS:
        found.add("amount", f"must be a whole number of kopecks from 1 to {MAX_KOPECKS}")
    found.name("service", order.service, MAX_NAME_CHARACTERS)
    if order.description:
        found.name("description", order.description, limits.description_characters)
    if not 1 <= len(field_lengths) <= MAX_FIELDS:
        found.add("fields", f"must be 1 to {MAX_FIELDS}: the recipient, as the service asks for him")
    for name, length in sorted(field_lengths.items()):
        if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
            found.add("fields", f"has a name that is no field of a service: names have 1 to {MAX_NAME_CHARACTERS} characters")
        else:
            found.length(f"fields.{name}", length, limits.field_characters)
    found.raise_any()


def payout_request(settings: PayCoreSettings, request_id: str, order: PayoutOrder, field_names: frozenset[str]) -> Request:
    """Pay out. That the account lets it go by itself is an option of the account, and no field of the request."""
    attributes: dict[str, Any] = {
        "test_mode": settings.test_mode,  # whether a missing one means live money is UNKNOWN, so it is always said
        "currency": order.currency,
        "amount": amount_in(settings, order.amount),
        "reference_id": request_id,
        "service": order.service,
        "fields": {name: secret(recipient_secret(name)) for name in sorted(field_names)},
    }
    if order.description:
        attributes["description"] = order.description
    body = shaped(settings.payouts.shape, {"type": "payout-invoices"}, attributes)
    return Request(Operation.PAYOUT, "POST", settings.payouts.path, body)


def payout_status_request(settings: PayCoreSettings, transaction_id: str) -> Request:
    """Read one payout."""
    path = f"{settings.payouts.path.rstrip('/')}/{quote(transaction_id, safe='')}"
    return Request(Operation.PAYOUT_STATUS, "GET", path, {}, public=settings.payouts.public_read)


def find_payout_request(settings: PayCoreSettings, request_id: str) -> Request:
    """Search for the payouts of one of our ids."""
    return Request(Operation.PAYOUT_FIND, "GET", f"{settings.payouts.find_path}?{find_query(request_id)}", {})


def services_request(settings: PayCoreSettings, amount: Kopecks) -> Request | None:
    """Ask which services pay out so much; None without a public key, or where the public API cannot be reached."""
    if settings.public_key is None or not settings.payouts.ask_services:
        return None
    asked = question(settings.public_key, settings.currency, amount)
    return Request(Operation.AVAILABILITY, "POST", settings.payouts.services_path, asked, public=True)
