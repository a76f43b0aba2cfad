"""The bank's desk: what each well-formed request does to the transactions, and what time does to them.

A method takes the moment and the parsed body and returns the body of a 200, or raises ``Refused``. Bank faults are taken here, at the
point where they bite. Nothing here knows of HTTP, of requestIds that were seen before, or of the wire.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from agent.sandbox.agenda import Agenda, ChargedAfterCancel, CustomerActs, ReferenceDecided, TurnsPending
from agent.sandbox.customer import Action, Customer, Intention, magic
from agent.sandbox.faults import FaultBook, FaultKind
from agent.sandbox.ledger import EntryKind, Ledger, LedgerEntry, Violation, ViolationKind
from agent.sandbox.receipts import entry
from agent.sandbox.refunds import Forbidden, give_back, parts_of
from agent.sandbox.settings import BankSettings
from agent.sandbox.transaction import PAID, WAITING, Purpose, Reference, Transaction, lines_of
from agent.sandbox.views import Views
from agent.sandbox.words import Code, ErrorCode, Method, Operation, RefStatus, Refused, Status

MAX_QUEUED_CUSTOMERS = 10_000  # a script that queues without end is a mistake
POLL_PAUSE_MS = 250  # vendor's rule: before the first status read and between any two

Document = Mapping[str, Any]


class NotWaiting(ValueError):
    """The customer can decide only about a payment that waits for him."""


class Desk:
    """All transactions and those who act on them."""

    def __init__(self, settings: BankSettings, book: FaultBook, ledger: Ledger, agenda: Agenda, new_id: Callable[[], str]) -> None:
        self._settings = settings
        self._book = book
        self._ledger = ledger
        self._agenda = agenda
        self._new_id = new_id
        self._views = Views(settings, book)
        self._customers: dict[tuple[str, str], deque[Customer]] = {}
        self.default_customer = settings.customer
        self._sessions: dict[str, Transaction] = {}
        self._references: dict[str, Transaction] = {}
        self.transactions: dict[str, Transaction] = {}

    # --- requests ---

    def checkout(self, now_ms: int, document: Document) -> dict[str, Any]:
        session, invoice = document["cardSession"], document["checkoutInvoice"]
        self._check_session(session)
        customer = self._customer(session, invoice["orderId"])
        offered = tuple(dict.fromkeys(Method(method["type"]) for method in document["paymentMethods"]))
        transaction = Transaction(
            id=self._new_id(),
            slip_id=self._new_id(),
            store_id=document["storeId"],
            terminal_id=document["terminalId"],
            order_id=invoice["orderId"],
            card_session=session,
            amount=invoice["totalAmount"],
            method=customer.method if customer.method in offered else offered[0],
            offered=offered,
            merchant_id=self._settings.stores.get(document["storeId"], self._settings.default_merchant_id),
            lines=lines_of(invoice["items"]),
            created_ms=now_ms,
        )
        self.transactions[transaction.id] = self._sessions[session] = transaction
        if transaction.amount < self._settings.minimum_amount:
            transaction.error_code = ErrorCode.TOTAL_AMOUNT_IS_TOO_SMALL
            transaction.move(Status.REJECTED)
        elif customer.action is not Action.WAIT and customer.after_ms == 0:
            self.act(now_ms, transaction, customer)
        else:
            self._agenda.plan(now_ms + self._settings.pending_after_ms, TurnsPending(transaction.id))
            if customer.action is not Action.WAIT:
                transaction.intention = Intention(now_ms + customer.after_ms, customer)
                self._agenda.plan(now_ms + customer.after_ms, CustomerActs(transaction.id, customer))
        return self._views.checkout(now_ms, document, transaction)

    def status(self, now_ms: int, document: Document, *, on_time: bool) -> dict[str, Any]:
        reference_id = document.get("refTransactionId")
        owner = self._references.get(reference_id) if reference_id else self.transactions.get(document["transactionId"])
        if owner is None or document.get("transactionId", owner.id) != owner.id:
            return self._views.absent(document)
        if on_time:
            self._watch_manners(now_ms, document["requestId"], owner)
        if self._book.take(Operation.STATUS, FaultKind.ABSENT_STATUS):
            return self._views.absent(document)
        return self._views.status(now_ms, document, owner, owner.reference(reference_id) if reference_id else None)

    def cancel(self, now_ms: int, document: Document) -> dict[str, Any]:
        transaction = self._find(document["transactionId"])
        refuse = self._book.take(Operation.CANCEL, FaultKind.REFUSE_CANCEL) if transaction.status in WAITING else None
        as_422 = refuse.params["as_422"] if refuse else self._settings.cancel_refusal_as_422 and transaction.status in PAID
        if as_422:
            raise Refused(Code.WRONG_TRANSACTION_STATE_CHANGE)
        reference = self._refer(now_ms, transaction, Purpose.CANCEL, transaction.amount)
        if refuse or transaction.status not in WAITING:
            reference.status = RefStatus.REJECTED
        elif self._settings.cancel_takes_ms:
            self._agenda.plan(now_ms + self._settings.cancel_takes_ms, ReferenceDecided(transaction.id, reference.id))
        else:
            self._settle_cancel(now_ms, transaction, reference)
        return self._views.reference(Operation.CANCEL, now_ms, document, transaction, reference)

    def refund(self, now_ms: int, document: Document) -> dict[str, Any]:
        transaction, amount = self._find(document["transactionId"]), document["refundAmount"]
        try:
            parts = parts_of(transaction, amount, document["items"])
        except Forbidden as refusal:
            reference = self._refer(now_ms, transaction, Purpose.REFUND, amount)
            reference.status, reference.error_code = RefStatus.REJECTED, refusal.error_code
            return self._views.reference(Operation.REFUND, now_ms, document, transaction, reference)
        reference = self._refer(now_ms, transaction, Purpose.REFUND, amount)
        reference.parts = parts
        transaction.move(Status.REFUNDING)
        takes_ms = self._settings.refund_takes_ms
        refuse = self._book.take(Operation.REFUND, FaultKind.REFUSE_REFUND)
        if refuse:
            reference.error_code, takes_ms = ErrorCode(refuse.word("error_code")), refuse.number("after_ms")
        if takes_ms:
            self._agenda.plan(now_ms + takes_ms, ReferenceDecided(transaction.id, reference.id))
        else:
            self._settle_refund(now_ms, transaction, reference)
        return self._views.reference(Operation.REFUND, now_ms, document, transaction, reference)

    def receipt(self, now_ms: int, document: Document) -> None:
        """A fiscal receipt of a payment, or of a refund under either id. Of what was never paid there is none (inferred)."""
        named = document["transactionId"]
        by_reference = self._references.get(named)
        transaction = by_reference or self._find(named)
        if transaction.status not in PAID:
            raise Refused(Code.PAYMENT_TRANSACTION_IS_NOT_PAID)
        self._ledger.file(entry(now_ms, document, transaction.id, named if by_reference else None))

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

    def happen(self, at_ms: int, event: TurnsPending | CustomerActs | ReferenceDecided | ChargedAfterCancel) -> None:
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
                settle = self._settle_cancel if reference.purpose is Purpose.CANCEL else self._settle_refund
                settle(at_ms, transaction, reference)
            case ChargedAfterCancel():
                self._charge(at_ms, transaction)
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
                transaction.move(Status.REJECTED)
                self._charge_silently(at_ms, transaction, Operation.CHECKOUT)
            case Action.CANCEL:
                transaction.move(Status.CANCELED)
                self._book_entry(at_ms, EntryKind.CANCEL, 0, transaction)
                self._charge_silently(at_ms, transaction, Operation.CHECKOUT)
            case Action.WAIT:
                pass
            case _:
                assert_never(customer.action)

    # --- inner workings ---

    def check_session_exists(self, session: str) -> None:
        """Raises Refused."""
        if session in self._settings.refused_sessions or session.startswith(self._settings.refused_prefixes):
            raise Refused(Code.UNKNOWN_SESSION_ID)

    def _check_session(self, session: str) -> None:
        self.check_session_exists(session)
        before = self._sessions.get(session)
        if before is not None:
            paid = before.status in PAID
            raise Refused(Code.TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED if paid else Code.TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS)

    def _customer(self, session: str, order_id: str) -> Customer:
        for key in (("session", session), ("order", order_id)):
            waiting = self._customers.get(key)
            if waiting:
                customer = waiting.popleft()
                if not waiting:
                    del self._customers[key]
                return customer
        return (magic(session) if self._settings.magic_sessions else None) or self.default_customer

    def _watch_manners(self, now_ms: int, request_id: str, transaction: Transaction) -> None:
        before = transaction.created_ms if transaction.last_read_ms is None else transaction.last_read_ms
        pause, transaction.last_read_ms = now_ms - before, now_ms
        if pause < POLL_PAUSE_MS - self._settings.poll_tolerance_ms:
            kind = ViolationKind.POLLED_TOO_SOON
            self._ledger.complain(Violation(now_ms, kind, Operation.STATUS, request_id, f"{transaction.id} after {pause} ms"))

    def _find(self, transaction_id: str) -> Transaction:
        found = self.transactions.get(transaction_id)
        if found is None:
            raise Refused(Code.UNKNOWN_TRANSACTION_ID)
        return found

    def _refer(self, now_ms: int, transaction: Transaction, purpose: Purpose, amount: int) -> Reference:
        reference = Reference(self._new_id(), purpose, amount, now_ms)
        transaction.references.append(reference)
        self._references[reference.id] = transaction
        return reference

    def _charge(self, at_ms: int, transaction: Transaction) -> None:
        hidden = self._book.take(None, FaultKind.ACCEPTED_WITHOUT_SLIP)
        hidden_ms = hidden.number("ms") if hidden else 0
        transaction.slip_from_ms = None if hidden and not hidden_ms else at_ms + hidden_ms
        transaction.operated_ms = at_ms
        transaction.move(Status.ACCEPTED, forced=transaction.status is Status.CANCELED)
        times = 2 if self._book.take(None, FaultKind.DOUBLE_CHARGE) else 1
        for _ in range(times):
            self._book_entry(at_ms, EntryKind.CHARGE, transaction.amount, transaction)

    def _charge_silently(self, at_ms: int, transaction: Transaction, operation: Operation) -> None:
        """The fault that takes the money of a payment which did not come about; its state goes on saying so."""
        if self._book.take(operation, FaultKind.SILENT_CHARGE):
            self._book_entry(at_ms, EntryKind.CHARGE, transaction.amount, transaction)

    def _settle_cancel(self, at_ms: int, transaction: Transaction, reference: Reference) -> None:
        if transaction.status not in WAITING:
            reference.status = RefStatus.REJECTED
            return
        reference.status, reference.at_ms = RefStatus.ACCEPTED, at_ms
        transaction.intention = None
        transaction.move(Status.CANCELED)
        self._book_entry(at_ms, EntryKind.CANCEL, 0, transaction, reference)
        self._charge_silently(at_ms, transaction, Operation.CANCEL)
        paid_later = self._book.take(Operation.CANCEL, FaultKind.CANCEL_THEN_PAID)
        if paid_later:
            self._agenda.plan(at_ms + paid_later.number("after_ms"), ChargedAfterCancel(transaction.id))

    def _settle_refund(self, at_ms: int, transaction: Transaction, reference: Reference) -> None:
        reference.at_ms = at_ms
        if reference.error_code is not None:
            reference.status = RefStatus.REJECTED
            transaction.move(Status.PARTIAL_REFUNDED if transaction.refunded else Status.ACCEPTED)
            return
        give_back(transaction, reference.amount, reference.parts)
        reference.status, reference.slip_id = RefStatus.ACCEPTED, self._new_id()
        transaction.move(Status.PARTIAL_REFUNDED if transaction.left else Status.REFUNDED)
        if not self._book.take(Operation.REFUND, FaultKind.PHANTOM_REFUND):
            self._book_entry(at_ms, EntryKind.REFUND, reference.amount, transaction, reference)

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
            )
        )
