"""Every limit of a PayCore payment, checked before anything is stored. All problems are collected; contents are not echoed.

The bill's lines are not sent; what counts of them is that they add up, for refunds go by them.
"""

from collections.abc import Mapping

from agent.core.model import Checkout, SaleId
from agent.core.money import roubles
from agent.providers.common.findings import Findings
from agent.providers.paycore.public import link_fits
from agent.providers.paycore.settings import Create, PayCoreSettings


def check_checkout(settings: PayCoreSettings, sale_id: SaleId, checkout: Checkout, secret_lengths: Mapping[str, int]) -> None:
    """Raises Unacceptable with every problem found. ``secret_lengths``: characters of each given secret."""
    invoice, limits = checkout.invoice, settings.limits
    found = Findings()
    if invoice.currency != settings.currency:
        found.add("checkoutInvoice.currency", f"must be {settings.currency}")
    if not limits.least <= invoice.total_amount <= limits.most:
        least, most = roubles(limits.least), roubles(limits.most)
        found.add("checkoutInvoice.totalAmount", f"must lie between {least} and {most}")
    if sum(item.total_amount for item in invoice.items) != invoice.total_amount:
        found.add("checkoutInvoice.totalAmount", "must be the sum of the totals of all lines")
    if not 1 <= len(invoice.order_id) <= limits.description_characters or not invoice.order_id.isprintable():
        found.add("checkoutInvoice.orderId", f"must have 1 to {limits.description_characters} characters that can be printed")
    elif settings.create is Create.HPP and not link_fits(settings, sale_id, checkout):
        found.add("checkoutInvoice.orderId", f"makes a payment link of more than {limits.link_characters} characters")
    missing = sorted(set(settings.buyer_fields.values()) - secret_lengths.keys() - settings.buyer.keys())
    for name in missing:
        found.add(name, "is missing: the payment's service asks for it")
    for name, length in sorted(secret_lengths.items()):
        if name.startswith("customer.") and not 1 <= length <= limits.field_characters:
            found.add(name, f"must have 1 to {limits.field_characters} characters, has {length}")
    found.raise_any()
