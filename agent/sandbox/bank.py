"""One bank behind several payment APIs, as a pure model: a request and a moment go in, an answer comes out.

``Bank`` is the door of the house: it finds the system (``system``) that a request is for and lets it work; payments, customers and books
are the same for all. It also owns the seam to the wire: ``meet``, ``act``, ``tick`` and ``next_due``, explained in ``delivery``. Ids come
from ``new_id``; time is milliseconds since 1970-01-01 UTC and never runs backwards (an earlier moment counts as the latest one seen). The
same calls with the same ids, moments and chances give the same answers, byte for byte.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.sandbox.agenda import Agenda, LateCopy, PayoutActs
from agent.sandbox.availability import Offer
from agent.sandbox.customer import Customer
from agent.sandbox.delivery import Delivery, Wire, plan
from agent.sandbox.desk import Desk
from agent.sandbox.faults import Fault, FaultBook, FaultKind, Planned
from agent.sandbox.koshelek import Koshelek
from agent.sandbox.ledger import Ledger
from agent.sandbox.outbox import Change, Outbox
from agent.sandbox.payouts import Payout, PayoutDesk, PayoutStatus
from agent.sandbox.settings import BankSettings
from agent.sandbox.system import Inside, System
from agent.sandbox.systems import SYSTEMS, Maker
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import KOSHELEK, Answer, Operation, Request

MAX_LOG = 10_000  # requests kept for inspection; older ones are forgotten
PAY_PATH = "/pay/"  # before the id of a link: the page where its customer pays


@dataclass(frozen=True, slots=True)
class Received:
    """One request that arrived, without anything secret. ``status``: what the bank answered, None when it did not execute it on time."""

    at_ms: int
    system: str
    operation: Operation | None
    request_id: str | None
    transaction_id: str | None
    fault: FaultKind | None
    executed: int
    status: int | None


class Bank:
    """One bank with one client. ``chance`` (numbers in [0, 1)) is needed only for faults with a probability. ``address``: what the links
    begin with that it gives out; may be set. ``outbox``: what it wants to tell by itself. Raises ValueError for webhooks of no system."""

    def __init__(
        self,
        settings: BankSettings,
        new_id: Callable[[], str],
        chance: Callable[[], float] | None = None,
        *,
        systems: Sequence[Maker] = SYSTEMS,
    ) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self.log: deque[Received] = deque(maxlen=MAX_LOG)
        self.address = "http://127.0.0.1"
        self._now_ms = 0
        self._agenda = Agenda()
        self._faults = FaultBook(chance)
        self.outbox = Outbox(settings.webhooks, self._faults)
        self._desk = Desk(settings, self._faults, self.ledger, self._agenda, new_id, self._tell)
        self._payouts = PayoutDesk(self.ledger, self._agenda, self._tell_of_payout)
        inside = Inside(settings, self._desk, self._faults, self.ledger, new_id, self.address_of, self._payouts)
        self.systems = {system.name: system for system in (make(inside) for make in systems)}
        if strangers := settings.webhooks.keys() - self.systems.keys():
            raise ValueError(f"there is no system {', '.join(sorted(strangers))}, only {', '.join(self.systems)}")

    # --- the wire ---

    def meet(self, now_ms: int, method: str, path: str) -> Delivery:
        """What the wire does with a request that arrives now. Uses up the faults that hit it: call once per request."""
        system = self._system_at(path)
        return self.plan(now_ms, system.operation_of(method, path.removeprefix(system.prefix)), system.name)

    def plan(self, now_ms: int, operation: Operation | None, system: str = KOSHELEK) -> Delivery:
        """The same of a request of which is known what it asks for."""
        return plan(self._faults, self._advance(now_ms), operation, system, self.systems[system].fault_answer)

    def act(
        self, now_ms: int, delivery: Delivery, method: str, path: str, headers: Mapping[str, str], body: bytes, query: str = ""
    ) -> Answer | None:
        """Carry out the bank's part of a delivery. Returns what goes on the wire; None: nothing does."""
        now_ms = self._advance(now_ms)
        request = Request(method, path, headers, body, query)
        on_time = delivery.before_ms == 0
        answers = [self._execute(now_ms, request, on_time=on_time) for _ in range(delivery.execute)]
        if delivery.late_ms is not None:
            self._agenda.plan(now_ms + delivery.late_ms, LateCopy(request))
        self._note(now_ms, delivery, request, answers[0].status if answers else None)
        if delivery.refuse or delivery.wire is Wire.NONE:
            return None
        return delivery.instead or (answers[0] if answers else None)

    def handle(self, now_ms: int, method: str, path: str, headers: Mapping[str, str], body: bytes, query: str = "") -> Answer:
        """Execute one request now, past all wire faults. Never raises for what a client sends."""
        return self._execute(self._advance(now_ms), Request(method, path, headers, body, query), on_time=True)

    def tick(self, now_ms: int) -> None:
        """Let happen what is due by now: customers, slow cancels and refunds, late copies. Every other call does it as well."""
        self._advance(now_ms)

    def next_due(self) -> int | None:
        """When something will happen next by itself; None: never."""
        return self._agenda.next_due()

    # --- the director's side ---

    def queue_customer(self, customer: Customer, *, order_id: str | None = None, card_session: str | None = None) -> None:
        """The next checkout of this order or of this card session meets this customer. Raises ValueError."""
        self._desk.queue(customer, order_id=order_id, card_session=card_session)

    def queued_customers(self) -> list[tuple[str | None, str | None, Customer]]:
        """(order, card session, customer) of those who have not come yet."""
        return self._desk.queued()

    def send_customers_away(self) -> None:
        """Nobody is queued any more."""
        self._desk.send_away()

    @property
    def default_customer(self) -> Customer:
        """Who comes when nobody is queued and the card session says nothing. May be set."""
        return self._desk.default_customer

    @default_customer.setter
    def default_customer(self, customer: Customer) -> None:
        self._desk.default_customer = customer

    @property
    def offer(self) -> Offer:
        """What a till of Koshelek is told that asks for the means of payment. May be set."""
        return self._koshelek.availability.offer

    @offer.setter
    def offer(self, offer: Offer) -> None:
        self._koshelek.availability.offer = offer

    def decide(self, now_ms: int, transaction_id: str, customer: Customer) -> Transaction:
        """The customer of a waiting payment decides now (``after_ms`` is ignored). Raises KeyError, NotWaiting, and ValueError for a method
        that the till did not offer."""
        now_ms = self._advance(now_ms)
        transaction = self._desk.transactions[transaction_id]
        if customer.method is not None and customer.method not in transaction.offered:
            raise ValueError(f"{customer.method} was not offered, only {', '.join(transaction.offered) or 'a page'}")
        self._desk.act(now_ms, transaction, customer)
        return transaction

    def decide_reference(self, now_ms: int, reference_id: str, error_code: str | None = None) -> Transaction:
        """People decide about a cancel or refund that is still ``new``: done, or refused with a code. Raises KeyError, NotWaiting."""
        return self._desk.decide_reference(self._advance(now_ms), reference_id, error_code)

    def transactions(self) -> list[Transaction]:
        """All payments, oldest first. To look at, not to change."""
        return list(self._desk.transactions.values())

    def transaction(self, transaction_id: str) -> Transaction:
        """Raises KeyError."""
        return self._desk.transactions[transaction_id]

    def payouts(self) -> list[Payout]:
        """All payouts, oldest first. To look at, not to change."""
        return list(self._payouts.payouts.values())

    def move_payout(self, now_ms: int, payout_id: str, to: PayoutStatus) -> Payout:
        """What becomes of a payout is decided by hand. Raises KeyError, PayoutFinal."""
        payout = self._payouts.payouts[payout_id]
        self._payouts.move(self._advance(now_ms), payout, to)
        return payout

    def address_of(self, transaction: Transaction) -> str:
        """Where the customer of a payment pays that has a page."""
        return f"{self.address}{PAY_PATH}{transaction.link_id}"

    def payment_at(self, method: str, path: str, query: str = "") -> Transaction | None:
        """The payment whose page stands at an address: the bank's own, or one that its system made."""
        if path.startswith(PAY_PATH):
            return self._desk.by_link(path.removeprefix(PAY_PATH))
        system = self._system_at(path)
        return system.payment_at(Request(method, path.removeprefix(system.prefix), {}, b"", query))

    def add_fault(self, now_ms: int, fault: Fault) -> int:
        """Plan a fault; an outage begins now. Returns its id. Raises ValueError."""
        if fault.system is not None and fault.system not in self.systems:
            raise ValueError(f"there is no system {fault.system}, only {', '.join(self.systems)}")
        return self._faults.add(self._advance(now_ms), fault)

    def clear_faults(self, fault_id: int | None = None) -> None:
        """Drop one planned fault; without an id all of them, and end the outage."""
        self._faults.clear(fault_id)

    def end_outage(self) -> None:
        self._faults.outage_until_ms = None

    def faults(self) -> list[Planned]:
        return self._faults.planned()

    def outage_until_ms(self) -> int | None:
        """The end of the latest outage; it may have passed."""
        return self._faults.outage_until_ms

    # --- inner workings ---

    @property
    def _koshelek(self) -> Koshelek:
        found = self.systems[KOSHELEK]
        assert isinstance(found, Koshelek)
        return found

    def _system_at(self, path: str) -> System:
        """The system whose prefix a path has; all others are Koshelek's, in whose paths any partner's name may stand first."""
        return next((one for one in self.systems.values() if one.prefix and path.startswith(f"{one.prefix}/")), self._koshelek)

    def _tell(self, now_ms: int, transaction: Transaction, change: Change) -> None:
        system = self.systems[transaction.system]
        self.outbox.put(now_ms, system.name, transaction.id, lambda secret: system.message(now_ms, transaction, change, secret))

    def _tell_of_payout(self, now_ms: int, payout: Payout) -> None:
        system = self.systems[payout.system]
        self.outbox.put(now_ms, system.name, payout.id, lambda secret: system.payout_message(now_ms, payout, secret))

    def _advance(self, now_ms: int) -> int:
        self._now_ms = max(self._now_ms, now_ms)
        for at_ms, event in self._agenda.due(self._now_ms):
            match event:
                case LateCopy():
                    self._execute(at_ms, event.request, on_time=False)
                case PayoutActs():
                    self._payouts.happen(at_ms, event)
                case _:
                    self._desk.happen(at_ms, event)
        return self._now_ms

    def _execute(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
        system = self._system_at(request.path)
        return system.answer(now_ms, replace(request, path=request.path.removeprefix(system.prefix)), on_time=on_time)

    def _note(self, now_ms: int, delivery: Delivery, request: Request, status: int | None) -> None:
        system = self._system_at(request.path)
        inner = replace(request, path=request.path.removeprefix(system.prefix))
        request_id, transaction_id = system.names(inner)
        self.log.append(
            Received(
                at_ms=now_ms,
                system=system.name,
                operation=system.operation_of(request.method, inner.path),
                request_id=request_id,
                transaction_id=transaction_id,
                fault=delivery.fault,
                executed=delivery.execute,
                status=status,
            )
        )
