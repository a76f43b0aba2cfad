"""What a POS is told: the shapes of results, for documentation and for type checkers. Dictionaries on the wire, built by the agent.

Optional members are left out when there is nothing to say. Amounts are kopecks; times are UTC in RFC 3339; ``state``, ``money`` and
``reason`` are words for programs, ``message`` is a sentence for the cashier in the configured language.
"""

from typing import Any, Literal, NotRequired, TypedDict


class Created(dict[str, Any]):
    """An answer to a request that stored something new, not a repeat. On the wire it looks like any other; HTTP says 201."""


class SlipAnswer(TypedDict):
    """Data of the bank operation. ``text`` is keyed by paper width: "32", "42", "48"."""

    totalAmount: int
    text: dict[str, str]
    id: NotRequired[str]
    merchantId: NotRequired[str]
    qrcId: NotRequired[str]
    kzo: NotRequired[str]
    operationId: NotRequired[str]
    operationDateTime: NotRequired[str]


class RefundItemAnswer(TypedDict):
    """A part of a line that went back."""

    line: int
    quantity: int
    totalAmount: int


class RefundAnswer(TypedDict):
    """``refund.create``, ``refund.get``, and each of a sale's ``refunds``. ``refundKey`` is absent in refunds the agent owes by itself."""

    state: str
    finished: bool
    success: bool | None
    amount: int
    message: str
    reason: str | None
    cause: str
    key: NotRequired[str]
    orderId: NotRequired[str]
    next: NotRequired[Literal["poll", "person"]]
    refundKey: NotRequired[str]
    items: NotRequired[list[RefundItemAnswer]]
    refTransactionId: NotRequired[str]
    slip: NotRequired[SlipAnswer]


class ReceiptAnswer(TypedDict):
    """``receipt.create``, ``receipt.get``. ``success``: the payment system has taken it; it says nothing of the payment."""

    key: str
    orderId: str
    receiptId: str
    state: str
    finished: bool
    success: bool | None
    reason: str | None
    message: str
    refundKey: NotRequired[str]
    next: NotRequired[Literal["poll"]]


class CheckoutAnswer(TypedDict):
    """``checkout.*`` and each of ``operation.*``. ``next`` is there while the sale is unfinished: ask again, or call a person."""

    storeId: str
    terminalId: str
    key: str
    orderId: str
    state: str
    finished: bool
    success: bool | None
    money: str
    reason: str | None
    message: str
    amount: int
    currency: str
    provider: str
    environment: Literal["test", "production"]
    test: bool
    refunds: list[RefundAnswer]
    acceptedAt: str
    told: bool
    confirmed: bool
    next: NotRequired[Literal["poll", "person"]]
    transactionId: NotRequired[str]
    paymentType: NotRequired[str]
    slip: NotRequired[SlipAnswer]
    paymentUrl: NotRequired[str]
    paymentUrlMethod: NotRequired[Literal["GET", "POST"]]
    paymentUrlFields: NotRequired[dict[str, str]]


class QrAnswer(TypedDict):
    """``checkout.qr``: the drawing, as ``text`` (svg, text), ``base64`` (png, escpos) or ``modules`` (matrix: rows of 0 and 1, dark)."""

    storeId: str
    terminalId: str
    key: str
    format: Literal["svg", "png", "text", "escpos", "matrix"]
    mediaType: str
    text: NotRequired[str]
    base64: NotRequired[str]
    modules: NotRequired[list[str]]


class RecordAnswer(CheckoutAnswer):
    """A sale for people who look at it: ``operation.show``, and ``operation.last`` for an operator. Of a payment link it tells only whether
    it can be used. ``events``: everything that happened to it; their names and contents are for people. ``alarms``: those that still
    call for a person."""

    paymentUrlState: NotRequired[Literal["open", "closed"]]
    alarms: NotRequired[list[str]]
    events: NotRequired[list[dict[str, Any]]]


class PaymentTypeAnswer(TypedDict):
    """One means of payment (PaymentTypeAvailabilityInfo of the Pay API). ``message`` is the payment system's own."""

    paymentType: str
    available: bool
    message: NotRequired[str]


class AvailabilityAnswer(TypedDict):
    """``availability.*``. ``success``: at least one means can be used; null while that is not known."""

    storeId: str
    terminalId: str
    key: str
    state: Literal["pending", "ready", "unavailable"]
    finished: bool
    success: bool | None
    reason: str | None
    message: str
    koshelekPayIsDefault: bool
    paymentTypeAvailabilityInfoList: list[PaymentTypeAnswer]
    provider: str
    environment: Literal["test", "production"]
    test: bool
    next: NotRequired[Literal["poll"]]


class OperationRow(TypedDict):
    """A line of ``operation.list``: no slip and no refunds, but what a list is searched by."""

    storeId: str
    terminalId: str
    key: str
    orderId: str
    state: str
    finished: bool
    success: bool | None
    money: str
    reason: str | None
    message: str
    amount: int
    refundedAmount: int
    currency: str
    provider: str
    environment: Literal["test", "production"]
    test: bool
    businessDate: str
    acceptedAt: str
    told: bool
    confirmed: bool
    transactionId: NotRequired[str]
    paymentType: NotRequired[str]
    qrcId: NotRequired[str]
    kzo: NotRequired[str]
    operationId: NotRequired[str]
    operationDateTime: NotRequired[str]
    alarms: NotRequired[list[str]]


class ParkedRow(TypedDict):
    """A sale whose record is not used. ``released``: who took over what it may still owe, and why."""

    storeId: str
    terminalId: str
    key: str
    reason: str
    at: str
    released: NotRequired[str]


class OperationListAnswer(TypedDict):
    """``operation.list``, newest first. ``more`` says that the limit, or the length of an answer, cut the list; ``next`` is where the next
    one begins."""

    operations: list[OperationRow]
    more: bool
    next: NotRequired[str]
    parked: NotRequired[list[ParkedRow]]


class SlipCopyAnswer(TypedDict):
    """``operation.slip``: the text, keyed by paper width, marked as a copy."""

    storeId: str
    terminalId: str
    key: str
    refundKey: NotRequired[str]
    copy: bool
    text: dict[str, str]


class ShiftLine(TypedDict):
    """How many, and their sum in kopecks. ``kind``: the state of sales, the cause of refunds."""

    provider: str
    environment: Literal["test", "production"]
    kind: str
    count: int
    amount: int


class ShiftSale(TypedDict):
    """A sale that a report names."""

    terminalId: str
    key: str
    orderId: str
    date: str
    state: str
    money: str
    amount: int
    alarms: NotRequired[list[str]]


class ReportAnswer(TypedDict):
    """``operation.report``. ``net`` is ``paid`` less ``refunded``; ``returned`` is what went back without a register asking for it. The
    lists name what is not settled now, of whatever day."""

    storeId: str
    terminalId: NotRequired[str]
    date: str
    madeAt: str
    sales: list[ShiftLine]
    refunds: list[ShiftLine]
    paid: int
    refunded: int
    returned: int
    net: int
    open: list[ShiftSale]
    untold: list[ShiftSale]
    unconfirmed: list[ShiftSale]
    attention: list[ShiftSale]
    unreadable: list[str]
    text: dict[str, str]


class ChoiceAnswer(TypedDict):
    """Something that can be decided of a sale as it is now."""

    what: Literal["payment", "refund", "receipt", "sale", "record"]
    resolution: str
    message: str
    refundKey: NotRequired[str]
    receiptId: NotRequired[str]


class ResolveAnswer(TypedDict):
    """``operation.resolve``. ``after`` is the sale as the decision would make it, ``confirmation`` the word for it, good for ``validS``
    seconds; ``done``: it was carried out. ``parked`` instead of a sale: its record is not used."""

    done: bool
    choices: list[ChoiceAnswer]
    sale: NotRequired[RecordAnswer]
    alarms: NotRequired[list[str]]
    events: NotRequired[list[dict[str, Any]]]
    after: NotRequired[RecordAnswer]
    confirmation: NotRequired[str]
    validS: NotRequired[int]
    parked: NotRequired[ParkedRow]


class RetryAnswer(TypedDict):
    """``operation.retry``: the sales for which something is done now."""

    sales: list[str]
