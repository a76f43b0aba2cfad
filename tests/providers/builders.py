"""The shop all provider tests sell in: one store, one till, one bill with a piece good, a weighed good and discounts."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from agent.core.contract import Provider
from agent.core.model import Checkout, Invoice, Item, PaymentMethod, SaleId
from agent.core.money import kopecks
from agent.core.receipt import FiscalReceipt, ReceiptType
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts

STORE = "3f2b6c1e-8d47-4a55-9b0e-6c2d1f7a9e10"
SALE = SaleId(STORE, "till-07", "day-1.sale-42")
REQUEST = "b8c4a1d2-5e6f-4a70-8b91-c2d3e4f50617"
TRANSACTION = "5d0f7a3c-1b2e-4c8d-9e6f-70a1b2c3d4e5"
REF_TRANSACTION = "e4d3c2b1-a0f9-4e8d-8c7b-6a5f4e3d2c1b"
SECRET_LENGTHS = {"cardSession": 6, "loyaltyId": 13, "token": 455}
SECRET_NAMES = frozenset(SECRET_LENGTHS)

MILK = Item("Молоко 3,2 %", "100-17", Decimal(8990), 2, kopecks(17_000), "vat10", "PIECE", kopecks(980), kopecks(17_980))
CHEESE = Item("Сыр весовой", "200-03", Decimal("64.5"), 310, kopecks(19_995), "vat10", "GRAM")
BAG = Item("Пакет", "", Decimal(700), 1, kopecks(700), "none")


def koshelek(settings: KoshelekSettings | None = None, facts: StoreFacts | None = None) -> Provider:
    return Koshelek(settings or KoshelekSettings(), {STORE: facts or StoreFacts()})


def bill(*items: Item) -> Invoice:
    """A bill whose total is the sum of its lines."""
    lines = items or (MILK, CHEESE, BAG)
    return Invoice("S07-000042", kopecks(sum(item.total_amount for item in lines)), lines)


def checkout(invoice: Invoice | None = None, *methods: PaymentMethod) -> Checkout:
    return Checkout(invoice or bill(), methods or (PaymentMethod("SBP"),), "digest")


def receipt(**changes: Any) -> FiscalReceipt:
    """The fiscal receipt of the bill, with nothing but what is mandatory."""
    sold = bill()
    plain = FiscalReceipt(
        order_id=sold.order_id,
        receipt_id="6789",
        merchant_name="ООО Торговая сеть №1",
        merchant_address="198000 г. Санкт-Петербург, ул. Ленина д. 1 пом. 123",
        inn="7707083893",
        date_time="2026-01-31T20:50:00+03:00",
        shift="5",
        cashier="Иванов Иван Иванович",
        receipt_type=ReceiptType.DEBIT,
        total_amount=sold.total_amount,
        items=sold.items,
    )
    return replace(plain, **changes)
