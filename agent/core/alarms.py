"""Alarms of a sale: which of those that were raised still call for a person.

That an alarm was raised is an event and stays one. Whether it *stands* is computed: most of them are about something that is not settled,
and fall silent when it is; a few tell of a contradiction between two books, which only a person can clear up. An operator who has seen
an alarm acknowledges it; the same trouble raises it anew.
"""

from agent.core.payment import PaymentState
from agent.core.refund import RefundState
from agent.core.sale import Sale

LASTING = frozenset({"STORE_MISMATCH", "SECOND_TRANSACTION", "REFUNDED_ELSEWHERE", "OPERATOR_CONTRADICTED", "OVERPAID"})
"""Codes of alarms that stand until they are acknowledged, settled or not."""

UNCLAIMED = "UNCLAIMED"


def standing(sale: Sale) -> tuple[str, ...]:
    """The codes of the alarms that still call for a person, in alphabetical order."""
    return tuple(sorted(code for code in sale.alarms - sale.acknowledged if _stands(sale, code)))


def needs_person(sale: Sale) -> bool:
    """Something of the sale is in attention, or an alarm stands."""
    stuck = any(one.state is RefundState.ATTENTION for one in sale.refunds)
    return sale.payment is PaymentState.ATTENTION or stuck or bool(standing(sale))


def _stands(sale: Sale, code: str) -> bool:
    if code in LASTING:
        return True
    if code == UNCLAIMED and sale.payment is PaymentState.PAID:
        return sale.told is None
    return not sale.finished or any(one.unsettled or one.state is RefundState.ATTENTION for one in sale.refunds)
