"""What a checkout and a refund are about: the bill, its lines, the buyer, the methods of payment. Parts of the requests in ``messages``."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from drivers.fields import (
    MAX_ITEMS,
    MAX_PAYMENT_METHODS,
    Amount,
    Article,
    Currency,
    Email,
    GoodsText,
    Kpp,
    LineNumber,
    LoyaltyId,
    Measure,
    Meta,
    Method,
    OrderId,
    PersonName,
    Phone,
    Price,
    ProviderName,
    Purpose,
    Quantity,
    Rule,
    Tax,
    TransactionId,
    VatNumber,
    as_tuple,
    different,
)


class Message(BaseModel):
    """Strict: nothing is converted, nothing unknown is swallowed. Values never appear in validation texts."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,  # for Python callers; the wire takes camelCase only (validation.parse)
        hide_input_in_errors=True,
    )


class Item(Message):
    """A line of the bill (Item of the Pay API). ``price`` is passed on as it came and never recomputed."""

    name: GoodsText
    article: Article
    price: Price
    quantity: Quantity
    total_amount: Amount
    tax: Tax
    measure: Measure = "PIECE"
    currency: Currency = "RUB"
    discount_amount: Amount | None = None
    sub_total_amount: Amount | None = None


Items = Annotated[
    tuple[Item, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=MAX_ITEMS), Rule(f"a list of 1 to {MAX_ITEMS} lines", None)
]


class CheckoutInvoice(Message):
    """The bill."""

    order_id: OrderId
    total_amount: Amount
    items: Items
    currency: Currency = "RUB"
    discount_amount: Amount | None = None
    sub_total_amount: Amount | None = None


class User(Message):
    """The buyer in the loyalty programme."""

    loyalty_id: LoyaltyId


class Customer(Message):
    """Who pays, for the payment systems that ask: a person, or a company. Kept only while the payment may have to be repeated."""

    email: Email | None = None
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    phone: Phone | None = None
    company_name: PersonName | None = None
    vat_number: VatNumber | None = None
    kpp: Kpp | None = None
    company_billing_address: PersonName | None = None
    company_delivery_address: PersonName | None = None


class PaymentMethod(Message):
    """A method of payment that the till offers for this bill."""

    type: Method
    payment_purpose: Purpose | None = None
    meta: Annotated[Meta | None, Field(repr=False)] = None  # free content, so perhaps personal


PaymentMethods = Annotated[
    tuple[PaymentMethod, ...],
    BeforeValidator(as_tuple),
    Field(min_length=1, max_length=MAX_PAYMENT_METHODS),
    AfterValidator(different("type")),
    Rule(f"a list of 1 to {MAX_PAYMENT_METHODS} methods, each type once", [{"type": "SBP"}]),
]


class RefundItem(Message):
    """A part of a line that goes back. ``totalAmount`` is what the POS returns for it; left out, the agent computes it."""

    line: LineNumber
    quantity: Quantity
    total_amount: Amount | None = None


RefundItems = Annotated[
    tuple[RefundItem, ...],
    BeforeValidator(as_tuple),
    Field(min_length=1, max_length=MAX_ITEMS),
    AfterValidator(different("line")),
    Rule(f"a list of 1 to {MAX_ITEMS} lines, each line once", [{"line": 0, "quantity": 1}]),
]


class ForeignSale(Message):
    """A sale that this agent's journal does not hold: made at another till, or lost with a disk. ``provider``: where it was paid."""

    transaction_id: TransactionId
    order_id: OrderId
    total_amount: Amount
    items: Items
    currency: Currency = "RUB"
    provider: ProviderName | None = None
