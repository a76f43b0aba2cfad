"""Projections of a payout: the row of the journal, and the secrets that are still needed. Pure."""

from agent.core.payout.asked import money, needs_person, standing
from agent.core.payout.contract import recipient_secret
from agent.core.payout.machine import PayoutState
from agent.core.payout.owed import owes
from agent.core.payout.payout import Payout
from agent.core.ports import Row


def success(payout: Payout) -> bool | None:
    """Whether the recipient was paid, as it was told or would be; None while that is open."""
    if not payout.finished:
        return None
    return payout.told.success if payout.told is not None else payout.state is PayoutState.PAID_OUT


def row(payout: Payout) -> Row:
    """The projection row. It lies among the sales': its order is its own name and it counts as part of a split payment, so that no rule
    about orders (money rule 7) ever meets it; told and confirmed are one, so that no list of answers without a confirmation names it."""
    return Row(
        id=payout.id,
        order_id=payout.id.key,
        amount=payout.order.amount,
        currency=payout.order.currency,
        provider=payout.binding.provider,
        environment=payout.binding.environment.value,
        account=payout.binding.account,
        business_date=payout.business_date,
        state=payout.state.value,
        money=money(payout),
        finished=payout.finished,
        open=not payout.finished,
        paid_unreturned=False,
        split=True,
        told=payout.told is not None,
        confirmed=payout.told is not None,
        owes=owes(payout),
        accepted_at=payout.accepted.wall,
        updated_at=payout.updated.wall,
        reason=payout.reason,
        told_at=payout.told_at.wall if payout.told_at else None,
        transaction_id=payout.transaction_id,
        attention=needs_person(payout),
        alarms=" ".join(standing(payout)),
        request_id=payout.call.request_id if payout.call is not None else None,
    )


def needed_secrets(payout: Payout) -> frozenset[str]:
    """Who gets the money is known as long as it may still be sent, which is once; then it is erased (promise P21)."""
    if payout.state in (PayoutState.QUEUED, PayoutState.SENDING):
        return frozenset(recipient_secret(one) for one in payout.fields)
    return frozenset()
