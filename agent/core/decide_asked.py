"""Decisions that no answer of a payment system brings about: what a request of the POS, a moment in time or a restore makes of a sale."""

from agent.core import events
from agent.core.capability import Capabilities
from agent.core.events import CancelCause, Event
from agent.core.evidence import alarm, attention, cancel_reason, full_refund
from agent.core.payment import PaymentState
from agent.core.refund import RefundCause
from agent.core.sale import Sale

_MAY_BE_TOLD_PAID = frozenset({PaymentState.CANCELED, PaymentState.DECLINED, PaymentState.PAID})  # "paid" may be handed out, now or later


def cancel_asked(sale: Sale, caps: Capabilities) -> list[Event]:
    """The POS wants no payment any more. A finished sale is not changed by it."""
    match sale.payment:
        case PaymentState.QUEUED if sale.never_sent:
            return [events.Canceled(CancelCause.CASHIER.value)]
        case PaymentState.SENDING | PaymentState.UNKNOWN | PaymentState.PENDING:
            return begin_cancel(sale, CancelCause.CASHIER, caps)
        case PaymentState.CANCELING if not sale.cancel_by_pos:
            return [events.CancelWanted(CancelCause.CASHIER)]
        case _:
            return []


def begin_cancel(sale: Sale, cause: CancelCause, caps: Capabilities) -> list[Event]:
    """Start canceling. A provider without a cancel call only takes its link back, and is watched (money rule 4); a link that was
    paid, as far as its slip can be waited for, is not taken back any more."""
    wanted = events.CancelWanted(cause)
    if sale.payment is PaymentState.PENDING and not caps.cancel and not sale.charged:
        return [wanted, events.Canceled(cause.value, withdrawn=True)]
    return [wanted]


def expire(sale: Sale, reason: str) -> list[Event]:
    """The deadline of a sale of which nothing was ever sent."""
    return [events.Expired(reason)] if sale.payment is PaymentState.QUEUED and sale.never_sent else []


def unclaimed(sale: Sale, back: bool) -> list[Event]:
    """Paid and told to nobody: give the money back in one commit with its refund, or keep it and raise an alarm (money rule 5). No clock
    gives back what an operator found to be paid, or what may have been handed out after the backup that the journal came from."""
    if sale.payment is not PaymentState.PAID or sale.told is not None:
        return []
    if back and not sale.refunds and sale.decided is None and not sale.restored:
        return [events.Reversed(), *full_refund(sale, RefundCause.UNCLAIMED), *alarm(sale, "UNCLAIMED")]
    return alarm(sale, "UNCLAIMED")


def restored(sale: Sale, restore: str) -> list[Event]:
    """After a restore from a backup nothing counts as never sent (money rule 10): neither a checkout nor a refund, nor an answer as never
    handed out. ``restore`` tells this one from others: the mark of one before says nothing of what went on since the backup of this one."""
    open_answer = sale.told is None and sale.payment in _MAY_BE_TOLD_PAID
    if (sale.restored and sale.restore == restore) or (sale.finished and sale.active_refund() is None and not open_answer):
        return []
    marked: list[Event] = [events.Restored(restore)]
    return [*marked, *attention(sale, "RESTORED")] if sale.payment is PaymentState.QUEUED else marked


def give_up(sale: Sale, reason: str, caps: Capabilities) -> list[Event]:
    """Nothing more can be found out. A payment that nobody can have been shown the link of is not paid, and is watched as far as it can be;
    of every other one a person must find out. After a restore nobody knows what was shown."""
    if sale.payment not in (PaymentState.PENDING, PaymentState.CANCELING):
        return []
    unseen = caps.secret_link and sale.link is None and not sale.restored
    if sale.payment is PaymentState.CANCELING and not sale.charged:
        if sale.transaction_id is None and (unseen or sale.unoffered):
            return [events.Canceled(cancel_reason(sale), withdrawn=caps.find_by_key and not sale.unoffered)]
        if sale.transaction_id is not None and not caps.cancel:
            return [events.Canceled(cancel_reason(sale), withdrawn=True)]
    return attention(sale, reason)
