"""The API of PayConnect: its door with tokens and its limit, its payments at the bank's desk.

Documented are the two calls, the error body, the limits and the names of events; the fields of the answers, the read and the signature are
this sandbox's invention. What it does not have is as likely missing there: a create that is sent twice makes two payments, and nothing
cancels, finds or returns one.
"""

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.outbox import Change, Message
from agent.sandbox.payconnect.knobs import PayConnectKnobs
from agent.sandbox.reading import parse
from agent.sandbox.shapes import EXTRA_FIELDS, RUB, Seen, Tokens, bearer, honest, same, seen
from agent.sandbox.system import Inside, System
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import JSON_TYPE, Answer, Operation, Request, Status, json_answer

NAME = "payconnect"
SCOPES = frozenset({"payments.write", "payments.read"})
STATUSES: Mapping[Status, str] = {
    Status.NEW: "pending",
    Status.PENDING: "pending",
    Status.ACCEPTED: "succeeded",
    Status.REFUNDING: "succeeded",
    Status.PARTIAL_REFUNDED: "succeeded",
    Status.REFUNDED: "refunded",
    Status.REJECTED: "failed",
    Status.CANCELED: "failed",
    Status.EXPIRED: "expired",
}

EVENTS: Mapping[Change, str] = {
    Change.PAID: "payment.succeeded",
    Change.DECLINED: "payment.failed",
    Change.CANCELED: "payment.failed",
    Change.REFUNDED: "payment.refunded",
}
"""All that are documented; of the end of a session no event is."""

_MINUTE_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAYMENT = re.compile(r"/v1/payments/(?P<id>[^/]+)")
_KEY_AT_END = re.compile(r"(?:(?P<text>.*) )?(?P<key>\S+)", re.DOTALL)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_FIELDS = frozenset({"amount", "currency", "description", "customer"})


class PayConnect(System):
    """One account. Its secret key is the bank's password. ``knobs`` may be set."""

    name = NAME
    prefix = "/payconnect"

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self.knobs: PayConnectKnobs = inside.settings.payconnect
        self._tokens = Tokens(inside.new_id, self.knobs.token_life_ms)
        self._arrivals: deque[int] = deque()

    def operation_of(self, method: str, path: str) -> Operation | None:
        if method == "GET":
            return Operation.STATUS if _PAYMENT.fullmatch(path) else None
        return {"/v1/auth/token": Operation.LOGIN, "/v1/payments": Operation.CHECKOUT}.get(path) if method == "POST" else None

    def names(self, request: Request) -> tuple[str | None, str | None]:
        document, asked = parse(request.body), _PAYMENT.fullmatch(request.path)
        text = document.get("description") if isinstance(document, dict) else None
        return (_parts(text)[1] if isinstance(text, str) else None), (asked["id"] if asked else None)

    def fault_answer(self, fault: Fault) -> Answer | None:
        """REFUSE_422 is this system's 400."""
        if fault.kind is FaultKind.UNAUTHORIZED:
            return _error(fault.number("status"), "unauthorized", "The token is not valid")
        if fault.kind is FaultKind.TOO_MANY:
            return _too_many(fault.word("retry_after_s"))
        return _error(400, fault.word("code").lower(), "Refused by the director")

    def answer(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
        if (wait_ms := self._over_limit(now_ms)) > 0:
            return _too_many(str(-(-wait_ms // 1_000)))
        operation = self.operation_of(request.method, request.path)
        if operation is None:
            return _error(404, "not_found", "There is nothing here")
        headers = {name.lower(): value for name, value in request.headers.items()}
        shown, document = bearer(headers.get("authorization", "")), parse(request.body)
        if request.method == "POST" and headers.get("content-type", "").partition(";")[0] != "application/json":
            return _error(400, "invalid_content_type", "Content-Type must be application/json")
        if request.method == "POST" and not isinstance(document, dict):
            return _error(400, "invalid_json", "The body must be a JSON object")
        if operation is Operation.LOGIN:
            return self._log_in(now_ms, shown, document)
        if not self._tokens.good(now_ms, shown):
            return _error(401, "unauthorized", "The token is not valid")
        return self._create(now_ms, document) if operation is Operation.CHECKOUT else self._read(request.path)

    # --- the door ---

    def forget_tokens(self) -> None:
        """None is good any more."""
        self._tokens.forget()

    def _over_limit(self, now_ms: int) -> int:
        """How long until the next request may come; 0 for this one, which counts then."""
        while self._arrivals and self._arrivals[0] <= now_ms - _MINUTE_MS:
            self._arrivals.popleft()
        if len(self._arrivals) >= self.knobs.requests_per_minute:
            return self._arrivals[0] + _MINUTE_MS - now_ms
        self._arrivals.append(now_ms)
        return 0

    def _log_in(self, now_ms: int, shown: str, document: Mapping[str, Any]) -> Answer:
        if not same(shown, self._inside.settings.password):
            return _error(401, "unauthorized", "The secret key is not valid")
        scope = document.get("scope")
        if not isinstance(scope, str) or frozenset(scope.split()) != SCOPES:
            return _error(400, "invalid_scope", "Unknown scope")
        self._tokens.life_ms = self.knobs.token_life_ms
        return json_answer(200, {"access_token": self._tokens.give(now_ms), "expires_in": self.knobs.token_life_ms // 1_000})

    # --- payments ---

    def _create(self, now_ms: int, document: Mapping[str, Any]) -> Answer:
        problem = self._problem(document)
        if problem is not None:
            return _error(400, *problem)
        text = document.get("description", "")
        place, key = _parts(text)
        *till, order_id = place.split("/") if place.count("/") == 2 else (place,)
        transaction = Transaction(
            id=f"pay_{self._inside.new_id()}",
            amount=document["amount"],
            created_ms=now_ms,
            system=NAME,
            store_id=till[0] if till else "",  # this sandbox's own use of the text: store/till/order, where it has that form
            terminal_id=till[1] if till else "",
            order_id=order_id or key,
            key=key,
            link_id=self._inside.new_id(),
            expires_ms=now_ms + self.knobs.session_ms,
            facts={"description": text},
        )
        self._inside.desk.take_in(now_ms, transaction, self._inside.desk.next_customer(transaction.order_id))
        shown = seen(self._inside.faults, Operation.CHECKOUT, transaction)
        assert shown is not None, "only reads are not found"
        return json_answer(201, self._payment(transaction, shown))

    def _problem(self, document: Mapping[str, Any]) -> tuple[str, str] | None:
        """Code and message of the first thing that is wrong; the document shows one code, the others are invented."""
        amount, customer = document.get("amount"), document.get("customer")
        email = customer.get("email") if isinstance(customer, dict) else None
        if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
            return "invalid_amount", "Amount must be greater than 0"
        if amount > self.knobs.most_amount:
            return "invalid_amount", "Amount is too large"
        if document.get("currency") != RUB:
            return "invalid_currency", "Currency must be RUB"
        if not isinstance(email, str) or not _EMAIL.fullmatch(email):
            return "invalid_customer", "Customer needs an email"
        if not isinstance(document.get("description", ""), str) or set(document) - _FIELDS:
            return "invalid_request", "A field is unknown or not a text"
        return None

    def _read(self, path: str) -> Answer:
        asked = _PAYMENT.fullmatch(path)
        found = self._inside.desk.find(asked["id"], NAME) if asked else None
        shown = seen(self._inside.faults, Operation.STATUS, found) if found else None
        return json_answer(200, self._payment(found, shown)) if found and shown else _error(404, "not_found", "No such payment")

    def message(self, now_ms: int, transaction: Transaction, change: Change, secret: str) -> Message | None:
        """Body and proof are invented, the header's name is documented."""
        event = EVENTS.get(change)
        if event is None:
            return None
        body, signature = self.event(now_ms, transaction, event, secret)
        return Message(event, {"content-type": JSON_TYPE, "x-payconnect-signature": signature}, body)

    def event(self, now_ms: int, transaction: Transaction, event: str, secret: str) -> tuple[bytes, str]:
        """Body and ``x-payconnect-signature`` of a webhook, as this sandbox invents them."""
        document = {"type": event, "created_at": _moment(now_ms), "data": self._payment(transaction, honest(transaction))}
        body = json_answer(200, document).body
        return body, hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def _payment(self, transaction: Transaction, shown: Seen) -> dict[str, Any]:
        text = transaction.facts["description"]
        return {
            "id": transaction.id,
            "status": shown.word or STATUSES[shown.status],
            "amount": shown.amount,
            "currency": shown.currency,
            **({} if self.knobs.bare_reads else {"description": text if shown.key == transaction.key else shown.key}),
            "payment_url": self._inside.address_of(transaction),
            "expires_at": _moment(transaction.expires_ms or 0),
            **(EXTRA_FIELDS if shown.extra else {}),
        }


def _parts(text: str) -> tuple[str, str]:
    """A description as our client writes it: a text, and its key at the end."""
    found = _KEY_AT_END.fullmatch(text)
    return (found["text"] or "", found["key"]) if found else (text, "")


def _moment(at_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="seconds").replace("+00:00", "Z")


def _too_many(retry_after_s: str) -> Answer:
    return _error(429, "rate_limit_exceeded", "Too many requests", {"retry-after": retry_after_s})


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    document = {"error": {"code": code, "message": message, "docs_url": f"https://docs.payconnect.com/errors#{code}"}}
    return json_answer(status, document, headers)
