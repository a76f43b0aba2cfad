"""PayCore's Commerce API: its door, its routes, and its payments at the bank's desk.

What no source tells is played in the way that is worst for a client: a repeated ``reference_id`` gives 429 and names nothing, that of a
refund is not compared with earlier ones, and a refund that failed is final. ``test_mode`` must be there: what its absence means nobody
says. A second opening of a link that holds the bill is a repeat, too.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.ledger import EntryKind
from agent.sandbox.outbox import Change, Message
from agent.sandbox.paycore.documents import (
    attributes_of,
    balances,
    create_problems,
    failed_refund,
    invoice,
    names_other,
    offer,
    refund_problems,
)
from agent.sandbox.paycore.payout_desk import FILTER, Payouts, refused
from agent.sandbox.paycore.payouts import honest_payout, payout_document, payout_offer
from agent.sandbox.paycore.public import link_attributes, link_problems, of_test_money, public_attributes
from agent.sandbox.payouts import Payout
from agent.sandbox.reading import parse
from agent.sandbox.refunds import Forbidden
from agent.sandbox.shapes import RUB, basic, exact_answer, honest, kopecks, query_of, same, seen
from agent.sandbox.system import Inside, System
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import JSON_TYPE, Answer, Operation, Request

LIFE_MS: Final = 30 * 60 * 1_000  # of a link; an account setting whose default is not public

_ROUTES: Final = (
    ("POST", re.compile(r"/api/payment-invoices"), Operation.CHECKOUT),
    ("GET", re.compile(r"/api/payment-invoices/?"), Operation.FIND),
    ("GET", re.compile(r"/api/payment-invoices/(?P<id>[^/]+)"), Operation.STATUS),
    ("POST", re.compile(r"/api/payment-invoices/(?P<id>[^/]+)/refund"), Operation.REFUND),
    ("POST", re.compile(r"/public-api/payment-invoices"), Operation.CHECKOUT),
    ("POST", re.compile(r"/public-api/payment-prerequest"), Operation.AVAILABILITY),
    ("POST", re.compile(r"/api/payout-invoices"), Operation.PAYOUT),
    ("GET", re.compile(r"/api/payout-invoices/?"), Operation.PAYOUT_FIND),
    ("GET", re.compile(r"/api/payout-invoices/(?P<id>[^/]+)"), Operation.PAYOUT_STATUS),
    ("GET", re.compile(r"/public-api/payout-invoices/(?P<id>[^/]+)"), Operation.PAYOUT_STATUS),
    ("POST", re.compile(r"/public-api/payout-prerequest"), Operation.AVAILABILITY),
)
_OF_PAYOUTS: Final = frozenset({Operation.PAYOUT, Operation.PAYOUT_FIND, Operation.PAYOUT_STATUS})
PAGE: Final = "/hpp/"
BALANCES: Final = "/api/account/balances"
PUBLIC: Final = "/public-api/"


class PayCore(System):
    """One commerce account. Its id and its API key are the bank's login and password."""

    name = "paycore"
    prefix = "/paycore"

    def __init__(self, inside: Inside) -> None:
        self._settings, self._desk, self._faults, self._ledger = inside.settings, inside.desk, inside.faults, inside.ledger
        self._new_id, self._address_of = inside.new_id, inside.address_of
        self._payouts = Payouts(inside)

    def operation_of(self, method: str, path: str) -> Operation | None:
        return next((operation for verb, pattern, operation in _ROUTES if verb == method and pattern.fullmatch(path)), None)

    def names(self, request: Request) -> tuple[str | None, str | None]:
        document = parse(request.body)
        kinds = ("payment-invoices", "refund", "payout-invoices")
        attributes = next((found for kind in kinds if (found := attributes_of(document, kind))), {})
        reference = attributes.get("reference_id") or query_of(request.query).get(FILTER)
        return (reference if isinstance(reference, str) else None), _id_in(request.path)

    def payment_at(self, request: Request) -> Transaction | None:
        if request.method != "GET" or request.path != PAGE:
            return None
        return self._desk.find(query_of(request.query).get("cpi", ""), self.name)

    def message(self, now_ms: int, transaction: Transaction, change: Change, secret: str) -> Message | None:
        """A callback is the object of the API; ``updated`` in it orders several. A new payment is no change of one."""
        if change in (Change.CREATED, Change.FAILED_TRY):
            return None
        return _callback({"data": invoice(transaction, honest(transaction), now_ms, self._address_of(transaction))}, secret)

    def payout_message(self, now_ms: int, payout: Payout, secret: str) -> Message | None:
        return _callback({"data": payout_document(payout, honest_payout(payout), now_ms)}, secret)

    def fault_answer(self, fault: Fault) -> Answer | None:
        if fault.kind is FaultKind.UNAUTHORIZED:
            return self._refused(fault.number("status"), ["access_denied"])
        if fault.kind is FaultKind.TOO_MANY:
            return self._refused(429, ["too_many_requests"], {"retry-after": fault.word("retry_after_s")})
        return self._refused(422, [fault.word("code").lower()])

    def answer(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
        operation = self.operation_of(request.method, request.path)
        if (request.method, request.path) == ("GET", PAGE):
            return self._opened(now_ms, query_of(request.query))
        if (request.method, request.path) == ("GET", BALANCES):
            return self._balances() if self._let_in(request.headers) else self._refused(401, ["unauthorized"])
        if operation is None:
            known = any(pattern.fullmatch(request.path) for _, pattern, _ in _ROUTES)
            return self._refused(405 if known else 404, ["method_not_allowed" if known else "not_found"])
        if operation is Operation.AVAILABILITY:
            return self._offer(parse(request.body), payout_offer if "payout" in request.path else offer)
        if operation is Operation.CHECKOUT and request.path.startswith(PUBLIC):
            return self._create_publicly(now_ms, request)
        if not request.path.startswith(PUBLIC) and not self._let_in(request.headers):
            return self._refused(401, ["unauthorized"])
        if operation in _OF_PAYOUTS:
            return self._payouts.answer(now_ms, operation, request, _id_in(request.path))
        return self._of_payments(now_ms, operation, request)

    def _of_payments(self, now_ms: int, operation: Operation, request: Request) -> Answer:
        if operation is Operation.FIND:
            return self._list(now_ms, query_of(request.query))
        if operation is Operation.CHECKOUT:
            return self._create(now_ms, attributes_of(parse(request.body), "payment-invoices"))
        transaction = self._desk.find(_id_in(request.path) or "", self.name)
        if transaction is None:
            return self._refused(404, ["not_found"])
        if operation is Operation.REFUND:
            document = parse(request.body)
            return self._refund(now_ms, transaction, None if names_other(document, transaction.id) else attributes_of(document, "refund"))
        return self._shown(now_ms, 200, Operation.STATUS, transaction)

    # --- at the desk ---

    def _create(self, now_ms: int, attributes: Mapping[str, Any] | None) -> Answer:
        if attributes is None:
            return self._refused(422, ["body_invalid"])
        if problems := create_problems(attributes):
            return self._refused(422, problems)
        transaction = self._taken_in(now_ms, attributes, now_ms + LIFE_MS)
        if transaction is None:
            return self._refused(429, ["duplicate_request"])
        return self._shown(now_ms, 201, Operation.CHECKOUT, transaction)

    def _create_publicly(self, now_ms: int, request: Request) -> Answer:
        document = parse(request.body)
        if "authorization" in {name.lower() for name in request.headers}:
            return self._refused(422, ["authorization_unexpected"])  # a secret on its way where none belongs
        if isinstance(document, dict) and of_test_money(document.get("public_key")) is None:
            return self._refused(403, ["public_key_invalid"])
        return self._create(now_ms, public_attributes(document))

    def _opened(self, now_ms: int, query: Mapping[str, str]) -> Answer:
        """The customer opens a link that holds the bill; he is led to the page of the payment that this makes."""
        if "public_key" not in query:
            return self._refused(404, ["not_found"])
        attributes = link_attributes(query)
        if attributes["test_mode"] is None:
            return self._refused(403, ["public_key_invalid"])
        if problems := link_problems(query, attributes):
            return self._refused(422, problems)
        end_ms = min(int(query["expires"]) * 1_000, now_ms + LIFE_MS) if "expires" in query else now_ms + LIFE_MS
        if end_ms <= now_ms:
            return self._refused(404, ["expired"])
        transaction = self._taken_in(now_ms, attributes, end_ms)
        if transaction is None:
            return self._refused(429, ["duplicate_request"])
        return Answer(303, b"", {"location": self._address_of(transaction)})

    def _taken_in(self, now_ms: int, attributes: Mapping[str, Any], end_ms: int) -> Transaction | None:
        """A payment begins; None: there is one under this reference already."""
        if self._desk.by_key(attributes["reference_id"], self.name):
            return None
        transaction = self._made(now_ms, attributes, end_ms)
        self._desk.take_in(now_ms, transaction, self._desk.next_customer(transaction.order_id))
        return transaction

    def _made(self, now_ms: int, attributes: Mapping[str, Any], end_ms: int) -> Transaction:
        metadata = attributes.get("metadata", {})
        amount = kopecks(attributes["amount"])
        assert amount is not None, "it was checked"
        transaction_id = f"cpi_{self._new_id()}"
        numbers = int(hashlib.sha256(transaction_id.encode()).hexdigest(), 16)
        return Transaction(
            id=transaction_id,
            amount=amount,
            created_ms=now_ms,
            system=self.name,
            store_id=str(metadata.get("storeId", "")),
            terminal_id=str(metadata.get("terminalId", "")),
            order_id=attributes.get("description") or attributes["reference_id"],
            key=attributes["reference_id"],
            link_id=self._new_id(),
            expires_ms=end_ms,
            facts={
                "test_mode": attributes["test_mode"],
                "service": attributes.get("service"),
                "metadata": metadata,
                "urls": {name: attributes.get(name) for name in ("return_url", "callback_url")},
                "rrn": f"{numbers % 10**12:012d}",
                "approval_code": f"{numbers % 10**6:06d}",
            },
        )

    def _list(self, now_ms: int, query: Mapping[str, str]) -> Answer:
        if set(query) != {FILTER}:
            return self._refused(422, ["filter_invalid"])  # other filters are not public
        found = [(one, seen(self._faults, Operation.FIND, one)) for one in self._desk.by_key(query[FILTER], self.name)]
        shown = [invoice(one, as_seen, now_ms, self._address_of(one)) for one, as_seen in found if as_seen is not None]
        return exact_answer(200, {"data": shown, "links": [], "meta": []})

    def _refund(self, now_ms: int, transaction: Transaction, attributes: Mapping[str, Any] | None) -> Answer:
        if attributes is None:
            return self._refused(422, ["body_invalid"])
        if problems := refund_problems(attributes):
            return self._refused(422, problems)
        if failed_refund(transaction):
            return self._refused(422, ["refund_not_possible"])
        amount = kopecks(attributes["amount"])
        assert amount is not None, "it was checked"
        try:
            self._desk.refund(now_ms, transaction, amount, key=attributes.get("reference_id", ""))
        except Forbidden as forbidden:
            return self._refused(422, [forbidden.error_code.lower()])
        return self._shown(now_ms, 200, Operation.REFUND, transaction)

    # --- answers ---

    def _shown(self, now_ms: int, status: int, operation: Operation, transaction: Transaction) -> Answer:
        as_seen = seen(self._faults, operation, transaction)
        if as_seen is None:
            return self._refused(404, ["not_found"])
        return exact_answer(status, {"data": invoice(transaction, as_seen, now_ms, self._address_of(transaction))})

    def _offer(self, document: Any, write: Callable[[bool, str], dict[str, Any]]) -> Answer:
        asked = document if isinstance(document, dict) else {}
        side, currency = of_test_money(asked.get("public_key")), asked.get("currency")
        if side is None or not isinstance(currency, str):
            return self._refused(403 if side is None else 422, ["public_key_invalid" if side is None else "currency_required"])
        return exact_answer(200, write(side, currency or RUB))

    def _balances(self) -> Answer:
        """What payments have brought, and refunds and payouts have taken, fees being nought."""
        moved = {kind: sum(entry.amount for entry in self._ledger.select(kind, system=self.name)) for kind in EntryKind}
        held = moved[EntryKind.CHARGE] - moved[EntryKind.REFUND] - self._ledger.paid_out(system=self.name)
        return exact_answer(200, balances(self._settings.login, held))

    def _refused(self, status: int, codes: Iterable[str], headers: Mapping[str, str] | None = None) -> Answer:
        return refused(self._new_id, status, codes, headers)

    def _let_in(self, headers: Mapping[str, str]) -> bool:
        given = basic({name.lower(): value for name, value in headers.items()}.get("authorization", ""))
        return given is not None and same(given[0], self._settings.login) and same(given[1], self._settings.password)


def _id_in(path: str) -> str | None:
    named = (pattern.fullmatch(path) for _, pattern, _ in _ROUTES if "id" in pattern.groupindex)
    return next((match["id"] for match in named if match is not None), None)


def _callback(document: dict[str, Any], secret: str) -> Message:
    body = exact_answer(200, document).body.replace(b"/", b"\\/")  # the vendor's spelling: who writes it anew breaks the signature
    event = str(document["data"]["attributes"]["status"])
    return Message(event, {"content-type": JSON_TYPE, "x-signature": _signed(secret.encode(), body)}, body)


def _signed(secret: bytes, body: bytes) -> str:
    """The vendor's formula: base64 of SHA-1 over the secret, the body, and the secret again."""
    return base64.b64encode(hashlib.sha1(secret + body + secret, usedforsecurity=False).digest()).decode("ascii")
