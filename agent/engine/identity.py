"""Attempts that failed for who we are: the password file is gone, nobody may read it, or what is in it opens no door.

Without a name an attempt is proven unsent and recorded like any other, once, with an alarm. As long as the file cannot be read the next one
could say no more, so it is not begun and nothing is recorded: a week of it must not fill the journal with attempts that were none. The file
is looked at instead; what is owed goes out soon after it can be read again. After a restart one attempt is recorded anew.

An attempt that was turned away (401, 403) is another matter: whether the door opens again can only be tried. What is owed - no customer
waits for it - then tries some times in a row, after that every few minutes, and at once when anything else of the account was let in: a
status read as a rule, and those are recorded nowhere. An operator who wants it now is not made to wait.
"""

from agent.core.decide_receipt import receipt_call
from agent.core.decide_refund import refund_call
from agent.core.duty import Duty, Owed
from agent.core.fold import call_of
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL
from agent.core.verdict import Denied, NotSent
from agent.engine.steward import Steward

LOOK_EVERY_MS = 5_000  # at the file: well within the minute of promise P2, and a customer's half minute has room for some
TRY_EVERY_MS = 300_000  # at a door that stays shut: two events each time, some hundred a day
FIRST_TRIES = 6  # as soon as after any other failure, half a minute in all: many a refused login is a matter of seconds
_TURNED_AWAY = frozenset({401, 403})
_OWED = frozenset({Duty.CANCEL, Duty.REFUND, Duty.RECEIPT})  # what lasts as long as the door is shut; a first sending has its deadline


def remember(steward: Steward, call: str, result: object) -> None:
    """How an attempt of a call ended."""
    memory = steward.memory
    memory.nameless.discard(call)
    memory.turned_away.pop(call, None)
    match result:
        case NotSent(reason="credentials"):
            memory.nameless.add(call)
        case Denied(status=status) if status in _TURNED_AWAY:
            memory.turned_away[call] = steward.ports.clock.now().ticks


def waits(steward: Steward, owed: Owed) -> bool:
    """Whether a duty has to wait for the file or for the door: then it is held."""
    if not (_without_name(steward, owed) or _before_door(steward, owed)):
        return False
    steward.hold(owed.duty, LOOK_EVERY_MS)
    return True


def _without_name(steward: Steward, owed: Owed) -> bool:
    return _call(owed) in steward.memory.nameless and not steward.ports.transport.identified(steward.sale.binding.account)


def _before_door(steward: Steward, owed: Owed) -> bool:
    if owed.duty not in _OWED or owed.duty in steward.memory.hurried:
        return False
    name = _call(owed)
    since, call = steward.memory.turned_away.get(name), call_of(steward.sale, name)
    if since is None or call is None or call.failures < FIRST_TRIES:
        return False
    recent = steward.ports.clock.now().ticks - since < TRY_EVERY_MS
    return recent and not steward.ports.transport.admits(steward.sale.binding.account)


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
