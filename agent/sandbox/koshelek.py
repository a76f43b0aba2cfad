"""The Pay API of Koshelek: its door, its memory for repeated requests, and its documents at the bank's desk."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, assert_never

from agent.sandbox.availability import AvailabilityDesk
from agent.sandbox.delivery import denied
from agent.sandbox.faults import FaultBook, FaultKind
from agent.sandbox.ledger import Violation, ViolationKind
from agent.sandbox.memory import Remembered, RequestMemory
from agent.sandbox.outbox import Change, Message
from agent.sandbox.reading import parse
from agent.sandbox.receipts import entry
from agent.sandbox.refunds import Forbidden, parts_of
from agent.sandbox.strict import Strict
from agent.sandbox.system import Inside, System
from agent.sandbox.transaction import PAID, WAITING, Transaction, lines_of
from agent.sandbox.views import Views
from agent.sandbox.words import (
    API_PREFIX,
    EMPTY,
    JSON_TYPE,
    KOSHELEK,
    LOOK_PATH,
    PATHS,
    Answer,
    Code,
    ErrorCode,
    Method,
    Operation,
    Refused,
    Request,
    encode,
    json_answer,
    refusal,
)

POLL_PAUSE_MS = 250  # vendor's rule: before the first status read and between any two

Document = Mapping[str, Any]

_LOOK = re.compile(rf"{LOOK_PATH}(?P<name>[^/]+)")
_PATH = re.compile(rf"(?:/(?P<partner>[^/]+))?{API_PREFIX}(?P<rest>.+)")


def operation_of(path: str) -> Operation | None:
    """Which operation a request path names; None for none of ours."""
    match = _PATH.fullmatch(path)
    return _operation_at(match["rest"]) if match else None


def _operation_at(rest: str) -> Operation | None:
    """The operation of what follows the prefix."""
    known = PATHS.get(rest)
    return Operation.AVAILABILITY_LOOK if known is None and _LOOK.fullmatch(rest) else known


class Koshelek(System):
    """One partner's access. Every path that is no other system's is its own."""

    name = KOSHELEK
    prefix = ""

    def __init__(self, inside: Inside) -> None:
        self._settings = settings = inside.settings
        self._desk, self._faults, self._ledger, self._new_id = inside.desk, inside.faults, inside.ledger, inside.new_id
        self._memory = RequestMemory(settings.forget_after_ms)
        self._strict = Strict(settings)
        self._views = Views(settings, inside.faults)
        self._honest = Views(settings, FaultBook())  # for postbacks: faults of answers are for those who ask
        self._sessions: dict[str, Transaction] = {}
        self._authorization = f"{settings.login}:{settings.password}".encode()
        self.availability = AvailabilityDesk(settings.offer, settings.poll_tolerance_ms, inside.faults, inside.ledger, inside.new_id)

    def operation_of(self, method: str, path: str) -> Operation | None:
        return operation_of(path)

    def names(self, request: Request) -> tuple[str | None, str | None]:
        document = parse(request.body)
        named = document if isinstance(document, dict) else {}
        request_id, transaction_id = named.get("requestId"), named.get("transactionId")
        return (
            request_id if isinstance(request_id, str) else None,
            transaction_id if isinstance(transaction_id, str) else None,
        )

    def answer(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
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
        if self._settings.partner not in (None, match["partner"]):
            return refusal(Code.UNKNOWN_PARTNER_ID)
        if operation is Operation.AVAILABILITY_LOOK:
            return self.availability.look(now_ms, match["rest"].removeprefix(LOOK_PATH))
        document = parse(request.body)
        problems = ["body: is not JSON"] if document is None else self._strict.problems(operation, headers, document)
        if problems:
            return refusal(Code.SANDBOX_INVALID_REQUEST, "; ".join(problems))
        return self._answer(now_ms, operation, document, headers.get("token"), on_time=on_time)

    def message(self, now_ms: int, transaction: Transaction, change: Change, secret: str) -> Message | None:
        """A postback: the answer of a status read that nobody made. Which ``requestId`` stands in it is not known: a new one here. Nor is
        it known which states are told: here the ends of payments, cancels and refunds, which is what postbacks are for."""
        if change is Change.CREATED:
            return None
        named = transaction.references[-1] if transaction.references else None
        body = self._honest.status(now_ms, {"requestId": self._new_id()}, transaction, named)
        proof = base64.b64encode(f"{self._settings.login}:{secret}".encode()).decode("ascii")
        return Message(str(body["status"]), {"content-type": JSON_TYPE, "authorization": f"Basic {proof}"}, encode(body))

    # --- repeats ---

    def _answer(self, now_ms: int, operation: Operation, document: Any, token: str | None, *, on_time: bool) -> Answer:
        if self._faults.take(operation, FaultKind.FORGET_REQUEST_IDS):
            self._memory.forget_all()
        request_id: str = document["requestId"]
        first = self._memory.recall(now_ms, operation, request_id)
        if first is not None:
            self._compare(now_ms, operation, first, document, token)
            return first.answer
        try:
            if self._settings.stores and operation is not Operation.STATUS and document["storeId"] not in self._settings.stores:
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
                return json_answer(200, self._checkout(now_ms, document))
            case Operation.STATUS:
                return json_answer(200, self._status(now_ms, document, on_time=on_time))
            case Operation.CANCEL:
                return json_answer(200, self._cancel(now_ms, document))
            case Operation.REFUND:
                return json_answer(200, self._refund(now_ms, document))
            case Operation.RECEIPT:
                self._receipt(now_ms, document)
                return EMPTY
            case Operation.AVAILABILITY:
                self._check_session_exists(document[self._settings.availability_session_name])
                return self.availability.ask(now_ms)
            case (
                Operation.AVAILABILITY_LOOK
                | Operation.FIND
                | Operation.LOGIN
                | Operation.PAYOUT
                | Operation.PAYOUT_STATUS
                | Operation.PAYOUT_FIND
            ):
                raise AssertionError("it has no body and is answered before, or the Pay API has no such thing")
            case _:
                assert_never(operation)

    def _compare(self, now_ms: int, operation: Operation, first: Remembered, document: Any, token: str | None) -> None:
        request_id = document["requestId"]
        if document != first.document:
            self._ledger.complain(Violation(now_ms, ViolationKind.OTHER_BODY, operation, request_id))
        if token != first.token:
            self._ledger.complain(Violation(now_ms, ViolationKind.OTHER_TOKEN, operation, request_id))

    # --- at the desk ---

    def _checkout(self, now_ms: int, document: Document) -> dict[str, Any]:
        session, invoice = document["cardSession"], document["checkoutInvoice"]
        self._check_session(session)
        customer = self._desk.next_customer(invoice["orderId"], session)
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
        self._sessions[session] = transaction
        too_small = transaction.amount < self._settings.minimum_amount
        self._desk.take_in(now_ms, transaction, customer, refused=ErrorCode.TOTAL_AMOUNT_IS_TOO_SMALL if too_small else None)
        return self._views.checkout(now_ms, document, transaction)

    def _status(self, now_ms: int, document: Document, *, on_time: bool) -> dict[str, Any]:
        reference_id = document.get("refTransactionId")
        owner = self._desk.by_reference(reference_id) if reference_id else self._desk.find(document["transactionId"], self.name)
        if owner is None or owner.system != self.name or document.get("transactionId", owner.id) != owner.id:
            return self._views.absent(document)
        if on_time:
            self._watch_manners(now_ms, document["requestId"], owner)
        if self._faults.take(Operation.STATUS, FaultKind.ABSENT_STATUS):
            return self._views.absent(document)
        return self._views.status(now_ms, document, owner, owner.reference(reference_id) if reference_id else None)

    def _cancel(self, now_ms: int, document: Document) -> dict[str, Any]:
        transaction = self._find(document["transactionId"])
        refuse = self._faults.take(Operation.CANCEL, FaultKind.REFUSE_CANCEL) if transaction.status in WAITING else None
        as_422 = refuse.params["as_422"] if refuse else self._settings.cancel_refusal_as_422 and transaction.status in PAID
        if as_422:
            raise Refused(Code.WRONG_TRANSACTION_STATE_CHANGE)
        reference = self._desk.cancel(now_ms, transaction, refuse=refuse)
        return self._views.reference(Operation.CANCEL, now_ms, document, transaction, reference)

    def _refund(self, now_ms: int, document: Document) -> dict[str, Any]:
        transaction, amount = self._find(document["transactionId"]), document["refundAmount"]
        try:
            parts = parts_of(transaction, amount, document["items"])
        except Forbidden as refusal:
            reference = self._desk.refuse_refund(now_ms, transaction, amount, refusal.error_code)
        else:
            reference = self._desk.refund(now_ms, transaction, amount, parts)
        return self._views.reference(Operation.REFUND, now_ms, document, transaction, reference)

    def _receipt(self, now_ms: int, document: Document) -> None:
        """A fiscal receipt of a payment, or of a refund under either id. Of what was never paid there is none (inferred)."""
        named = document["transactionId"]
        by_reference = self._desk.by_reference(named)
        transaction = by_reference or self._find(named)
        if transaction.status not in PAID:
            raise Refused(Code.PAYMENT_TRANSACTION_IS_NOT_PAID)
        self._ledger.file(entry(now_ms, document, transaction.id, named if by_reference else None))

    # --- inner workings ---

    def _find(self, transaction_id: str) -> Transaction:
        found = self._desk.find(transaction_id, self.name)
        if found is None:
            raise Refused(Code.UNKNOWN_TRANSACTION_ID)
        return found

    def _check_session_exists(self, session: str) -> None:
        """Raises Refused."""
        if session in self._settings.refused_sessions or session.startswith(self._settings.refused_prefixes):
            raise Refused(Code.UNKNOWN_SESSION_ID)

    def _check_session(self, session: str) -> None:
        self._check_session_exists(session)
        before = self._sessions.get(session)
        if before is not None:
            paid = before.status in PAID
            raise Refused(Code.TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED if paid else Code.TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS)

    def _watch_manners(self, now_ms: int, request_id: str, transaction: Transaction) -> None:
        before = transaction.created_ms if transaction.last_read_ms is None else transaction.last_read_ms
        pause, transaction.last_read_ms = now_ms - before, now_ms
        if pause < POLL_PAUSE_MS - self._settings.poll_tolerance_ms:
            kind = ViolationKind.POLLED_TOO_SOON
            self._ledger.complain(Violation(now_ms, kind, Operation.STATUS, request_id, f"{transaction.id} after {pause} ms"))

    def _authorized(self, header: str) -> bool:
        scheme, _, credentials = header.partition(" ")
        try:
            given = base64.b64decode(credentials.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and given == self._authorization
