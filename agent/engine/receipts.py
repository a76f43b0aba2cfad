"""Fiscal receipts as a POS hands them over: taken, recorded, and from then on owed to the provider (``couriers`` carries them).

A receipt has no lane, no deadline and no say in anything: a sale with an undelivered receipt is as finished as one without.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from agent.core import canonical, decide_receipt, events
from agent.core.contract import Provider, Unacceptable
from agent.core.decide_receipt import NoSuchRefund, NotPaid, TooMany
from agent.core.delivery import Delivery
from agent.core.model import SaleId
from agent.core.ports import JournalFull
from agent.core.receipt import FiscalReceipt, TakesReceipts
from agent.core.sale import Sale
from agent.engine.counter import Counter
from agent.engine.engine import Engine
from agent.engine.errors import Refusal
from agent.engine.record import absent, check_lasting
from agent.engine.steward import Steward


@dataclass(frozen=True, slots=True)
class ReceiptOrder:
    """A receipt as the POS hands it over. ``refund_key``: the refund of the sale that it is about; None: the sale itself."""

    id: SaleId
    receipt: FiscalReceipt
    refund_key: str | None = None


class Receipts:
    """Takes receipts and tells what became of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counter = Counter(engine)

    async def give(self, order: ReceiptOrder) -> tuple[Steward, Delivery, bool]:
        """Take a receipt (the third value is true) or recognise one that was taken before. Returns once it is on disk; a caller that is
        cancelled does not take it back.

        Raises Refusal CONFLICT NOT_PAID OVER_LIMIT INVALID UNSUPPORTED NOT_FOUND RECORD_LOST BUSY DISK_FULL RECORD_DAMAGED;
        Stopped.
        """
        return await asyncio.shield(asyncio.ensure_future(self._give(order)))

    async def _give(self, order: ReceiptOrder) -> tuple[Steward, Delivery, bool]:
        self._engine.check_running()
        steward = await self._counter.find(order.id)
        key, digest, new = order.receipt.receipt_id, self._digest(order), False
        if steward.sale.delivery(key) is None:
            check_lasting(self._engine)
            self._check(steward.sale, order)
            new = await self._record(steward, order, digest)
        known = await self._delivery_of(steward.sale, key)
        if known.digest != digest:
            raise Refusal("CONFLICT", f"receiptId {key!r} was used with another body", receiptId=key)
        return steward, known, new

    async def get(self, sale_id: SaleId, receipt_id: str, wait_s: float) -> tuple[Steward, Delivery]:
        """A receipt; with a wait, once it is delivered or refused. Raises Refusal NOT_FOUND, RECORD_LOST, BUSY, RECORD_DAMAGED."""
        steward = await self._counter.find(sale_id)
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        while (one := await self._delivery_of(steward.sale, receipt_id)).unsettled and (left := end - loop.time()) > 0:
            await steward.changed_within(left)
        return steward, one

    async def _delivery_of(self, sale: Sale, receipt_id: str) -> Delivery:
        one = sale.delivery(receipt_id)
        if one is None:
            raise await absent(self._engine, f"no receipt {receipt_id!r} of this sale was given here", sale)
        return one

    def _digest(self, order: ReceiptOrder) -> str:
        return canonical.digest([order.refund_key, order.receipt.plain()], self._engine.ports.journal.digest_key)

    def _check(self, sale: Sale, order: ReceiptOrder) -> None:
        """What the provider would refuse must not be stored."""
        provider = self._engine.setup.providers.get(sale.binding.provider)
        if provider is None or not provider.capabilities.receipts or not isinstance(provider, TakesReceipts):
            raise Refusal("UNSUPPORTED", f"{_name(provider, sale)} takes no fiscal receipts")
        try:
            provider.check_receipt(sale.id, order.receipt)
        except Unacceptable as error:
            details = [{"path": path, "problem": problem} for path, problem in error.problems]
            raise Refusal("INVALID", str(error), details=details) from error

    async def _record(self, steward: Steward, order: ReceiptOrder, digest: str) -> bool:
        """Whether this request brought it: a twin may have been faster."""

        def decider(sale: Sale) -> Sequence[events.Event]:
            if sale.delivery(order.receipt.receipt_id) is not None:
                return []
            return decide_receipt.receipt_given(sale, order.receipt, order.refund_key, digest)

        try:
            return bool(await self._engine.record(steward, decider))
        except NotPaid as error:
            raise Refusal("NOT_PAID", str(error), path=error.path, state=error.state) from error
        except NoSuchRefund as error:
            text = f"no refund {order.refund_key!r} of this sale was asked for here"
            raise (await absent(self._engine, text, steward.sale, path="refundKey")) from error
        except TooMany as error:
            raise Refusal("OVER_LIMIT", str(error)) from error
        except JournalFull as error:
            raise Refusal("DISK_FULL", "the disk of this till is full; the receipt was not stored") from error


def _name(provider: Provider | None, sale: Sale) -> str:
    return f"the payment system {sale.binding.provider!r}" + ("" if provider else ", which is no longer configured,")
