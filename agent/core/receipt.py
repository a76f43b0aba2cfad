"""A fiscal receipt: what a register's fiscal printer made of a sale or of a refund, for the buyer's application to show.

It is data, not money: nothing in it is compared with the payment, for a receipt may be about a part of one, about goods paid in several
ways, or rounded. It may name a cashier, so it goes to the provider and into the record, but not into logs.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from agent.core.canonical import JsonObject
from agent.core.model import Item, SaleId
from agent.core.money import RUB, Kopecks
from agent.core.verdict import Request


class ReceiptType(StrEnum):
    """Sign of the settlement: a sale, an expense, a return."""

    DEBIT = "debit"
    CREDIT = "credit"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class FiscalReceipt:
    """Invoice of the Pay API, and the free ``meta`` that goes beside it. ``inn``: 10 or 12 digits. ``date_time``: ISO 8601, with offset."""

    order_id: str
    receipt_id: str
    merchant_name: str
    merchant_address: str
    inn: str
    date_time: str
    shift: str
    cashier: str
    receipt_type: ReceiptType
    total_amount: Kopecks
    items: tuple[Item, ...]
    currency: str = RUB
    discount_amount: Kopecks | None = None
    sub_total_amount: Kopecks | None = None
    tax_amount: Kopecks | None = None
    taxation: str | None = None
    kkt_reg_number: str | None = None
    fn_number: str | None = None
    fd_number: str | None = None
    fpd: str | None = None
    website: str | None = None
    qr: str | None = None
    meta: JsonObject | None = None

    def plain(self) -> dict[str, Any]:
        """Everything, as canonical JSON can write it."""
        return asdict(self)


@runtime_checkable
class TakesReceipts(Protocol):
    """What a provider with the capability ``receipts`` can do beside ``contract.Provider``. Pure, like all of it. Its ``read`` makes
    ``Observed`` of a receipt that was taken."""

    def check_receipt(self, sale_id: SaleId, receipt: FiscalReceipt) -> None:
        """Refuse what the provider would refuse, before anything is stored. Raises ``contract.Unacceptable``."""

    def receipt(
        self, sale_id: SaleId, request_id: str, transaction_id: str, ref_transaction_id: str | None, receipt: FiscalReceipt
    ) -> Request:
        """Hand a receipt over. ``ref_transaction_id``: of the refund it is about, if it is about one and the id is known."""
