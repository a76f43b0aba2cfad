"""The values the agent thinks in. Frozen, plain, without behaviour beyond their own checks.

Texts that identify a person or let money move (``cardSession``, ``token``, loyalty number, scanned barcode) are no part of any
value here: they travel as *secrets*, by name, beside the values, and end in the journal's erasable side table.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from agent.core.canonical import JsonObject
from agent.core.money import RUB, Kopecks

PIECE = "PIECE"  # the measure of things that are counted, and what an absent measure means


class Environment(StrEnum):
    """Test money or real money. A sale never changes sides (money rule 10)."""

    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, order=True)
class SaleId:
    """The name of a sale: ``key`` is the POS's own and unique per (storeId, terminalId)."""

    store_id: str
    terminal_id: str
    key: str

    def __str__(self) -> str:
        return f"{self.store_id}/{self.terminal_id}/{self.key}"


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was recorded: UTC for people, boot id and CLOCK_BOOTTIME milliseconds for deadlines (money rule 9)."""

    wall: datetime
    boot: str
    ticks: int


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of one boot. In another boot it counts as passed: nobody can say how long the power was off."""

    boot: str
    ticks: int

    def passed(self, now: Stamp) -> bool:
        return now.boot != self.boot or now.ticks >= self.ticks


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bill. ``price`` is per unit of ``measure`` in kopecks and may have a fraction when that unit is small (per gram);
    it is passed on as it came and never recomputed. ``quantity`` counts whole units of ``measure``."""

    name: str
    article: str
    price: Decimal
    quantity: int
    total_amount: Kopecks
    tax: str
    measure: str = PIECE
    discount_amount: Kopecks | None = None
    sub_total_amount: Kopecks | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """The bill (CheckoutInvoice of the Pay API)."""

    order_id: str
    total_amount: Kopecks
    items: tuple[Item, ...]
    currency: str = RUB
    discount_amount: Kopecks | None = None
    sub_total_amount: Kopecks | None = None


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A way to pay that the till offers for this bill: SBP or DOLYAME."""

    type: str
    payment_purpose: str | None = None
    meta: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Merchant:
    """What the receipt block and the POS need to know of the shop, as configured when the sale was accepted."""

    brand_name: str = ""
    legal_name: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """The provider, side and account a sale belongs to for ever (money rule 10). ``account`` is the base URL with its path."""

    provider: str
    environment: Environment
    account: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """What the POS asked for, without secrets. ``digest`` is keyed and covers what money rule 7 calls the body."""

    invoice: Invoice
    payment_methods: tuple[PaymentMethod, ...]
    digest: str
    split: bool = False
    merchant: Merchant = field(default_factory=Merchant)
    language: str = "ru"


class LinkMethod(StrEnum):
    """How a browser must open a payment link. Only GET can be put into a QR code."""

    GET = "GET"
    POST = "POST"


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """Where the customer pays, of providers that work with a page. It is shown to the customer and to nobody else, for whoever has it can
    pay."""

    url: str = field(repr=False)  # what is represented ends in logs
    method: LinkMethod = LinkMethod.GET
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # of the form that a browser posts there, in order


@dataclass(frozen=True, slots=True)
class Slip:
    """Data of a performed bank operation, as the provider sent it (Slip of the Pay API). Compared with ours are the amount, the currency,
    and what names the sale: ``order_id``, or ``reference``, the id that we gave the payment, of a provider that knows no order."""

    total_amount: Kopecks
    order_id: str | None = None
    currency: str = RUB
    reference: str | None = None
    id: str | None = None
    payment_type: str | None = None
    store_id: str | None = None
    terminal_id: str | None = None
    payment_transaction_id: str | None = None
    refund_transaction_id: str | None = None
    merchant_id: str | None = None
    operation_date_time: str | None = None
    operation_id: str | None = None
    qrc_id: str | None = None
    kzo: str | None = None


@dataclass(frozen=True, slots=True)
class RefundLine:
    """A part of a line that goes back: ``line`` is the 0-based place of the item in the bill, ``quantity`` in its own units."""

    line: int
    quantity: int
    total_amount: Kopecks
