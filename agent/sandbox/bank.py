"""The Pay API as a pure model: a request and a moment go in, an answer comes out.

``Bank`` is the door of the house. It checks who comes in and in what form (``strict``), hands a repeat its first answer
(``memory``) and lets the ``desk`` work. It also owns the seam to the wire: ``plan``, ``act``, ``tick`` and ``next_due``, explained in
``delivery``. Ids come from ``new_id``; time is milliseconds since 1970-01-01 UTC and never runs backwards (an earlier moment
counts as the latest one seen). The same calls with the same ids, moments and chances give the same answers, byte for byte.
"""

import base64
import binascii
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from agent.sandbox.agenda import Agenda, LateCopy
from agent.sandbox.availability import AvailabilityDesk, Offer
from agent.sandbox.customer import Customer
from agent.sandbox.delivery import Delivery, Wire, denied, plan
from agent.sandbox.desk import Desk
from agent.sandbox.faults import Fault, FaultBook, FaultKind, Planned
from agent.sandbox.ledger import Ledger, Violation, ViolationKind
from agent.sandbox.memory import Remembered, RequestMemory
from agent.sandbox.reading import parse
from agent.sandbox.settings import BankSettings
from agent.sandbox.strict import Strict
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import API_PREFIX, EMPTY, LOOK_PATH, PATHS, Answer, Code, Operation, Refused, Request, json_answer, refusal

MAX_LOG = 10_000  # requests kept for inspection; older ones are forgotten
_LOOK = re.compile(rf"{LOOK_PATH}(?P<name>[^/]+)")
_PATH = re.compile(rf"(?:/(?P<partner>[^/]+))?{API_PREFIX}(?P<rest>.+)")


@dataclass(frozen=True, slots=True)
class Received:
    """One request that arrived, without anything secret. ``status``: what the bank answered, None when it did not execute it on time."""

    at_ms: int
    operation: Operation | None
    request_id: str | None
    transaction_id: str | None
    fault: FaultKind | None
    executed: int
    status: int | None


def operation_of(path: str) -> Operation | None:
    """Which operation a request path names; None for none of ours."""
    match = _PATH.fullmatch(path)
    return _operation_at(match["rest"]) if match else None


def _operation_at(rest: str) -> Operation | None:
    """The operation of what follows the prefix."""
    known = PATHS.get(rest)
    return Operation.AVAILABILITY_LOOK if known is None and _LOOK.fullmatch(rest) else known


class Bank:
    """One bank with one partner. ``chance`` (numbers in [0, 1)) is needed only for faults with a probability."""

    def __init__(self, settings: BankSettings, new_id: Callable[[], str], chance: Callable[[], float] | None = None) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self.log: deque[Received] = deque(maxlen=MAX_LOG)
        self._now_ms = 0
        self._agenda = Agenda()
        self._faults = FaultBook(chance)
        self._memory = RequestMemory(settings.forget_after_ms)
        self._strict = Strict(settings)
        self._desk = Desk(settings, self._faults, self.ledger, self._agenda, new_id)
        self._availability = AvailabilityDesk(settings.offer, settings.poll_tolerance_ms, self._faults, self.ledger, new_id)
        self._authorization = f"{settings.login}:{settings.password}".encode()

    # --- the wire ---

    def plan(self, now_ms: int, operation: Operation | None) -> Delivery:
        """What the wire does with a request that arrives now. Uses up the faults that hit it: call once per request."""
        return plan(self._faults, self._advance(now_ms), operation)

    def act(self, now_ms: int, delivery: Delivery, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Carry out the bank's part of a delivery. Returns what goes on the wire; None: nothing does."""
        now_ms = self._advance(now_ms)
        request = Request(method, path, headers, body)
        on_time = delivery.before_ms == 0
        answers = [self._execute(now_ms, request, on_time=on_time) for _ in range(delivery.execute)]
        if delivery.late_ms is not None:
            self._agenda.plan(now_ms + delivery.late_ms, LateCopy(request))
        self._note(now_ms, delivery, request, answers[0].status if answers else None)
        if delivery.refuse or delivery.wire is Wire.NONE:
            return None
        return delivery.instead or (answers[0] if answers else None)

    def handle(self, now_ms: int, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Execute one request now, past all wire faults. Never raises for what a client sends."""
        return self._execute(self._advance(now_ms), Request(method, path, headers, body), on_time=True)

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
        """What a till is told that asks for the means of payment. May be set."""
        return self._availability.offer

    @offer.setter
    def offer(self, offer: Offer) -> None:
        self._availability.offer = offer

    def decide(self, now_ms: int, transaction_id: str, customer: Customer) -> Transaction:
        """The customer of a waiting payment decides now (``after_ms`` is ignored). Raises KeyError, NotWaiting, and ValueError for a method
        that the till did not offer."""
        now_ms = self._advance(now_ms)
        transaction = self._desk.transactions[transaction_id]
        if customer.method is not None and customer.method not in transaction.offered:
            raise ValueError(f"{customer.method} was not offered, only {', '.join(transaction.offered)}")
        self._desk.act(now_ms, transaction, customer)
        return transaction

    def transactions(self) -> list[Transaction]:
        """All payments, oldest first. To look at, not to change."""
        return list(self._desk.transactions.values())

    def transaction(self, transaction_id: str) -> Transaction:
        """Raises KeyError."""
        return self._desk.transactions[transaction_id]

    def add_fault(self, now_ms: int, fault: Fault) -> int:
        """Plan a fault; an outage begins now. Returns its id. Raises ValueError."""
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

    def _advance(self, now_ms: int) -> int:
        self._now_ms = max(self._now_ms, now_ms)
        for at_ms, event in self._agenda.due(self._now_ms):
            if isinstance(event, LateCopy):
                self._execute(at_ms, event.request, on_time=False)
            else:
                self._desk.happen(at_ms, event)
        return self._now_ms

    def _execute(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
        match = _PATH.fullmatch(request.path)
        operation = _operation_at(match["rest"]) if match else None
        if match is None or operation is None:
            return json_answer(404, {"code": "SANDBOX_NO_SUCH_PATH"})
        method = "GET" if operation is Operation.AVAILABILITY_LOOK else "POST"
        if request.method != method:
            return json_answer(405, {"code": "SANDBOX_METHOD_NOT_ALLOWED"}, {"allow": method})
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self._authorized(headers.get("authorization", "")):
            return denied(401)
        if self.settings.partner not in (None, match["partner"]):
            return refusal(Code.UNKNOWN_PARTNER_ID)
        if operation is Operation.AVAILABILITY_LOOK:
            return self._availability.look(now_ms, match["rest"].removeprefix(LOOK_PATH))
        document = parse(request.body)
        problems = ["body: is not JSON"] if document is None else self._strict.problems(operation, headers, document)
        if problems:
            return refusal(Code.SANDBOX_INVALID_REQUEST, "; ".join(problems))
        return self._answer(now_ms, operation, document, headers.get("token"), on_time=on_time)

    def _answer(self, now_ms: int, operation: Operation, document: Any, token: str | None, *, on_time: bool) -> Answer:
        if self._faults.take(operation, FaultKind.FORGET_REQUEST_IDS):
            self._memory.forget_all()
        request_id: str = document["requestId"]
        first = self._memory.recall(now_ms, operation, request_id)
        if first is not None:
            self._compare(now_ms, operation, first, document, token)
            return first.answer
        try:
            if self.settings.stores and operation is not Operation.STATUS and document["storeId"] not in self.settings.stores:
                raise Refused(Code.UNKNOWN_PARTNER_ID)
            answer = self._work(now_ms, operation, document, on_time=on_time)
        except Refused as refused:
            answer = refusal(refused.code, refused.details)
            if not refused.remembered:
                return answer
        self._memory.keep(operation, request_id, Remembered(now_ms, document, token, answer))
        return answer

    def _work(self, now_ms: int, operation: Operation, document: Any, *, on_time: bool) -> Answer:
        match operation:
            case Operation.CHECKOUT:
                return json_answer(200, self._desk.checkout(now_ms, document))
            case Operation.STATUS:
                return json_answer(200, self._desk.status(now_ms, document, on_time=on_time))
            case Operation.CANCEL:
                return json_answer(200, self._desk.cancel(now_ms, document))
            case Operation.REFUND:
                return json_answer(200, self._desk.refund(now_ms, document))
            case Operation.RECEIPT:
                self._desk.receipt(now_ms, document)
                return EMPTY
            case Operation.AVAILABILITY:
                self._desk.check_session_exists(document[self.settings.availability_session_name])
                return self._availability.ask(now_ms)
            case Operation.AVAILABILITY_LOOK:
                raise AssertionError("it has no body and is answered before")
            case _:
                assert_never(operation)

    def _compare(self, now_ms: int, operation: Operation, first: Remembered, document: Any, token: str | None) -> None:
        request_id = document["requestId"]
        if document != first.document:
            self.ledger.complain(Violation(now_ms, ViolationKind.OTHER_BODY, operation, request_id))
        if token != first.token:
            self.ledger.complain(Violation(now_ms, ViolationKind.OTHER_TOKEN, operation, request_id))

    def _authorized(self, header: str) -> bool:
        scheme, _, credentials = header.partition(" ")
        try:
            given = base64.b64decode(credentials.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and given == self._authorization

    def _note(self, now_ms: int, delivery: Delivery, request: Request, status: int | None) -> None:
        document = parse(request.body)
        named = document if isinstance(document, dict) else {}
        request_id, transaction_id = named.get("requestId"), named.get("transactionId")
        self.log.append(
            Received(
                at_ms=now_ms,
                operation=operation_of(request.path),
                request_id=request_id if isinstance(request_id, str) else None,
                transaction_id=transaction_id if isinstance(transaction_id, str) else None,
                fault=delivery.fault,
                executed=delivery.execute,
                status=status,
            )
        )
