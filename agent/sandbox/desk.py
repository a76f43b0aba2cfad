"""The bank's desk: payments, whoever's system they came through, and what customers, tills and time do to them.

A system (``system``) reads a request, lets the desk do it, and writes the answer in its own words. Bank faults are taken here, at the
point where they bite. Nothing here knows of HTTP, of shapes, or of the wire.
"""

from collections import deque
from collections.abc import Callable
from typing import assert_never

from agent.sandbox.agenda import Agenda, ChargedAfterCancel, CustomerActs, LinkExpires, OfPayment, ReferenceDecided, TurnsPending
from agent.sandbox.customer import Action, Customer, Intention, magic
from agent.sandbox.faults import Fault, FaultBook, FaultKind
from agent.sandbox.ledger import EntryKind, Ledger, LedgerEntry
from agent.sandbox.outbox import Change
from agent.sandbox.refunds import check, give_back
from agent.sandbox.settings import BankSettings
from agent.sandbox.transaction import WAITING, Part, Purpose, Reference, Transaction
from agent.sandbox.words import Operation, RefStatus, Status

MAX_QUEUED_CUSTOMERS = 10_000  # a script that queues without end is a mistake


class NotWaiting(ValueError):
    """What waits for nobody any more cannot be decided."""


class Desk:
    """All transactions and those who act on them. ``tell`` hears what becomes of a payment, once that is so."""

    def __init__(
        self,
        settings: BankSettings,
        book: FaultBook,
        ledger: Ledger,
        agenda: Agenda,
        new_id: Callable[[], str],
        tell: Callable[[int, Transaction, Change], None],
    ) -> None:
        self._settings = settings
        self._book = book
        self._ledger = ledger
        self._agenda = agenda
        self._new_id = new_id
        self._tell = tell
        self._customers: dict[tuple[str, str], deque[Customer]] = {}
        self.default_customer = settings.customer
        self._references: dict[str, Transaction] = {}
        self._links: dict[str, Transaction] = {}
        self._keys: dict[tuple[str, str], list[Transaction]] = {}
        self.transactions: dict[str, Transaction] = {}

    # --- for the systems ---

    def take_in(self, now_ms: int, transaction: Transaction, customer: Customer, *, refused: str | None = None) -> None:
        """A payment begins, and its customer with it. ``refused``: the bank turns it down at once, with this code."""
        self.transactions[transaction.id] = transaction
        if transaction.link_id:
            self._links[transaction.link_id] = transaction
        if transaction.key:
            self._keys.setdefault((transaction.system, transaction.key), []).append(transaction)
        self._tell(now_ms, transaction, Change.CREATED)
        if refused is not None:
            transaction.error_code = refused
            transaction.move(Status.REJECTED)
            self._tell(now_ms, transaction, Change.DECLINED)
            return
        if transaction.expires_ms is not None:
            self._agenda.plan(transaction.expires_ms, LinkExpires(transaction.id))
        if customer.action is not Action.WAIT and customer.after_ms == 0:
            self.act(now_ms, transaction, customer)
            return
        self._agenda.plan(now_ms + self._settings.pending_after_ms, TurnsPending(transaction.id))
        if customer.action is not Action.WAIT:
            transaction.intention = Intention(now_ms + customer.after_ms, customer)
            self._agenda.plan(now_ms + customer.after_ms, CustomerActs(transaction.id, customer))

    def next_customer(self, order_id: str, card_session: str | None = None) -> Customer:
        """Who comes with this payment. He is taken from the queue: ask once per payment."""
        for key in (("session", card_session), ("order", order_id)):
            waiting = self._customers.get((key[0], key[1] or ""))
            if waiting:
                customer = waiting.popleft()
                if not waiting:
                    del self._customers[key[0], key[1] or ""]
                return customer
        known = magic(card_session) if card_session is not None and self._settings.magic_sessions else None
        return known or self.default_customer

    def find(self, transaction_id: str, system: str) -> Transaction | None:
        """A payment of this system."""
        found = self.transactions.get(transaction_id)
        return found if found is not None and found.system == system else None

    def by_key(self, key: str, system: str) -> list[Transaction]:
        """The payments of this system that were made with a key of the client's, oldest first."""
        return list(self._keys.get((system, key), ()))

    def by_reference(self, reference_id: str) -> Transaction | None:
        """The payment that a cancel or refund belongs to."""
        return self._references.get(reference_id)

    def by_link(self, link_id: str) -> Transaction | None:
        """The payment whose page this is."""
        return self._links.get(link_id)

    def cancel(self, now_ms: int, transaction: Transaction, *, refuse: Fault | None = None) -> Reference:
        """Cancel, at once or after a while; a payment that does not wait any more gives a rejected reference, and so does a fault."""
        reference = self._refer(now_ms, transaction, Purpose.CANCEL, transaction.amount)
        if refuse or transaction.status not in WAITING:
            reference.status = RefStatus.REJECTED
        elif self._settings.cancel_takes_ms:
            self._agenda.plan(now_ms + self._settings.cancel_takes_ms, ReferenceDecided(transaction.id, reference.id))
        else:
            self._settle_cancel(now_ms, transaction, reference)
        return reference

    def refund(
        self,
        now_ms: int,
        transaction: Transaction,
        amount: int,
        parts: tuple[Part, ...] = (),
        *,
        key: str = "",
    ) -> Reference:
        """Give money back, at once, after a while, or when people say so (``decide_reference``). Raises Forbidden."""
        check(transaction, amount)
        reference = self._refer(now_ms, transaction, Purpose.REFUND, amount)
        reference.parts, reference.key = parts, key
        transaction.move(Status.REFUNDING)
        takes_ms = self._settings.refund_takes_ms
        refuse = self._book.take(Operation.REFUND, FaultKind.REFUSE_REFUND, system=transaction.system)
        if refuse:
            reference.error_code, takes_ms = refuse.word("error_code"), refuse.number("after_ms")
        if transaction.by_people and not refuse:
            return reference
        if takes_ms:
            self._agenda.plan(now_ms + takes_ms, ReferenceDecided(transaction.id, reference.id))
        else:
            self._settle_refund(now_ms, transaction, reference)
        return reference

    def refuse_refund(self, now_ms: int, transaction: Transaction, amount: int, error_code: str) -> Reference:
        """A refund that breaks a rule leaves its trace all the same."""
        reference = self._refer(now_ms, transaction, Purpose.REFUND, amount)
        reference.status, reference.error_code = RefStatus.REJECTED, error_code
        return reference

    # --- people and time ---

    def queue(self, customer: Customer, *, order_id: str | None = None, card_session: str | None = None) -> None:
        """The next checkout of this order or card session meets this customer."""
        if (order_id is None) == (card_session is None):
            raise ValueError("a customer is queued either for an order or for a card session")
        if sum(len(queue) for queue in self._customers.values()) >= MAX_QUEUED_CUSTOMERS:
            raise ValueError(f"more than {MAX_QUEUED_CUSTOMERS} customers are queued")
        key = ("order", order_id) if order_id is not None else ("session", card_session or "")
        self._customers.setdefault(key, deque()).append(customer)

    def queued(self) -> list[tuple[str | None, str | None, Customer]]:
        """Who was queued and has not come yet: (order, card session, customer), of which one of the first two is None."""
        return [
            (name if kind == "order" else None, name if kind == "session" else None, customer)
            for (kind, name), waiting in self._customers.items()
            for customer in waiting
        ]

    def send_away(self) -> None:
        """Nobody is queued any more."""
        self._customers.clear()

    def happen(self, at_ms: int, event: OfPayment) -> None:
        """Something that was planned takes place, unless it was overtaken."""
        transaction = self.transactions[event.transaction_id]
        match event:
            case TurnsPending():
                if transaction.status is Status.NEW:
                    transaction.move(Status.PENDING)
            case CustomerActs(customer=customer):
                if transaction.status in WAITING and transaction.intention is not None:
                    self.act(at_ms, transaction, customer)
            case ReferenceDecided(reference_id=reference_id):
                reference = transaction.reference(reference_id)
                assert reference is not None
                self._settle(at_ms, transaction, reference)
            case ChargedAfterCancel():
                self._charge(at_ms, transaction)
            case LinkExpires():
                if transaction.status in WAITING:
                    transaction.intention = None
                    transaction.move(Status.EXPIRED)
                    self._tell(at_ms, transaction, Change.EXPIRED)
            case _:
                assert_never(event)

    def act(self, at_ms: int, transaction: Transaction, customer: Customer) -> None:
        """The customer decides now, whatever he was going to do; to WAIT is to do nothing from now on. A method that was not offered does
        not count. Raises NotWaiting."""
        if transaction.status not in WAITING:
            raise NotWaiting(f"{transaction.id} is {transaction.status}, it waits for nobody")
        transaction.intention = None
        match customer.action:
            case Action.CONFIRM:
                if customer.method in transaction.offered:
                    transaction.method = customer.method
                if transaction.status is Status.NEW:
                    transaction.move(Status.PENDING)
                self._charge(at_ms, transaction)
            case Action.DECLINE:
                transaction.error_code = customer.error_code
                transaction.operated_ms = transaction.slip_from_ms = at_ms
                self._turned_down(at_ms, transaction, Status.REJECTED)
            case Action.CANCEL:
                self._turned_down(at_ms, transaction, Status.CANCELED)
            case Action.WAIT:
                pass
            case _:
                assert_never(customer.action)

    def decide_reference(self, at_ms: int, reference_id: str, error_code: str | None) -> Transaction:
        """What people decide about a cancel or refund that is still ``new``: done, or refused with this code. Raises KeyError,
        NotWaiting."""
        transaction = self._references[reference_id]
        reference = transaction.reference(reference_id)
        assert reference is not None
        if reference.status is not RefStatus.NEW:
            raise NotWaiting(f"{reference_id} is {reference.status}")
        reference.error_code = error_code
        self._settle(at_ms, transaction, reference)
        return transaction

    # --- inner workings ---

    def _turned_down(self, at_ms: int, transaction: Transaction, to: Status) -> None:
        """The customer does not pay: the end of the payment, or, where the page lets him try again, of this try."""
        if transaction.patient:
            self._tell(at_ms, transaction, Change.FAILED_TRY)
            return
        transaction.move(to)
        if to is Status.CANCELED:
            self._book_entry(at_ms, EntryKind.CANCEL, 0, transaction)
        self._charge_silently(at_ms, transaction, Operation.CHECKOUT)
        self._tell(at_ms, transaction, Change.CANCELED if to is Status.CANCELED else Change.DECLINED)

    def _refer(self, now_ms: int, transaction: Transaction, purpose: Purpose, amount: int) -> Reference:
        reference = Reference(self._new_id(), purpose, amount, now_ms)
        transaction.references.append(reference)
        self._references[reference.id] = transaction
        return reference

    def _charge(self, at_ms: int, transaction: Transaction) -> None:
        hidden = self._book.take(None, FaultKind.ACCEPTED_WITHOUT_SLIP, system=transaction.system)
        hidden_ms = hidden.number("ms") if hidden else 0
        transaction.slip_from_ms = None if hidden and not hidden_ms else at_ms + hidden_ms
        transaction.operated_ms = at_ms
        transaction.move(Status.ACCEPTED, forced=transaction.status is Status.CANCELED)
        times = 2 if self._book.take(None, FaultKind.DOUBLE_CHARGE, system=transaction.system) else 1
        for _ in range(times):
            self._book_entry(at_ms, EntryKind.CHARGE, transaction.amount, transaction)
        self._tell(at_ms, transaction, Change.PAID)

    def _charge_silently(self, at_ms: int, transaction: Transaction, operation: Operation) -> None:
        """The fault that takes the money of a payment which did not come about; its state goes on saying so."""
        if self._book.take(operation, FaultKind.SILENT_CHARGE, system=transaction.system):
            self._book_entry(at_ms, EntryKind.CHARGE, transaction.amount, transaction)

    def _settle(self, at_ms: int, transaction: Transaction, reference: Reference) -> None:
        settle = self._settle_cancel if reference.purpose is Purpose.CANCEL else self._settle_refund
        settle(at_ms, transaction, reference)

    def _settle_cancel(self, at_ms: int, transaction: Transaction, reference: Reference) -> None:
        if transaction.status not in WAITING:
            reference.status = RefStatus.REJECTED
            return
        reference.status, reference.at_ms = RefStatus.ACCEPTED, at_ms
        transaction.intention = None
        transaction.move(Status.CANCELED)
        self._book_entry(at_ms, EntryKind.CANCEL, 0, transaction, reference)
        self._charge_silently(at_ms, transaction, Operation.CANCEL)
        paid_later = self._book.take(Operation.CANCEL, FaultKind.CANCEL_THEN_PAID, system=transaction.system)
        if paid_later:
            self._agenda.plan(at_ms + paid_later.number("after_ms"), ChargedAfterCancel(transaction.id))
        self._tell(at_ms, transaction, Change.CANCELED)

    def _settle_refund(self, at_ms: int, transaction: Transaction, reference: Reference) -> None:
        reference.at_ms = at_ms
        if reference.error_code is not None:
            reference.status = RefStatus.REJECTED
            transaction.move(Status.PARTIAL_REFUNDED if transaction.refunded else Status.ACCEPTED)
            self._tell(at_ms, transaction, Change.REFUND_REFUSED)
            return
        give_back(transaction, reference.amount, reference.parts)
        reference.status, reference.slip_id = RefStatus.ACCEPTED, self._new_id()
        transaction.move(Status.PARTIAL_REFUNDED if transaction.left else Status.REFUNDED)
        if not self._book.take(Operation.REFUND, FaultKind.PHANTOM_REFUND, system=transaction.system):
            self._book_entry(at_ms, EntryKind.REFUND, reference.amount, transaction, reference)
        self._tell(at_ms, transaction, Change.REFUNDED)

    def _book_entry(self, at_ms: int, kind: EntryKind, amount: int, transaction: Transaction, reference: Reference | None = None) -> None:
        self._ledger.book(
            LedgerEntry(
                at_ms=at_ms,
                kind=kind,
                amount=amount,
                store_id=transaction.store_id,
                terminal_id=transaction.terminal_id,
                order_id=transaction.order_id,
                transaction_id=transaction.id,
                ref_transaction_id=reference.id if reference else None,
                system=transaction.system,
            )
        )
