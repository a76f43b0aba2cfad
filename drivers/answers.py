"""What a POS is told: the shapes of results, for documentation and for type checkers. Dictionaries on the wire, built by the agent.

Optional members are left out when there is nothing to say. Amounts are kopecks; times are UTC in RFC 3339; ``state``, ``money`` and
``reason`` are words for programs, ``message`` is a sentence for the cashier in the configured language.
"""

from typing import Any, Literal, NotRequired, TypedDict


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


class OperationListAnswer(TypedDict):
    """``operation.list``, newest first. ``more`` says that the limit cut the list."""

    operations: list[OperationRow]
    more: bool


class StatusAnswer(TypedDict):
    """``agent.status``: whether new checkouts are taken, and what a technician wants to know first."""

    ready: bool
    version: str
    environment: Literal["test", "production"]
    providers: dict[str, dict[str, bool]]
    details: NotRequired[dict[str, Any]]
