"""What the settings of the payment systems have in common whose customers pay on a page behind a link.

Their own waits are longer than those of an app at the till: the customer scans a code, a page opens, a bank asks. How a payment is watched
after the till has given it up is a matter of the system (``agent.core.capability``), not of the shop.
"""

from typing import Annotated

from pydantic import Field

from agent.settings.part import Part
from agent.settings.system import PaymentSystem

# Texts about the buyer, as long as the strictest of the systems takes them where one says so.
Personal = Annotated[str | None, Field(min_length=1, max_length=255)]


class Customer(Part):
    """``[provider.NAME.customer]``: what to say of the buyer where the system asks and the register does not know. Only what the shop and
    the provider have agreed on: nothing is ever invented."""

    email: Annotated[Personal, Field(examples=["kassa@shop.example"])] = None
    first_name: Annotated[Personal, Field(examples=["Покупатель"])] = None
    last_name: Annotated[Personal, Field(examples=["Розничный"])] = None
    phone: Annotated[Personal, Field(examples=["+79990000000"])] = None


class LinkProvider(PaymentSystem):
    """A ``[provider.NAME]`` whose customer pays on a page."""

    first_read_ms: Annotated[int, Field(ge=500, le=60_000)] = 2_000
    poll_interval_ms: Annotated[int, Field(ge=500, le=60_000)] = 2_000
    poll_cap_s: Annotated[int, Field(ge=1, le=600)] = 60
    wait_limit_s: Annotated[int, Field(ge=10, le=600)] = 180  # from showing the link
    link_wait_s: Annotated[int, Field(ge=1, le=60)] = 10  # for the link of a payment that was found by a search
    refund_blind_repeat_s: Annotated[int, Field(ge=300, le=3_600)] = (
        600  # until an unclear refund is looked for; a repeat could be a second one
    )
    customer: Customer = Customer()
