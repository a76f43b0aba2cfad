"""What a sale owes, and when: one pure function over what is recorded, the time, and what only this process remembers.

The engine does nothing on its own account: it asks here what is next, does it, records the result, and asks again. After a crash the same
facts give the same duties, so there is no list of things to resume. ``Memory`` holds what need not survive (when the status was last
read): losing it makes the agent look again sooner, never act differently.

Times are ticks (CLOCK_BOOTTIME milliseconds) of the boot of ``now``. What waits on wall time because it may outlast a boot is converted at
the moment of asking; an overdue or implausible one is due at once, and none of them may decide that a sale is not paid (money rule 9).
"""

from agent.core.capability import Capabilities
from agent.core.duty import Memory, Owed
from agent.core.model import Stamp
from agent.core.owed_ended import OfEnded
from agent.core.owed_payment import OfPayment
from agent.core.owed_receipt import OfReceipts
from agent.core.owed_refund import OfRefunds
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundState
from agent.core.sale import Sale


def obligations(sale: Sale, now: Stamp, memory: Memory, policy: Policy, caps: Capabilities) -> list[Owed]:
    """Everything the sale owes, soonest first. Empty: it is settled, as far as this machine can settle it."""
    parts = [of(sale, now, memory, policy, caps) for of in (OfPayment, OfEnded, OfRefunds, OfReceipts)]
    return sorted((part.hurried(owed) for part in parts for owed in part.owed()), key=lambda owed: owed.at)


def owes(sale: Sale) -> bool:
    """Whether a start must load the sale: it is unsettled, something is still to be looked at or told, a person must see to a refund, or a
    receipt is to be delivered."""
    stuck = any(one.state is RefundState.ATTENTION for one in sale.refunds)
    return owes_money(sale) or stuck or any(one.unsettled for one in sale.deliveries)


def owes_money(sale: Sale) -> bool:
    """``owes``, but for the receipts: whether the payment or a refund is unsettled, or to be looked at or told."""
    return (
        not sale.finished
        or sale.active_refund() is not None
        or (sale.payment is PaymentState.CANCELED and _can_be_paid(sale) and not sale.late_money and not sale.watch_over)
        or (sale.payment is PaymentState.PAID and sale.told is None and "UNCLAIMED" not in sale.alarms)
    )


def _can_be_paid(sale: Sale) -> bool:
    return sale.transaction_id is not None or sale.withdrawn
