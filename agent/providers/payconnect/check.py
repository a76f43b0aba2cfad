"""Every limit of a PayConnect payment, checked before anything is stored. All problems are collected; contents are not echoed.

The bill's lines are not sent; what counts of them is that they add up, for refunds go by them.
"""

from collections.abc import Mapping
from typing import Final

from agent.core.model import Checkout, SaleId
from agent.core.money import RUB, roubles
from agent.providers.common.findings import Findings
from agent.providers.payconnect.request import EMAIL, description
from agent.providers.payconnect.settings import (
    MAX_AMOUNT_KOPECKS,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_EMAIL_CHARACTERS,
    PayConnectSettings,
)

_SOME_KEY: Final = "0" * 36  # as long as the real one


def check_checkout(settings: PayConnectSettings, sale_id: SaleId, checkout: Checkout, secret_lengths: Mapping[str, int]) -> None:
    """Raises Unacceptable with every problem found. ``secret_lengths``: characters of each given secret."""
    invoice, found = checkout.invoice, Findings()
    if invoice.currency != RUB:
        found.add("checkoutInvoice.currency", f"must be {RUB}")
    if not 1 <= invoice.total_amount <= MAX_AMOUNT_KOPECKS:
        found.add("checkoutInvoice.totalAmount", f"must lie between {roubles(1)} and {roubles(MAX_AMOUNT_KOPECKS)}")
    if sum(item.total_amount for item in invoice.items) != invoice.total_amount:
        found.add("checkoutInvoice.totalAmount", "must be the sum of the totals of all lines")
    found.text("checkoutInvoice.orderId", description(settings, sale_id, invoice.order_id, _SOME_KEY), MAX_DESCRIPTION_CHARACTERS)
    if EMAIL not in secret_lengths and settings.email is None:
        found.add(EMAIL, "is missing: PayConnect demands it, and no value was agreed on in the configuration")
    found.length(EMAIL, secret_lengths.get(EMAIL, 1), MAX_EMAIL_CHARACTERS)
    found.raise_any()
