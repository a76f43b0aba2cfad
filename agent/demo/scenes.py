"""The stories at Koshelek, and the programme of all. Each story is complete in itself: it sells what it needs, tells the director what
goes wrong, and says how it must end.

Faults hit the next request of their kind to a payment system, whoever sends it. So no two scenes that play at the same time may let the
same kind fail; ``play`` knows the order.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.refund import RefundCause
from agent.demo.configuration import KIOSK
from agent.demo.goods import BREAD, CHEESE, COFFEE, KETTLE, LAMP, MILK, MUGS, UMBRELLA, WATER, bill
from agent.demo.house import EndedOtherwise, Scene, Story, expect
from agent.demo.means import App
from agent.demo.register import Sale
from agent.demo.scenes_links import asked_back, by_name, partly_back
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Method, Operation
from drivers.client import CallFailed

CUSTOMER_MS = 1_500  # he takes his phone and confirms
SLOW_CUSTOMER_MS = 4_000
LATE_MS = 3_000  # after the cancel, and before the agent looks again
OUTAGE_MS = 20_000


async def paid(scene: Scene) -> None:
    sale = scene.sale("till-1", bill("D-01", CHEESE, BREAD, MILK))
    await scene.customer(sale, Action.CONFIRM, CUSTOMER_MS)
    await sale.create()
    expect(await sale.finish(), state="paid", success=True, money="charged")


async def declined(scene: Scene) -> None:
    sale = scene.sale("till-2", bill("D-02", KETTLE), App(Method.DOLYAME))
    await scene.customer(sale, Action.DECLINE, CUSTOMER_MS)
    await sale.create()
    expect(await sale.finish(), state="declined", success=False, money="none")


async def canceled(scene: Scene) -> None:
    sale = scene.sale("till-3", bill("D-03", COFFEE))
    await _sell_and_cancel(scene, sale)


async def race(scene: Scene) -> None:
    """The cancel is sent right after a status read: the agent cannot know yet that the customer has paid meanwhile."""
    sale = scene.sale("till-4", bill("D-04", UMBRELLA))
    await scene.customer(sale, Action.WAIT)
    await sale.create()
    await sale.wait_until(lambda answer: answer["state"] == "pending")
    transaction_id = sale.answer["transactionId"]
    await scene.house.director.next_read(transaction_id)
    await scene.house.director.decide(transaction_id, Action.CONFIRM)
    await sale.cancel()
    expect(await sale.finish(), state="paid", success=True, money="charged")


async def lost_answer(scene: Scene) -> None:
    sale = scene.sale("till-1", bill("D-05", LAMP))
    await scene.customer(sale, Action.CONFIRM, CUSTOMER_MS)
    await scene.house.director.fault(FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    await sale.create()
    expect(await sale.finish(), state="paid", success=True, money="charged")


async def outage(scene: Scene) -> None:
    """Two checkouts meet a dead line. The one that may wait is sent when it is back, the other one never."""
    patient = scene.sale("till-1", bill("D-06a", COFFEE, MILK), title=f"{scene.title}: the till waits")
    kiosk = scene.sale(KIOSK, bill("D-06b", WATER), title=f"{scene.title}: the kiosk does not")
    for sale in (patient, kiosk):
        await scene.customer(sale, Action.CONFIRM, CUSTOMER_MS)
    await scene.house.director.outage(OUTAGE_MS)
    scene.house.show("bank", "", f"out of reach for the next {OUTAGE_MS // 1000} s")
    await asyncio.gather(patient.create(), kiosk.create())
    await asyncio.gather(patient.finish(), kiosk.finish())
    expect(patient.answer, state="paid", success=True, money="charged")
    expect(kiosk.answer, state="expired", success=False, money="none")


async def killed(scene: Scene) -> None:
    """The register only repeats its question; it does not know why the agent was away."""
    sale = scene.sale("till-2", bill("D-07", MUGS))
    await scene.customer(sale, Action.CONFIRM, SLOW_CUSTOMER_MS)
    await sale.create()
    await sale.wait_until(lambda answer: answer["state"] == "pending")
    scene.house.stage.kill_agent()
    scene.house.show("agent", "", "kill -9: the process is gone, its socket is dead. Started again; the register repeats its question")
    scene.house.stage.open_agent()
    await sale.ask()
    scene.house.show("agent", "", f"back, and knows {sale.order_id} from its journal")
    expect(await sale.finish(), state="paid", success=True, money="charged")


async def late_money(scene: Scene) -> None:
    sale = scene.sale("till-5", bill("D-08", KETTLE, MUGS))
    await _sell_and_cancel(scene, sale, late=True)
    await sale.wait_until(lambda answer: answer["money"] == "returned", pause_s=0.5)
    expect(sale.answer, state="canceled", success=False)
    if [one["cause"] for one in sale.answer["refunds"]] != [RefundCause.LATE_MONEY]:
        raise EndedOtherwise("the money did not go back by itself, once")
    scene.lines[0].saw = f"{', '.join(sale.path)}; later: charged, returned"


async def refund(scene: Scene) -> None:
    sale = scene.sale("till-6", bill("D-09", BREAD, MILK))
    await scene.customer(sale, Action.CONFIRM, CUSTOMER_MS)
    await sale.create()
    expect(await sale.finish(), state="paid", success=True, money="charged")
    await scene.house.director.fault(FaultKind.LOSE_ANSWER, Operation.REFUND)
    answer, path = await sale.refund("back-1", [{"line": 0, "quantity": 1}])
    line = scene.lines[0]
    line.saw, line.state, line.amount = f"paid; then: {', '.join(path)}", answer["state"], answer["amount"]
    expect(answer, state="refunded", success=True, amount=BREAD["price"])
    await sale.ask()
    expect(sale.answer, state="paid", money="charged")


async def repeated(scene: Scene) -> None:
    sale = scene.sale("till-7", bill("D-10", WATER))
    await scene.customer(sale, Action.CONFIRM, CUSTOMER_MS)
    await sale.create()
    first = dict(await sale.finish())
    expect(first, state="paid", success=True, money="charged")
    expect(await sale.create(), **first)
    try:
        await sale.create(bill("D-10", WATER, MILK))
    except CallFailed as refused:
        if refused.code != "CONFLICT":
            raise
    else:
        raise EndedOtherwise("another bill under the same key was taken")
    sale.register.show(sale.order_id, "asked again with the same key: the same answer; with another bill under it: CONFLICT")
    scene.lines[0].saw = f"{', '.join(sale.path)}; again: paid; other bill: CONFLICT"


async def _sell_and_cancel(scene: Scene, sale: Sale, *, late: bool = False) -> None:
    """The customer has second thoughts. ``late``: the bank lets it be canceled, and charges all the same."""
    await scene.customer(sale, Action.WAIT)
    await sale.create()
    await sale.wait_until(lambda answer: answer["state"] == "pending")
    async with scene.house.cancels:
        if late:
            await scene.house.director.fault(FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=LATE_MS)
        await sale.cancel()
        await sale.finish()
    expect(sale.answer, state="canceled", success=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A story and its title in the programme."""

    title: str
    story: Story


PROGRAMME: Mapping[int, Entry] = {
    1: Entry("paid by SBP, cheese by the gram", paid),
    2: Entry("Dolyame says no", declined),
    3: Entry("the cashier cancels", canceled),
    4: Entry("canceled too late: just paid", race),
    5: Entry("the answer is lost", lost_answer),
    6: Entry("20 s without a network", outage),
    7: Entry("kill -9 in mid-payment", killed),
    8: Entry("charged after the cancel", late_money),
    9: Entry("partial refund, answer lost", refund),
    10: Entry("the same key again", repeated),
    11: Entry("PayCore.io: a part goes back", partly_back),
    12: Entry("Softline: people return it all", asked_back),
    13: Entry("PayConnect, named by the till", by_name),
}
