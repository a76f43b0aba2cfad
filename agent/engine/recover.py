"""Recovery: after any end - a stop, a kill, a power cut - the record is read, and what is owed is scheduled before anything new is taken.

An attempt that was open when the process died has no recorded result: it may have been sent (money rule 2), and that is recorded first.
"""

from collections.abc import Awaitable, Callable

from agent.core import decide_asked, events
from agent.core.events import Event
from agent.core.machine import IllegalTransition
from agent.core.model import SaleId
from agent.core.payout.name import is_payout
from agent.core.ports import RESTORED_NOTE, Corrupt, JournalBroken, JournalFull
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL, Sale
from agent.engine.engine import Engine
from agent.engine.steward import Decider, Steward


async def recover(engine: Engine) -> int:
    """Load every sale and payout that owes something; returns how many. A record that cannot be used is parked. Raises JournalBroken."""
    journal = engine.ports.journal
    restore = await journal.noted(RESTORED_NOTE)
    driven = [sale_id for sale_id in await journal.owing() if await _recovered(engine, sale_id, restore)]
    await engine.aside.recall(frozenset(driven))
    engine.run_all()
    return len(driven)


async def _recovered(engine: Engine, sale_id: SaleId, restore: str | None) -> bool:
    """Whether the sale or payout has its steward. ``restore``: of a journal that is not released yet, what it says of its restore. One
    poisoned record must not keep the till from starting (promise P20)."""
    if is_payout(sale_id):
        return await engine.payouts.recover(sale_id, restore)
    try:
        steward = await engine.load(sale_id)
    except (Corrupt, IllegalTransition, ValueError) as error:
        engine.aside.put(sale_id, str(error))
        return False
    if steward is None:
        return False
    try:
        if restore is not None:
            await _mark_restored(engine, steward, restore)
        else:
            await _mark(steward)
    except JournalBroken:
        raise
    except Exception as error:  # noqa: BLE001 - the sale's boundary, as at work: whatever is wrong with it is its own affair
        engine.set_aside(steward, error)
        return False
    return True


async def _mark(steward: Steward) -> None:
    """A full disk must not keep the till from starting (promise P13). While an attempt is open nothing is sent for it, so this can wait."""
    try:
        await steward.record(interrupted)
    except JournalFull:
        steward.spawn(steward.insist(interrupted))


async def _mark_restored(engine: Engine, steward: Steward, restore: str) -> None:
    """Before anything else is decided: nothing of it may count as never sent. Until the disk has room to say so, the sale stands still."""

    async def mark(record: Callable[[Decider], Awaitable[object]]) -> None:
        await record(interrupted)
        await record(lambda sale: decide_asked.restored(sale, restore))

    async def mark_in_time() -> None:
        await mark(steward.insist)
        engine.marked(steward)

    try:
        await mark(steward.record)
    except JournalFull:
        steward.unmarked = True
        steward.spawn(mark_in_time())


def interrupted(sale: Sale) -> list[Event]:
    """Attempts that the last process left open: they may have been sent."""
    found: list[Event] = []
    calls = [(CHECKOUT_CALL, sale.call), (CANCEL_CALL, sale.cancel_call)]
    calls += [(f"refund:{one.key}", one.call) for one in sale.refunds]
    calls += [(f"receipt:{one.key}", one.call) for one in sale.deliveries]
    for name, call in calls:
        if call is not None and call.open:
            found.append(events.AttemptLost(name, call.request_id, "restart", reached=False))
    return found
