"""A payment system as the bank sees it: how its requests read and its answers sound. What moves money is the bank's (``desk``).

A new system is a class with routes and shapes: it says which operation a request asks for, reads it, calls the desk, and writes what came
of it. Faults of the wire, customers, the books, the page behind a link, the control API and the phone's page it gets for nothing. It is
named in ``systems``, once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from agent.sandbox.desk import Desk
from agent.sandbox.faults import Fault, FaultBook
from agent.sandbox.ledger import Ledger
from agent.sandbox.outbox import Change, Message
from agent.sandbox.payouts import Payout, PayoutDesk
from agent.sandbox.settings import BankSettings
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import Answer, Operation, Request


@dataclass(frozen=True, slots=True)
class Inside:
    """What a system works with. ``address_of``: of the page where the customer of a payment with a ``link_id`` pays."""

    settings: BankSettings
    desk: Desk
    faults: FaultBook
    ledger: Ledger
    new_id: Callable[[], str]
    address_of: Callable[[Transaction], str]
    payouts: PayoutDesk


class System(ABC):
    """One payment API. Paths and requests come to it without its ``prefix``."""

    name: str
    """As in the agent's configuration."""

    prefix: str
    """What all its paths begin with: ``/paycore``."""

    @abstractmethod
    def operation_of(self, method: str, path: str) -> Operation | None:
        """What a request asks for; None for what the system does not know, or does not count (a log-out, say)."""

    @abstractmethod
    def answer(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
        """Carry out a request. ``on_time``: not a copy that was held up on its way. Never raises for what a client sends."""

    def names(self, request: Request) -> tuple[str | None, str | None]:
        """The client's own id of a request, and that of the payment it is about, for the list of requests."""
        return None, None

    def fault_answer(self, fault: Fault) -> Answer | None:
        """How the system words a fault of kind UNAUTHORIZED, TOO_MANY or REFUSE_422; None: as the Pay API does."""
        return None

    def message(self, now_ms: int, transaction: Transaction, change: Change, secret: str) -> Message | None:
        """What the system sends by itself when this becomes of a payment, proven by the secret; None: it does not speak of it."""
        return None

    def payout_message(self, now_ms: int, payout: Payout, secret: str) -> Message | None:
        """The same of a payout, for systems that have them."""
        return None

    def payment_at(self, request: Request) -> Transaction | None:
        """The payment whose page stands at an address of the system's own, for systems that make such addresses."""
        return None
