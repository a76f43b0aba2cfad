"""The sale: the state that a stream of events folds into. What may change it, and how, stands in ``fold``."""

from dataclasses import dataclass
from datetime import date

from agent.core import events
from agent.core.call import Call
from agent.core.delivery import Delivery
from agent.core.events import CancelCause
from agent.core.model import Binding, Checkout, Deadline, PaymentLink, SaleId, Slip, Stamp
from agent.core.money import Kopecks
from agent.core.payment import FINISHED, PaymentState
from agent.core.refund import Refund, RefundState
from agent.core.verdict import Operation

CHECKOUT_CALL = "checkout"
CANCEL_CALL = "cancel"
REFUND_CALL = "refund"
RECEIPT_CALL = "receipt"


@dataclass(frozen=True, slots=True)
class Sale:
    """Everything that is known of one sale. Made by ``fold`` alone."""

    id: SaleId
    checkout: Checkout
    binding: Binding
    business_date: date
    accepted: Stamp
    deadline: Deadline
    updated: Stamp
    position: int = 1  # events folded so far
    payment: PaymentState = PaymentState.QUEUED
    reason: str | None = None
    call: Call | None = None
    searches: int = 0  # by our own key, that found nothing since an attempt was last lost
    searched: Stamp | None = None
    transaction_id: str | None = None
    link: PaymentLink | None = None
    answered: Stamp | None = None  # the provider's first answer: the wait limit runs from here
    charge_seen: Stamp | None = None
    slip: Slip | None = None
    cancel_cause: CancelCause | None = None
    cancel_by_pos: bool = False
    cancel_call: Call | None = None
    cancel_answered: Stamp | None = None
    cancels_closed: int = 0
    cancel_refs: frozenset[str] = frozenset()
    ended: Stamp | None = None  # when the payment state last became finished or attention
    charged: bool = False  # the provider said that money was taken
    withdrawn: bool = False
    late_money: bool = False
    rereads: int = 0
    watch_over: bool = False
    told: events.Told | None = None
    told_at: Stamp | None = None
    confirmed: bool = False
    restored: bool = False
    restore: str = ""  # the restore that it was last marked for by a start
    alarms: frozenset[str] = frozenset()
    acknowledged: frozenset[str] = frozenset()  # alarms that an operator has seen
    decided: events.Resolved | None = None  # how an operator ended the payment
    refunds: tuple[Refund, ...] = ()
    deliveries: tuple[Delivery, ...] = ()

    @property
    def amount(self) -> Kopecks:
        return self.checkout.invoice.total_amount

    @property
    def finished(self) -> bool:
        return self.payment in FINISHED

    @property
    def frozen(self) -> bool:
        """Its end was handed out, or decided by an operator: evidence that comes later does not change it."""
        return self.told is not None or self.decided is not None

    @property
    def never_sent(self) -> bool:
        """Proof that no byte of the checkout ever left (money rule 2)."""
        return not self.restored and (self.call is None or self.call.proven_unsent)

    @property
    def unoffered(self) -> bool:
        """Its request makes no payment, and the link by which the customer would make it never went out: nothing can have been paid."""
        searching = self.call is not None and self.call.request.operation is Operation.FIND
        return searching and self.link is None and self.transaction_id is None and not self.restored

    @property
    def refund_held(self) -> int:
        """Kopecks that refunds have taken, are taking or may have taken."""
        return sum(one.amount for one in self.refunds if one.counted)

    @property
    def refunded(self) -> int:
        return sum(one.amount for one in self.refunds if one.state is RefundState.REFUNDED)

    def refund(self, key: str) -> Refund | None:
        return next((one for one in self.refunds if one.key == key), None)

    def delivery(self, key: str) -> Delivery | None:
        """The fiscal receipt of this number."""
        return next((one for one in self.deliveries if one.key == key), None)

    def active_refund(self) -> Refund | None:
        """The refund at work: one at a time, in the order they were asked for."""
        return next((one for one in self.refunds if one.unsettled), None)
