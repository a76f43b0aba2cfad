"""What a POS can ask. Frozen values with the wire's camelCase outside and snake_case inside; ``drivers.validation.parse`` makes them.

``key`` names a sale, ``refundKey`` a refund of it; both are chosen by the POS, so that it can ask again after any accident and get
the same sale instead of a second one. ``wait`` asks for a long poll: the answer comes when the sale is finished, or after so many seconds
with what is known by then.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from drivers.bill import CheckoutInvoice, ForeignSale, Message, PaymentMethods, RefundItems, User
from drivers.fields import (
    Amount,
    Barcode,
    CardSession,
    Day,
    Flag,
    Key,
    ListLimit,
    OrderId,
    ProviderName,
    ShortText,
    State,
    StoreId,
    TerminalId,
    Token,
    Wait,
)


class Request(Message):
    """Base of all requests. ``outlives_caller``: it moves money or changes a record, so it is carried out even if its POS hangs up."""

    method: ClassVar[str]
    outlives_caller: ClassVar[bool] = False


class TillRequest(Request):
    """A request about one till."""

    store_id: StoreId
    terminal_id: TerminalId


class SaleRequest(TillRequest):
    """A request about one sale."""

    key: Key


class CheckoutCreate(SaleRequest):
    """Take this payment. The card session comes ready (``cardSession``) or as the barcode it is made from: exactly one of them."""

    method = "checkout.create"
    outlives_caller = True
    checkout_invoice: CheckoutInvoice
    user: User
    card_session: CardSession | None = None
    barcode: Barcode | None = None
    token: Token | None = None
    payment_methods: PaymentMethods | None = None
    provider: ProviderName | None = None
    split: Flag = False
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class CheckoutGet(SaleRequest):
    """How is this payment?"""

    method = "checkout.get"
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class CheckoutCancel(SaleRequest):
    """The customer no longer wants it. Of a finished sale this changes nothing."""

    method = "checkout.cancel"
    outlives_caller = True


class CheckoutConfirm(SaleRequest):
    """The POS has stored the finished answer for good."""

    method = "checkout.confirm"
    outlives_caller = True


class RefundCreate(SaleRequest):
    """Give money back: the lines in ``items``, or without them everything that is left. ``refundAmount`` is a checksum."""

    method = "refund.create"
    outlives_caller = True
    refund_key: Key
    items: RefundItems | None = None
    refund_amount: Amount | None = None
    token: Token | None = None
    sale: ForeignSale | None = None
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class RefundGet(SaleRequest):
    """How is this refund?"""

    method = "refund.get"
    refund_key: Key
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class OperationLast(TillRequest):
    """The last operation of this till: what a restarted register asks first."""

    method = "operation.last"


class OperationList(Request):
    """Operations of a store, newest first; every field given narrows the list."""

    method = "operation.list"
    store_id: StoreId
    terminal_id: TerminalId | None = None
    date: Day | None = None
    state: State | None = None
    order_id: OrderId | None = None
    qrc_id: ShortText | None = None
    kzo: ShortText | None = None
    amount: Amount | None = None
    limit: ListLimit = 50


class OperationShow(SaleRequest):
    """Everything about one sale, for an operator; with ``events`` its whole stream."""

    method = "operation.show"
    events: Flag = False


class AgentStatus(Request):
    """Is the agent well?"""

    method = "agent.status"


_ALL: tuple[type[Request], ...] = (
    CheckoutCreate,
    CheckoutGet,
    CheckoutCancel,
    CheckoutConfirm,
    RefundCreate,
    RefundGet,
    OperationLast,
    OperationList,
    OperationShow,
    AgentStatus,
)
REQUESTS: dict[str, type[Request]] = {request.method: request for request in _ALL}
