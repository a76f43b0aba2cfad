"""What must be true at the end of every simulation, whatever died on the way: the till's book, the journal and the bank's ledger agree.

Names follow the promises: I1 one payable transaction, I2 net charges, I3 and I4 what was told is so for ever, I5 answers are frozen,
I7 nothing was sent and no link shown unrecorded, I9 ids are not reused, R1 a fiscal receipt arrives once, D1 to D3 an operator's decision
is kept, L1 to L6 everything comes to an end.
"""

import json
from collections.abc import Sequence

from agent.core.answer import answer
from agent.core.delivery import DeliveryState
from agent.core.fold import replay
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import Entry as Stored
from agent.core.ports import Query
from agent.core.refund import RefundCause, RefundState
from agent.core.sale import Sale
from agent.core.stored import decode
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import Operation
from tests.simulation.office import broken_decisions
from tests.simulation.payout_till import broken_payouts
from tests.simulation.systems import SOFTLINE, provider
from tests.simulation.till import Entry, Pos
from tests.simulation.world import World


async def check(world: World, tills: Sequence[Pos], attention_allowed: bool = False) -> list[str]:
    """Every broken invariant as a sentence; empty when all hold."""
    found: list[str] = []
    assert world.journal is not None
    world.bank.tick(world.now_ms())  # what happened there while nobody asked
    stored = {row.id: await world.journal.stream(row.id) for row in await world.journal.find(Query(limit=500))}
    sales = {sale_id: _sale(sale_id, entries or ()) for sale_id, entries in stored.items()}
    for pos in tills:
        for entry in pos.book.values():
            sale = sales.get(pos.sale_id(entry.key))
            if sale is None:
                if entry.answers:
                    found.append(f"I7 {entry.key}: answered, yet the journal does not hold it")
                continue
            found += _of_sale(world, entry, sale, attention_allowed)
    found += _of_bank(world)
    found += broken_decisions(world, {sale_id: entries or () for sale_id, entries in stored.items()})
    found += await _of_record(world, stored, sales)
    for pos in tills:
        found += await broken_payouts(world, pos.payouts)
    if world.left_behind:
        found.append("L6 a list of means was still asked for after a stop")
    parked = await world.journal.parked()
    found += [f"L1 {one.id}: parked: {one.reason}" for one in parked]
    return found


def _sale(sale_id: SaleId, entries: Sequence[Stored]) -> Sale:
    return replay(sale_id, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries))


def _of_sale(world: World, entry: Entry, sale: Sale, attention_allowed: bool) -> list[str]:
    ledger, order, key = world.bank.ledger, entry.order_id, entry.key
    found: list[str] = []
    transactions = [one for one in world.bank.transactions() if one.order_id == order]
    charged, returned = ledger.charged(order_id=order), ledger.refunded(order_id=order)
    if world.pays_by_link:
        transactions = _shown(world, entry)
        found += _of_links(world, entry, sale)
    if sale.payment is not PaymentState.ELSEWHERE and len(transactions) > 1:
        found.append(f"I1 {key}: {len(transactions)} transactions")
    if charged not in (0, entry.amount) and sale.payment is not PaymentState.ELSEWHERE:
        found.append(f"I2 {key}: charged {charged} for {entry.amount}")
    if returned > charged:
        found.append(f"I2 {key}: returned {returned} of {charged}")
    back = sum(one.amount for one in sale.refunds if one.state is RefundState.REFUNDED)
    if returned != back and not any(one.state in (RefundState.ATTENTION, RefundState.UNKNOWN) for one in sale.refunds):
        found.append(f"I2 {key}: the bank returned {returned}, the journal {back}")
    found += _of_answers(entry, sale, charged - returned)
    if sale.payment is not PaymentState.ATTENTION and not sale.finished:
        found.append(f"L1 {key}: still {sale.payment.value}")
    if sale.payment is PaymentState.ATTENTION and not attention_allowed:
        found.append(f"L1 {key}: attention ({sale.reason})")
    for one in sale.refunds:
        if one.unsettled:
            found.append(f"L2 {key}: refund {one.key} still {one.state.value}")
        if one.state is RefundState.ATTENTION and not attention_allowed:
            found.append(f"L2 {key}: refund {one.key} in attention ({one.reason})")
    found += _of_receipts(world, entry, sale)
    if sale.finished and any(one.status.value in ("new", "pending") for one in transactions):
        found.append(f"L3 {key}: {sale.payment.value}, yet the bank still waits for the customer")
    return found


def _shown(world: World, entry: Entry) -> list[Transaction]:
    """Payments of which a link was shown: nobody can pay the others."""
    pages = {page.id: page for page in (world.payment_at(url) for url, _ in entry.links) if page is not None}
    return list(pages.values())


def _of_links(world: World, entry: Entry, sale: Sale) -> list[str]:
    """I1: no second payment is made blindly; I4: who is told that a sale is over is not shown a link, then or later."""
    found = _repeats(world, entry.key, sale.call.request_id) if sale.call is not None else []
    over = next((place for place, one in enumerate(entry.answers) if one.finished), len(entry.answers))
    if any(one.link is not None for one in entry.answers[over:]):
        found.append(f"I4 {entry.key}: a link was shown with or after a finished answer")
    return found


def _repeats(world: World, key: str, request_id: str) -> list[str]:
    """A create that arrived is repeated only after as many searches as the system needs, and not if the last of them found a payment; where
    nothing can be searched for, never."""
    found: list[str] = []
    needed = provider(world.system).capabilities.searches
    hidden_ms = world.settings.softline.visible_after_ms if world.system == SOFTLINE else 0
    visible = [one.created_ms + hidden_ms for one in world.bank.transactions() if one.key == request_id]
    searches: list[int] | None = None  # when it was searched for since the last create; None: there was none yet
    for one in world.bank.log:
        if one.request_id != request_id or (one.fault is not None and one.operation is Operation.FIND):
            continue
        if one.operation is Operation.FIND and one.status == 200 and searches is not None:
            searches.append(one.at_ms)
        if one.operation is Operation.CHECKOUT:
            if searches is not None and (not needed or len(searches) < needed):
                found.append(f"I1 {key}: a create was repeated after {len(searches)} searches")
            elif searches and any(at_ms < searches[-1] for at_ms in visible):
                found.append(f"I1 {key}: a create was repeated although its payment was found")
            searches = []
    return found


def _of_receipts(world: World, entry: Entry, sale: Sale) -> list[str]:
    """R1: what was taken over arrives once, whole, or is refused; L4: it comes to an end."""
    key, stored = entry.key, {one.key for one in sale.deliveries}
    found = [f"R1 {key}: receipt {name} was taken over, yet the journal does not hold it" for name in entry.receipts.keys() - stored]
    for one in sale.deliveries:
        given = one.receipt
        taken = [file for file in world.bank.ledger.receipts if (file.transaction_id, file.receipt_id) == (sale.transaction_id, one.key)]
        if one.unsettled:
            found.append(f"L4 {key}: receipt {one.key} still {one.state.value}")
        elif len(taken) != (1 if one.state is DeliveryState.DELIVERED else 0):
            found.append(f"R1 {key}: receipt {one.key} is {one.state.value}, yet arrived {len(taken)} times")
        content = (given.total_amount, given.receipt_type, entry.order_id)
        if any((file.total_amount, file.receipt_type, file.invoice["orderId"]) != content for file in taken):
            found.append(f"R1 {key}: receipt {one.key} arrived with another content")
    return found


def _of_answers(entry: Entry, sale: Sale, net: int) -> list[str]:
    key, found = entry.key, []
    finals = [one for one in entry.answers if one.finished]
    frozen = {(one.state, one.success, one.reason, one.rows) for one in finals}
    if len(frozen) > 1:
        found.append(f"I5 {key}: told {sorted(str(one[0]) for one in frozen)}")
    wrong = [one for one in finals if one.success and (one.slip is None or one.slip.total_amount != entry.amount)]
    if wrong:
        found.append(f"I3 {key}: told paid on a slip that is not over {entry.amount} kopecks")
    if any(not recorded for _, recorded in entry.links):
        found.append(f"I7 {key}: a link was shown before it was recorded")
    if len({url for url, _ in entry.links} | ({sale.link.url} if sale.link else set())) > 1:
        found.append(f"I1 {key}: more than one link was shown")
    now = answer(sale)
    if finals and (now.state, now.success, now.rows) != (finals[0].state, finals[0].success, finals[0].rows):
        found.append(f"I5 {key}: told {finals[0].state.value}, now {now.state.value}")
    asked_back = sum(one.amount for one in sale.refunds if one.cause is RefundCause.POS and one.state is RefundState.REFUNDED)
    charged_for_good = {PaymentState.PAID: entry.amount - asked_back}
    if sale.payment in (PaymentState.PAID, PaymentState.DECLINED, PaymentState.CANCELED, PaymentState.EXPIRED, PaymentState.REVERSED):
        expected = charged_for_good.get(sale.payment, 0)
        stuck = any(one.state is RefundState.ATTENTION for one in sale.refunds)
        if net != expected and not stuck:
            rule = "I3" if sale.payment is PaymentState.PAID else "I4"
            found.append(f"{rule} {key}: {sale.payment.value}, yet the customer is {net} kopecks out of pocket, not {expected}")
    return found


def _of_bank(world: World) -> list[str]:
    return [f"I9 {one.kind.value} {one.operation.value} {one.request_id} {one.detail}" for one in world.bank.ledger.violations]


async def _of_record(world: World, stored: dict[SaleId, Sequence[Stored] | None], sales: dict[SaleId, Sale]) -> list[str]:
    """I7: the bank saw no money-moving request that the journal had not announced; P21: no secret stands in an event."""
    text = json.dumps(
        [[entry.kind, dict(entry.body)] for entries in stored.values() for entry in entries or ()], ensure_ascii=False, default=str
    )
    found = [
        f"I7 {one.operation} {one.request_id} was sent, yet not recorded"
        for one in world.bank.log
        if one.operation not in (None, Operation.STATUS, Operation.AVAILABILITY) and one.request_id and one.request_id not in text
    ]
    told = ("pos-token-", "helper-token-", "290000", '"SK', "buyer-")
    found += [f"P21 {secret!r} stands in an event" for secret in told if secret in text]
    assert world.journal is not None
    await world.journal.verify_all()
    for sale_id, sale in sales.items():
        left = await world.journal.secrets(sale_id)
        if left and sale.finished and (sale.told is not None or sale.payment is not PaymentState.PAID):
            found.append(f"P21 {sale_id}: secrets {sorted(left)} are kept for nothing")
    return found
