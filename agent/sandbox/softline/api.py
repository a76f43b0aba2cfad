"""The API of Softline Payments: its door with tokens, its form, its orders at the bank's desk.

Three things a client has to live with are true here as there: a ``payment_id`` that is repeated makes a second payment; nothing but time
ends a payment that nobody pays; and a refund is a request that people decide (the control API's ``/references/ID/accept`` or ``refuse``).
"""

import re
from typing import Any

from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.outbox import Change, Message
from agent.sandbox.reading import parse
from agent.sandbox.refunds import Forbidden
from agent.sandbox.shapes import Tokens, bearer, honest, kopecks, same, seen
from agent.sandbox.softline import views
from agent.sandbox.softline.form import Document, Error, errors_of
from agent.sandbox.softline.knobs import SoftlineKnobs
from agent.sandbox.system import Inside, System
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import Answer, Operation, Request, json_answer

NAME = "softline"
FIRST_ORDER = 5_000_000  # ids are numbers there, and grow
OWN_ERROR = 9_999  # of this sandbox: the vendor publishes no code for it

_ORDER = re.compile(r"/v1/order/(?P<id>[^/]+)")
_REFUND = re.compile(r"/v1/order/(?P<id>[^/]+)/refund")
_PAGE = re.compile(r"/order/status/(?P<id>[^/]+)/(?P<hash>[^/]+)")
_PATHS = {"/v1/login_check": Operation.LOGIN, "/v1/payment": Operation.CHECKOUT, "/v1/order/search": Operation.FIND}
_INVALID_TOKEN: Error = (1007, "Your token is invalid.")
_MISSING_TOKEN: Error = (1008, "Missing token.")
_EXPIRED_TOKEN: Error = (1009, "Your token is expired.")
_NOT_JSON: Error = (110, "JSON is not valid.")
_BAD_TYPE: Error = (111, "Invalid data format (Content-type).")


class Softline(System):
    """One account. ``knobs`` may be set."""

    name = NAME
    prefix = "/softline"

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self.knobs: SoftlineKnobs = inside.settings.softline
        self._tokens = Tokens(inside.new_id, self.knobs.token_life_ms)
        self._given: set[str] = set()
        self._orders = 0

    def operation_of(self, method: str, path: str) -> Operation | None:
        if method == "GET":
            return Operation.STATUS if _ORDER.fullmatch(path) else None
        if method != "POST":
            return None
        return _PATHS.get(path) or (Operation.REFUND if _REFUND.fullmatch(path) else None)

    def names(self, request: Request) -> tuple[str | None, str | None]:
        document = parse(request.body)
        named = document if isinstance(document, dict) else {}
        key = named.get("payment_id") or named.get("external_id")
        order = _REFUND.fullmatch(request.path) or _ORDER.fullmatch(request.path)
        asked = order is not None and request.path not in _PATHS
        return (key if isinstance(key, str) else None), (order["id"] if order and asked else None)

    def fault_answer(self, fault: Fault) -> Answer | None:
        """REFUSE_422 is this system's 400; its code is a number."""
        match fault.kind:
            case FaultKind.UNAUTHORIZED if fault.number("status") == 401:
                return _errors(401, [_INVALID_TOKEN])
            case FaultKind.REFUSE_422:
                code = fault.word("code")
                return _errors(400, [(int(code) if code.isdecimal() else 6000, "Refused by the director.")])
            case _:
                return None

    def payment_at(self, request: Request) -> Transaction | None:
        page = _PAGE.fullmatch(request.path)
        found = self._inside.desk.find(page["id"], NAME) if page else None
        return found if page and found and same(page["hash"], found.link_id) else None

    def answer(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
        operation = self.operation_of(request.method, request.path)
        if operation is None:
            return _errors(404, [(404, "Not found")])
        refused = None if operation is Operation.LOGIN else self._shut_out(now_ms, request)
        if refused is not None:
            return _errors(401, [refused])
        document: Any = {}
        if request.method == "POST":
            kind = {name.lower(): value for name, value in request.headers.items()}.get("content-type", "")
            if (kind if self.knobs.strict_type else kind.partition(";")[0]) != "application/json":
                return _errors(400, [_BAD_TYPE])
            document = parse(request.body)
            if not isinstance(document, dict):
                return _errors(400, [_NOT_JSON])
        match operation:
            case Operation.LOGIN:
                return self._log_in(now_ms, document)
            case Operation.CHECKOUT:
                return self._create(now_ms, document)
            case Operation.FIND:
                return self._search(now_ms, document)
            case Operation.REFUND:
                return self._refund(now_ms, request.path, document)
            case _:
                return self._read(request.path)

    # --- the door ---

    def forget_tokens(self) -> None:
        """None is good any more."""
        self._tokens.forget()

    def _log_in(self, now_ms: int, document: Document) -> Answer:
        settings = self._inside.settings
        login, password = document.get("username"), document.get("password")
        if not isinstance(login, str) or not isinstance(password, str):
            return _errors(400, [(6010, "Invalid field value: username")])
        if not (same(login, settings.login) & same(password, settings.password)):
            return _errors(401, [(OWN_ERROR, "Bad credentials.")])
        self._tokens.life_ms = self.knobs.token_life_ms
        token = self._tokens.give(now_ms)
        self._given.add(token)
        return json_answer(200, {"token": token, "refresh_token": self._inside.new_id()})

    def _shut_out(self, now_ms: int, request: Request) -> Error | None:
        header = {name.lower(): value for name, value in request.headers.items()}.get("authorizationjwt")
        if header is None:
            return _MISSING_TOKEN
        token = bearer(header)
        if self._tokens.good(now_ms, token):
            return None
        return _EXPIRED_TOKEN if token in self._given else _INVALID_TOKEN

    # --- orders ---

    def _create(self, now_ms: int, document: Document) -> Answer:
        errors = errors_of(self.knobs, document)
        if errors:
            return _errors(400, errors)
        self._orders += 1
        additional = document.get("additional_data", {})
        amount, key = kopecks(document["amount"]), document["payment_id"]
        assert amount is not None, "the form has been checked"
        transaction = Transaction(
            id=str(FIRST_ORDER + self._orders),
            amount=amount,
            created_ms=now_ms,
            system=NAME,
            order_id=document.get("payment_description") or key,
            store_id=str(additional.get("referer7", "")),  # this sandbox's own use of them: whose till it was
            terminal_id=str(additional.get("referer8", "")),
            key=key,
            link_id=self._inside.new_id(),
            expires_ms=now_ms + self.knobs.link_life_ms,
            patient=True,
            by_people=True,
            facts={
                "method": document["payment_method"],
                "customer": document["customer"],
                "locale": document.get("locale", "ru_RU"),
                "recurring": document.get("recurring_indicator", False),
                "additional_data": additional,
            },
        )
        self._inside.desk.take_in(now_ms, transaction, self._inside.desk.next_customer(transaction.order_id))
        return json_answer(200, {"payment_url": self._address_of(transaction), "order_id": int(transaction.id)})

    def _read(self, path: str) -> Answer:
        order = _ORDER.fullmatch(path)
        found = self._inside.desk.find(order["id"], NAME) if order else None
        shown = seen(self._inside.faults, Operation.STATUS, found) if found else None
        if found is None or shown is None:
            return _errors(404, [(404, "Not found")])  # what the vendor answers is not known
        return json_answer(200, views.order(found, shown, self._address_of(found), bare=self.knobs.bare_reads))

    def _search(self, now_ms: int, document: Document) -> Answer:
        moments = {name: views.moment_of(document[name]) for name in ("create_date_from", "create_date_to") if name in document}
        if None in moments.values():
            return _errors(400, [(6010, f"Invalid field value: {name}") for name, moment in moments.items() if moment is None])
        hidden = self._inside.faults.take(Operation.FIND, FaultKind.ABSENT_STATUS, system=NAME)
        orders = [one for one in self._inside.desk.transactions.values() if one.system == NAME and not hidden]
        begin, end = moments.get("create_date_from"), moments.get("create_date_to")
        ids = [
            int(one.id)
            for one in orders
            if one.created_ms + self.knobs.visible_after_ms <= now_ms
            and (self.knobs.search_ignores_key or document.get("external_id") in (None, one.key))
            and document.get("status") in (None, views.STATUSES[one.status])
            and (begin is None or one.created_ms >= begin)
            and (end is None or one.created_ms <= end)
        ]
        return json_answer(200, {"ids": ids})

    def _refund(self, now_ms: int, path: str, document: Document) -> Answer:
        order = _REFUND.fullmatch(path)
        found = self._inside.desk.find(order["id"], NAME) if order else None
        email, description = document.get("email"), document.get("description", "")
        if not isinstance(email, str) or not 0 < len(email) <= 80:
            return _errors(400, [(6010, "Invalid field value: email")])
        if not isinstance(description, str) or len(description) > 500:
            return _errors(400, [(6010, "Invalid field value: description")])
        if found is None:
            return _errors(404, [(404, "Not found")])
        try:
            self._inside.desk.refund(now_ms, found, found.amount)
        except Forbidden:
            return _errors(400, [(OWN_ERROR, "The order cannot be refunded now.")])
        return json_answer(200, {})

    def message(self, now_ms: int, transaction: Transaction, change: Change, secret: str) -> Message | None:
        """There is an event of its own for each try that fails, and none for a payment that nobody made in time."""
        event = views.EVENTS.get(change)
        if event is None:
            return None
        body, signature = self.event(now_ms, transaction, event, secret)
        return Message(event, {"content-type": "application/json", "signature": signature}, body)

    def event(self, now_ms: int, transaction: Transaction, event: str, secret: str) -> tuple[bytes, str]:
        """Body and ``signature`` of the webhook that the vendor would send now."""
        document = views.webhook(transaction, honest(transaction), self._address_of(transaction), event, now_ms)
        return json_answer(200, document).body, views.signature(secret, document)

    def _address_of(self, transaction: Transaction) -> str:
        """In the vendor's form; it leads to the bank's own page."""
        root = self._inside.address_of(transaction).removesuffix(f"/pay/{transaction.link_id}")
        return f"{root}{self.prefix}/order/status/{transaction.id}/{transaction.link_id}?lang={transaction.facts['locale']}"


def _errors(status: int, errors: list[Error]) -> Answer:
    return json_answer(status, {"errors": [{"error": code, "message": message} for code, message in errors]})
