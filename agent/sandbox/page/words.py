"""What the page says: amounts, times, and a name for every value that the control API knows only by its code."""

from collections.abc import Mapping
from datetime import UTC, datetime

from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import OF_MESSAGES, Fault, FaultKind
from agent.sandbox.transaction import Purpose, Transaction
from agent.sandbox.words import Method, Operation, RefStatus, Status
from agent.texts import N_
from agent.web import tongue

STATUSES: Mapping[Status, str] = {
    Status.NEW: N_("on its way to the phone"),
    Status.PENDING: N_("waits for the customer"),
    Status.ACCEPTED: N_("paid"),
    Status.REJECTED: N_("declined"),
    Status.CANCELED: N_("canceled"),
    Status.REFUNDING: N_("being returned"),
    Status.REFUNDED: N_("returned"),
    Status.PARTIAL_REFUNDED: N_("partly returned"),
    Status.EXPIRED: N_("not paid in time"),
}
PURPOSES: Mapping[Purpose, str] = {Purpose.CANCEL: N_("Cancel"), Purpose.REFUND: N_("Return")}
REF_STATUSES: Mapping[RefStatus, str] = {
    RefStatus.NEW: N_("in progress"),
    RefStatus.ACCEPTED: N_("done"),
    RefStatus.REJECTED: N_("refused"),
}
METHODS: Mapping[Method, str] = {Method.SBP: N_("SBP"), Method.DOLYAME: N_("Dolyame")}
PAY_WITH: Mapping[Method, str] = {Method.SBP: N_("Pay with SBP"), Method.DOLYAME: N_("Pay with Dolyame")}
SYSTEMS: Mapping[str, str] = {  # names of firms: the same in every language
    "koshelek": "Koshelek Pay",
    "paycore": "PayCore.io",
    "softline": "Softline Payments",
    "payconnect": "PayConnect",
}
ACTIONS: Mapping[Action, str] = {
    Action.CONFIRM: N_("pays"),
    Action.DECLINE: N_("is declined"),
    Action.CANCEL: N_("cancels in the app"),
    Action.WAIT: N_("does nothing"),
}
OPERATIONS: Mapping[Operation, str] = {
    Operation.CHECKOUT: N_("a payment"),
    Operation.STATUS: N_("a status read"),
    Operation.CANCEL: N_("a cancel"),
    Operation.REFUND: N_("a return"),
    Operation.RECEIPT: N_("a receipt"),
    Operation.AVAILABILITY: N_("a question for the means of payment"),
    Operation.AVAILABILITY_LOOK: N_("a look whether their list is there"),
    Operation.FIND: N_("a search for a payment"),
    Operation.LOGIN: N_("a login"),
    Operation.PAYOUT: N_("a payout"),
    Operation.PAYOUT_STATUS: N_("a status read of a payout"),
    Operation.PAYOUT_FIND: N_("a search for a payout"),
}
FAULTS: Mapping[str, Mapping[FaultKind, str]] = {
    N_("On the wire"): {
        FaultKind.LOSE_REQUEST: N_("The request is lost"),
        FaultKind.LOSE_ANSWER: N_("The answer is lost"),
        FaultKind.DELAY: N_("The answer comes late"),
        FaultKind.LATE_FIRST_COPY: N_("The request is carried out much later"),
        FaultKind.DUPLICATE: N_("The request arrives twice"),
        FaultKind.ERROR_5XX: N_("Server error"),
        FaultKind.GARBAGE: N_("Bytes that are no JSON"),
        FaultKind.HTML: N_("A web page in place of the answer"),
        FaultKind.TRUNCATED: N_("The answer breaks off"),
        FaultKind.DRIP: N_("The answer drips byte by byte"),
        FaultKind.OUTAGE: N_("Out of reach"),
        FaultKind.UNAUTHORIZED: N_("Login not accepted"),
        FaultKind.TOO_MANY: N_("Too many requests"),
        FaultKind.REFUSE_422: N_("Refused with a code"),
    },
    N_("In the bank"): {
        FaultKind.STALE_STATUS: N_("The status read shows the state before"),
        FaultKind.ABSENT_STATUS: N_("The status read does not find the payment"),
        FaultKind.FORGET_REQUEST_IDS: N_("All request ids are forgotten"),
        FaultKind.REFUSE_REFUND: N_("The return is refused"),
        FaultKind.REFUSE_CANCEL: N_("The cancel is refused"),
        FaultKind.CANCEL_THEN_PAID: N_("Paid after the cancel all the same"),
        FaultKind.ACCEPTED_WITHOUT_SLIP: N_("Paid, but no slip yet"),
        FaultKind.UNKNOWN_STATUS_VALUE: N_("A state nobody knows"),
        FaultKind.EXTRA_FIELDS: N_("Fields nobody knows"),
        FaultKind.WRONG_AMOUNT: N_("Another amount on the slip"),
        FaultKind.WRONG_ORDER: N_("Another order on the slip"),
        FaultKind.WRONG_CURRENCY: N_("Another currency on the slip"),
    },
    N_("A bank that does wrong in silence"): {
        FaultKind.PHANTOM_REFUND: N_("A return is promised, but no money moves"),
        FaultKind.DOUBLE_CHARGE: N_("Charged twice"),
        FaultKind.SILENT_CHARGE: N_("Charged although declined or canceled"),
    },
    N_("In its messages"): {
        FaultKind.LOSE_MESSAGE: N_("The message is lost"),
        FaultKind.DUPLICATE_MESSAGE: N_("The message is sent twice"),
        FaultKind.DELAY_MESSAGE: N_("The message comes late"),
        FaultKind.REORDER_MESSAGES: N_("The message goes behind the next one"),
        FaultKind.FORGE_MESSAGE: N_("The message is forged"),
    },
}
PARAMETERS: Mapping[str, str] = {
    "ms": N_("Milliseconds"),
    "hang_ms": N_("Silence before the end, ms"),
    "after_ms": N_("So much later, ms"),
    "before": N_("Carried out late as well"),
    "status": N_("HTTP status"),
    "executed": N_("Carried out"),
    "retry_after_s": N_("Try again after, s"),
    "size_bytes": N_("Size, bytes"),
    "percent": N_("How much arrives, percent"),
    "code": N_("Code"),
    "error_code": N_("Code of the refusal"),
    "as_422": N_("As HTTP 422"),
    "value": N_("Word"),
    "field": N_("Field"),
    "delta": N_("Kopecks more"),
    "order_id": N_("Order"),
    "currency": N_("Currency"),
}


class Tongue(tongue.Tongue):
    """A language to speak, with the names above."""

    __slots__ = ()

    def moment(self, at_ms: int) -> str:
        """The time of day where the sandbox runs."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%H:%M:%S")

    def hit(self, fault: Fault) -> str | None:
        """What a fault hits; None where its kind says so."""
        return None if fault.kind in OF_MESSAGES else self.operation(fault.operation)

    def operation(self, operation: Operation | None) -> str:
        """What a fault hits; a code without a name here is shown as it is."""
        return self(N_("any request")) if operation is None else self(OPERATIONS.get(operation, operation))

    def means(self, transaction: Transaction) -> str:
        """The payment system, and what the customer pays with where it is known."""
        name = SYSTEMS.get(transaction.system, transaction.system)
        return name if transaction.method is None else f"{name}, {self(METHODS[transaction.method])}"

    def fault(self, kind: FaultKind) -> str:
        return self(next((group[kind] for group in FAULTS.values() if kind in group), kind))

    def customer(self, customer: Customer) -> str:
        """What he does, in a few words, with the codes that a programmer looks for."""
        details: list[str] = []
        if customer.action is Action.DECLINE:
            details.append(customer.error_code)
        if customer.action is Action.CONFIRM and customer.method is not None:
            details.append(self(METHODS[customer.method]))
        if customer.action is not Action.WAIT:
            details.append(self(N_("after {seconds} s"), seconds=self.seconds(customer.after_ms)))
        return " · ".join([self(ACTIONS[customer.action]), *details])

    def seconds(self, milliseconds: int) -> str:
        whole, part = divmod(milliseconds, 1000)
        return f"{whole}.{part:03d}".rstrip("0") if part else str(whole)
