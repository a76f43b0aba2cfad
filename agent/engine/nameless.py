"""Attempts that could not even say who they come from: a password file that is gone, or that nobody may read.

Such an attempt is proven unsent and recorded like any other, once, with an alarm. As long as the file cannot be read the next one could say
no more, so it is not begun and nothing is recorded: a week of it must not fill the journal with attempts that were none. The file is looked
at instead; what is owed goes out soon after it can be read again. After a restart one attempt is recorded anew.
"""

from agent.core.decide_receipt import receipt_call
from agent.core.decide_refund import refund_call
from agent.core.duty import Duty, Owed
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL
from agent.core.verdict import NotSent
from agent.engine.steward import Steward

LOOK_EVERY_MS = 5_000  # at the file: well within the minute of promise P2, and a customer's half minute has room for some


def remember(steward: Steward, call: str, result: object) -> None:
    """How an attempt of a call ended."""
    if isinstance(result, NotSent) and result.reason == "credentials":
        steward.memory.nameless.add(call)
    else:
        steward.memory.nameless.discard(call)


def waits(steward: Steward, owed: Owed) -> bool:
    """Whether a duty has to wait for the file: then it is held."""
    if _call(owed) not in steward.memory.nameless or steward.ports.transport.identified(steward.sale.binding.account):
        return False
    steward.hold(owed.duty, LOOK_EVERY_MS)
    return True


def _call(owed: Owed) -> str:
    match owed.duty:
        case Duty.SEND:
            return CHECKOUT_CALL
        case Duty.CANCEL:
            return CANCEL_CALL
        case Duty.REFUND:
            return refund_call(owed.refund)
        case Duty.RECEIPT:
            return receipt_call(owed.receipt)
        case _:  # reads are not recorded, decisions are not sent
            return ""
