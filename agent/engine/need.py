"""What a message about a sale leads to, by what is known of the sale and by what its payment system can do."""

from enum import Enum

from agent.core.capability import Capabilities
from agent.core.payment import PaymentState
from agent.core.sale import Sale

_UNPAID = frozenset({PaymentState.CANCELED, PaymentState.DECLINED, PaymentState.ATTENTION})


class Need(Enum):
    """What a message about a sale leads to."""

    NOTHING = "nothing"  # a read could find nothing new
    HURRY = "hurry"  # a read is owed: now
    LOOK = "look"  # it ended without money, or nobody knows: look once
    LATER = "later"  # there is nothing to read it by yet


def need(sale: Sale, caps: Capabilities) -> Need:
    """What this sale needs when something happened to its payment."""
    if sale.active_refund() is not None:
        return Need.HURRY
    if sale.transaction_id is None:
        call = sale.call
        searchable = caps.find_by_key and sale.payment in _UNPAID and call is not None and not call.open and not sale.never_sent
        return Need.LOOK if searchable else Need.LATER
    if not caps.read or sale.late_money:
        return Need.NOTHING
    if sale.payment in _UNPAID:
        return Need.LOOK
    return Need.NOTHING if sale.finished else Need.HURRY


def need_of_unknown(sale: Sale) -> Need:
    """What this sale needs when a payment is said to be its own that it does not know: a look, unless an answer that is under way, or a
    first attempt that is still to come, may make it known."""
    waits = sale.call is None or sale.call.open or sale.payment in (PaymentState.QUEUED, PaymentState.SENDING)
    return Need.LATER if waits else Need.LOOK
