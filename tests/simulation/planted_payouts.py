"""Planted bugs of payouts, in the place of the real parts, as ``planted`` has them of sales. The record itself refuses a second sending, so
those that send twice take that guard away first: what is shown is that the money would be noticed, too."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from agent.core.call import Call
from agent.core.payout import decide, fold, machine, owed
from agent.core.payout.contract import PayoutSeen
from agent.core.payout.machine import PayoutEvent, PayoutState
from agent.core.payout.owed import PayoutDuty, PayoutOwed
from agent.core.payout.payout import Payout
from agent.engine.payout_duties import PayoutDuties

_AGAIN = {
    (PayoutState.UNKNOWN, PayoutEvent.SENT): PayoutState.SENDING,
    (PayoutState.SENDING, PayoutEvent.LOST): PayoutState.UNKNOWN,
}


@contextmanager
def _sent_again(when: Callable[[Payout], bool]) -> Iterator[None]:
    """An unclear payout is sent once more, and nothing in the record forbids it."""
    real = owed._Owing._unknown

    def unknown(self: Any) -> Iterator[PayoutOwed]:
        if when(self.payout) and not self.memory.leaving:
            yield PayoutOwed(PayoutDuty.SEND, self.now.ticks)
        yield from real(self)

    def check_once(payout: Payout, call: Call) -> None:
        return

    def may_send(self: PayoutDuties, payout: Payout) -> bool:
        return payout.state in (PayoutState.QUEUED, PayoutState.UNKNOWN)

    def needed(payout: Payout) -> frozenset[str]:
        may_leave = payout.state in (PayoutState.QUEUED, PayoutState.SENDING, PayoutState.UNKNOWN)
        return frozenset(f"recipient.{one}" for one in payout.fields) if may_leave else frozenset()

    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(machine.TABLE.moves, _AGAIN))
        stack.enter_context(mock.patch.object(owed._Owing, "_unknown", unknown))
        stack.enter_context(mock.patch.object(fold, "_check_once", check_once))
        stack.enter_context(mock.patch.object(PayoutDuties, "_may_send", may_send))
        stack.enter_context(mock.patch("agent.engine.payout_steward.needed_secrets", needed))
        yield


@contextmanager
def sent_again_without_a_search() -> Iterator[None]:
    with _sent_again(lambda payout: payout.call is not None and payout.call.lost == 1):
        yield


@contextmanager
def sent_again_after_an_empty_search() -> Iterator[None]:
    with _sent_again(lambda payout: payout.searches == 1 and payout.call is not None and payout.call.lost == 1):
        yield


@contextmanager
def amount_not_compared() -> Iterator[None]:
    """ "Processed" is believed whatever it is over."""

    def differs(payout: Payout, seen: PayoutSeen) -> bool:
        return False

    with mock.patch.object(decide, "_differs", differs):
        yield


@contextmanager
def recipient_kept() -> Iterator[None]:
    """Who was paid stays in the vault after the payout was sent."""

    def needed(payout: Payout) -> frozenset[str]:
        return frozenset(f"recipient.{one}" for one in payout.fields)

    with mock.patch("agent.engine.payout_steward.needed_secrets", needed):
        yield


PAYOUT_PLANTS: dict[str, tuple[Callable[[], Any], str]] = {
    "payout repeated without a search": (sent_again_without_a_search, "payout: answer lost"),
    "payout repeated after an empty search": (sent_again_after_an_empty_search, "payout: late copy"),
    "paid_out believed with another amount": (amount_not_compared, "payout: other amount"),
    "recipient of a payout kept": (recipient_kept, "payout: paid out"),
}
