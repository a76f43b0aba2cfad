"""A fiscal receipt as a register hands it over: Invoice of the Pay API with its limits. Its number, ``receiptId``, stands beside it in the
request, for it names the receipt as ``key`` names the sale.
"""

import re
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from drivers.bill import Items, Message
from drivers.fields import Amount, Currency, OrderId, Rule, text, word

MAX_MERCHANT_CHARACTERS = 999
MAX_SHIFT_CHARACTERS = 32
MAX_CASHIER_CHARACTERS = 256
MAX_FISCAL_CHARACTERS = 64
MAX_QR_CHARACTERS = 999

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")


def _moment(value: str) -> str:
    """A time of the calendar with its offset; passed on as it came."""
    if not _MOMENT.fullmatch(value):
        raise ValueError
    datetime.fromisoformat(value)  # raises ValueError for the 31st of February
    return value


ReceiptId: TypeAlias = Annotated[str, *text(36, "6789")]
MerchantText: TypeAlias = Annotated[str, *text(MAX_MERCHANT_CHARACTERS, "OOO Romashka")]
Inn: TypeAlias = Annotated[
    str, Field(pattern="^[0-9]{10}([0-9]{2})?$"), Rule("10 digits (a legal entity) or 12 digits (a person), as text", "7707083893")
]
Moment: TypeAlias = Annotated[
    str,
    Field(max_length=25),
    AfterValidator(_moment),
    Rule("date and time with seconds and offset, YYYY-MM-DDThh:mm:ss+hh:mm", "2026-01-31T20:50:00+03:00"),
]
Shift: TypeAlias = Annotated[str, *text(MAX_SHIFT_CHARACTERS, "5")]
Cashier: TypeAlias = Annotated[str, *text(MAX_CASHIER_CHARACTERS, "7")]
FiscalText: TypeAlias = Annotated[str, *text(MAX_FISCAL_CHARACTERS, "9280440300387752")]
QrText: TypeAlias = Annotated[str, *text(MAX_QR_CHARACTERS, "t=20260131T2050&s=720.00&fn=9280440300387752&i=10272&fp=2374313442&n=1")]
Taxation: TypeAlias = Annotated[str, *word("a tax regime", "osn")]
Sign: TypeAlias = Annotated[Literal["debit", "credit", "refund"], Rule('"debit", "credit" or "refund"', "debit")]


class FiscalInvoice(Message):
    """The receipt. Which sums must add up no document says, so none is compared."""

    order_id: OrderId
    merchant_name: MerchantText
    merchant_address: MerchantText
    inn: Inn
    date_time: Moment
    shift: Shift
    cashier: Annotated[Cashier, Field(repr=False)]
    receipt_type: Sign
    total_amount: Amount
    items: Items
    currency: Currency = "RUB"
    discount_amount: Amount | None = None
    sub_total_amount: Amount | None = None
    tax_amount: Amount | None = None
    taxation: Taxation | None = None
    kkt_reg_number: FiscalText | None = None
    fn_number: FiscalText | None = None
    fd_number: FiscalText | None = None
    fpd: FiscalText | None = None
    website: FiscalText | None = None
    qr: QrText | None = None
