"""Payments that are made with the public key alone: by the till at the Public API, or by the customer through a link that holds the bill.

With such a link there is no create of ours, and no lost answer of one. What takes its place: the bill travels through the customer's hands,
and he can change it. So what he has made is found by our ``reference_id``, with the account's key, and compared with the bill like every
other payment (``invoice``): another amount or currency is nobody's sale. The links are not signed, for the provider documents no way to do
so; whoever puts another ``reference_id`` into his pays for nothing. Opened twice, a link names one key, of which there is one payment.

The account must allow public creation (403 if not), and calls back to the address in its own settings only.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from agent.core.model import Checkout, PaymentLink, SaleId
from agent.core.verdict import Operation, Request
from agent.providers.paycore.money import major_units
from agent.providers.paycore.request import attributes_of, metadata_of
from agent.providers.paycore.settings import PayCoreSettings

REFERENCE_CHARACTERS: Final = 36  # of our key, a UUID
_SOME_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)  # Unix seconds have ten digits until the year 2286


def public_request(
    settings: PayCoreSettings, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]
) -> Request:
    """Make a payment invoice at the Public API: flat, by the public key, which also says whether it is about test money. That its names are
    those of the Private API is INFERRED from the few that the sources show."""
    given = {"public_key": settings.public_key, **attributes_of(settings, sale_id, request_id, checkout, secret_names)}
    return Request(Operation.CHECKOUT, "POST", settings.public_create_path, given, public=True)


def page_link(settings: PayCoreSettings, sale_id: SaleId, request_id: str, checkout: Checkout, now: datetime) -> PaymentLink:
    """The payment page with the bill in the link; brackets of nested names are percent-encoded. How the values of a service are nested is
    INFERRED from the other names. ``expires``: Unix seconds by the till's clock; if that is wrong the link lives shorter or longer, and the
    watch of what was taken back does not go by it."""
    invoice = checkout.invoice
    given = {
        "public_key": settings.public_key,
        "amount": f"{major_units(invoice.total_amount):f}",
        "currency": invoice.currency,
        "reference_id": request_id,
        "description": invoice.order_id,
        "expires": str(int((now + timedelta(seconds=settings.link_life_s)).timestamp())),
        "service": settings.service,
        "return_url": settings.return_url,
        "locale": settings.locale,
        **_nested("service_fields", settings.fields),
        **_nested("metadata", metadata_of(sale_id, invoice.order_id) if settings.send_metadata else {}),
    }
    known = {name: value for name, value in given.items() if value is not None}
    return PaymentLink(f"{settings.hpp_base_url}?{urlencode(known, quote_via=quote, safe='')}")


def link_fits(settings: PayCoreSettings, sale_id: SaleId, checkout: Checkout) -> bool:
    """Whether the link of such a bill can be opened everywhere. Only the key and the time are not known yet, and their lengths are."""
    return len(page_link(settings, sale_id, "x" * REFERENCE_CHARACTERS, checkout, _SOME_TIME).url) <= settings.limits.link_characters


def _nested(name: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}[{key}]": value for key, value in values.items()}
