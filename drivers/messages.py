"""What a POS can ask. Frozen values with the wire's camelCase outside and snake_case inside; ``drivers.validation.parse`` makes them.

``key`` names a sale, ``refundKey`` a refund of it; both are chosen by the POS, so that it can ask again after any accident and get
the same sale instead of a second one. ``wait`` asks for a long poll: the answer comes when the sale is finished, or after so many seconds
with what is known by then.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from drivers.bill import CheckoutInvoice, Customer, ForeignSale, Message, PaymentMethods, RefundItems, User
from drivers.fields import (
    Amount,
    Barcode,
    CardSession,
    CodeFormat,
    CodeLevel,
    Day,
    Explanation,
    Flag,
    Key,
    ListLimit,
    Meta,
    OrderId,
    ProviderName,
    QuietZone,
    Scale,
    ShortText,
    State,
    StoreId,
    TerminalId,
    Token,
    TransactionId,
    Wait,
)
from drivers.operator import ConfirmationWord, Cursor, Proof, RefundName, ResolutionWord
from drivers.payout import Description, PayoutAmount, PayoutResolutionWord, RecipientFields, ServiceCode
from drivers.receipt import FiscalInvoice, ReceiptId


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


class AvailabilityCreate(SaleRequest):
    """Which means of payment can this buyer use? Advice for the cashier; nothing is paid, promised or stored. ``key`` names the question;
    that of the sale will do."""

    method = "availability.create"
    checkout_invoice: CheckoutInvoice
    user: User
    card_session: CardSession | None = None
    barcode: Barcode | None = None
    token: Token | None = None
    provider: ProviderName | None = None
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class AvailabilityGet(SaleRequest):
    """What has come of the question?"""

    method = "availability.get"
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class CheckoutCreate(SaleRequest):
    """Take this payment. For a payment system with an app the card session comes ready (``cardSession``) or as the barcode it is made from;
    one with a page behind a link may ask for the customer instead."""

    method = "checkout.create"
    outlives_caller = True
    checkout_invoice: CheckoutInvoice
    user: User | None = None
    card_session: CardSession | None = None
    barcode: Barcode | None = None
    token: Token | None = None
    customer: Customer | None = None
    payment_methods: PaymentMethods | None = None
    provider: ProviderName | None = None
    split: Flag = False
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class CheckoutGet(SaleRequest):
    """How is this payment?"""

    method = "checkout.get"
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class CheckoutQr(SaleRequest):
    """The payment link as a QR code, while the customer may pay. ``scale``: dots of a module's side, for svg, png and escpos."""

    method = "checkout.qr"
    format: CodeFormat
    level: CodeLevel = "M"
    quiet_zone: QuietZone = 4
    scale: Scale | None = None


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


class ReceiptCreate(SaleRequest):
    """Show the buyer this fiscal receipt, of the sale or of one of its refunds. It changes nothing about either."""

    method = "receipt.create"
    outlives_caller = True
    receipt_id: ReceiptId
    invoice: FiscalInvoice
    refund_key: Key | None = None
    meta: Annotated[Meta | None, Field(repr=False)] = None
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class ReceiptGet(SaleRequest):
    """What has become of this receipt?"""

    method = "receipt.get"
    receipt_id: ReceiptId
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class OperationLast(TillRequest):
    """The last operation of this till: what a restarted register asks first."""

    method = "operation.last"


class OperationList(Request):
    """Operations of a store (an operator may ask for all of them), newest first; every field given narrows the list. ``before``: go on
    where an earlier list ended."""

    method = "operation.list"
    store_id: StoreId | None = None
    terminal_id: TerminalId | None = None
    business_date: Annotated[Day | None, Field(alias="date")] = None
    state: State | None = None
    order_id: OrderId | None = None
    qrc_id: ShortText | None = None
    kzo: ShortText | None = None
    operation_id: ShortText | None = None
    transaction_id: TransactionId | None = None
    amount: Amount | None = None
    open: Flag = False
    attention: Flag = False
    unconfirmed: Flag = False
    untold: Flag = False
    owing: Flag = False
    parked: Flag = False
    payouts: Flag = False
    before: Cursor | None = None
    limit: ListLimit = 50


class OperationSlip(SaleRequest):
    """The slip of a finished sale, or of one of its refunds, once more: marked as a copy."""

    method = "operation.slip"
    refund_key: RefundName | None = None


class OperationReport(Request):
    """What a business day came to, for a till or for the whole store; without ``date`` the day that is."""

    method = "operation.report"
    store_id: StoreId
    terminal_id: TerminalId | None = None
    date: Day | None = None


class OperationResolve(SaleRequest):
    """Decide what nothing else can decide, in two steps, for an operator. Without ``resolution``: what can be decided. Without
    ``confirmation``: what the decision would do, and the word that confirms it."""

    method = "operation.resolve"
    outlives_caller = True
    resolution: ResolutionWord | None = None
    reason: Explanation | None = None
    refund_key: RefundName | None = None
    receipt_id: ReceiptId | None = None
    proof: Proof | None = None
    who: ShortText | None = None
    confirmation: ConfirmationWord | None = None


class OperationRetry(Request):
    """What is owed and waits for its time is done now, for an operator: of one sale, or of all."""

    method = "operation.retry"
    store_id: StoreId | None = None
    terminal_id: TerminalId | None = None
    key: Key | None = None


class OperationShow(SaleRequest):
    """Everything about one sale, for an operator; with ``events`` its whole stream."""

    method = "operation.show"
    events: Flag = False


class PayoutServices(TillRequest):
    """By which services can this amount be paid out, and what does each ask for? Advice; nothing is promised or stored."""

    method = "payout.services"
    amount: PayoutAmount
    provider: ProviderName | None = None
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class PayoutCreate(SaleRequest):
    """Pay this amount out. ``fields``: who gets it, by the service's names; ``service``: without it the configured one."""

    method = "payout.create"
    outlives_caller = True
    amount: PayoutAmount
    fields: RecipientFields
    description: Description
    service: ServiceCode | None = None
    provider: ProviderName | None = None
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class PayoutGet(SaleRequest):
    """How is this payout?"""

    method = "payout.get"
    wait_s: Annotated[Wait, Field(alias="wait")] = 0.0


class PayoutCancel(SaleRequest):
    """It is not wanted any more. Of one that may have been sent this changes nothing."""

    method = "payout.cancel"
    outlives_caller = True


class PayoutShow(SaleRequest):
    """Everything about one payout, for an operator; with ``events`` its whole stream."""

    method = "payout.show"
    events: Flag = False


class PayoutResolve(SaleRequest):
    """Decide what nothing else can decide, in two steps, for an operator, as ``operation.resolve`` does of a sale."""

    method = "payout.resolve"
    outlives_caller = True
    resolution: PayoutResolutionWord | None = None
    reason: Explanation | None = None
    transaction_id: TransactionId | None = None
    who: ShortText | None = None
    confirmation: ConfirmationWord | None = None


class AgentStatus(Request):
    """Is the agent well?"""

    method = "agent.status"


class AgentReload(Request):
    """Read the configuration anew and take it over, for an operator."""

    method = "agent.reload"
    outlives_caller = True


class AgentBackup(Request):
    """Write a backup of the journal now, for an operator."""

    method = "agent.backup"
    outlives_caller = True


class AgentRelease(Request):
    """After a restore from a backup: take new checkouts again, for an operator who answers for it."""

    method = "agent.release"
    outlives_caller = True
    reason: Explanation


_ALL: tuple[type[Request], ...] = (
    AvailabilityCreate,
    AvailabilityGet,
    CheckoutCreate,
    CheckoutGet,
    CheckoutQr,
    CheckoutCancel,
    CheckoutConfirm,
    RefundCreate,
    RefundGet,
    ReceiptCreate,
    ReceiptGet,
    OperationLast,
    OperationList,
    OperationShow,
    OperationSlip,
    OperationReport,
    OperationResolve,
    OperationRetry,
    PayoutServices,
    PayoutCreate,
    PayoutGet,
    PayoutCancel,
    PayoutShow,
    PayoutResolve,
    AgentStatus,
    AgentReload,
    AgentBackup,
    AgentRelease,
)
REQUESTS: dict[str, type[Request]] = {request.method: request for request in _ALL}
