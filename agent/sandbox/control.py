"""The director's seat: what people and tests tell a running sandbox. JSON under /sandbox/, to those whom the gate admits. The page for
people (``page``) is one of its clients: what a button does is said here and nowhere else.

Names are those of the model, in snake case. Bad input gets 400, an unknown id 404, a payment that waits for nobody 409.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from agent.sandbox.asgi import MAX_BODY_BYTES
from agent.sandbox.availability import Offer
from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.desk import NotWaiting
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.gate import Gate
from agent.sandbox.payouts import PayoutFinal, PayoutStatus, show_payout
from agent.sandbox.reading import parse
from agent.sandbox.receipts import shown, whole
from agent.sandbox.showing import show, shown_message
from agent.sandbox.words import ErrorCode, Method, Operation

PREFIX = "/sandbox"
_NOTHING = 204


class House(Protocol):
    """What the control API acts on."""

    @property
    def bank(self) -> Bank: ...

    def now_ms(self) -> int: ...

    def reset(self) -> None: ...


Handler = Callable[[House, Request, dict[str, Any]], object]


class Misdirected(ValueError):
    """The request of the control API makes no sense; the text says why."""


def _overview(house: House, _: Request, __: dict[str, Any]) -> object:
    return {"now_ms": house.now_ms(), "endpoints": [f"{method} {PREFIX}{path}" for method, path in ENDPOINTS]}


def _queue_customer(house: House, _: Request, given: dict[str, Any]) -> None:
    order_id, card_session = _text(given, "order_id"), _text(given, "card_session")
    house.bank.queue_customer(_customer(given), order_id=order_id, card_session=card_session)


def _customers(house: House, _: Request, __: dict[str, Any]) -> object:
    queued = [
        {"order_id": order_id, "card_session": card_session, **asdict(customer)}
        for order_id, card_session, customer in house.bank.queued_customers()
    ]
    return {"default": asdict(house.bank.default_customer), "queued": queued}


def _send_customers_away(house: House, _: Request, __: dict[str, Any]) -> None:
    house.bank.send_customers_away()


def _offer(house: House, _: Request, __: dict[str, Any]) -> object:
    return asdict(house.bank.offer)


def _set_offer(house: House, _: Request, given: dict[str, Any]) -> object:
    _only(given, *(one.name for one in fields(Offer)))
    unavailable = given.get("unavailable", {})
    if not isinstance(unavailable, dict) or not all(isinstance(message, str) for message in unavailable.values()):
        raise Misdirected("unavailable must be an object: a message for each means of payment")
    for name, kind in (("is_default", bool), ("asynchronous", bool), ("timeout_ms", int), ("ready_after_ms", int)):
        if name in given and type(given[name]) is not kind:
            raise Misdirected(f"{name} must be {'true or false' if kind is bool else 'a whole number'}")
    house.bank.offer = Offer(**{**given, "unavailable": {Method(name): message for name, message in unavailable.items()}})
    return asdict(house.bank.offer)


def _set_default_customer(house: House, _: Request, given: dict[str, Any]) -> object:
    _only(given, "action", "after_ms", "error_code", "method")
    house.bank.default_customer = customer = _customer(given)
    return asdict(customer)


def _decide(house: House, request: Request, given: dict[str, Any]) -> object:
    customer = _customer({**given, "action": request.path_params["action"]})
    return show(house.bank.decide(house.now_ms(), request.path_params["id"], customer))


def _decide_reference(house: House, request: Request, given: dict[str, Any]) -> object:
    """What people decide about a return that waits for them."""
    _only(given, "error_code")
    verdict, code = request.path_params["verdict"], _text(given, "error_code")
    if verdict not in ("accept", "refuse"):
        raise Misdirected("the end of the path must be accept or refuse")
    refused = (code or ErrorCode.EXTERNAL_PROVIDER_ERROR) if verdict == "refuse" else None
    return show(house.bank.decide_reference(house.now_ms(), request.path_params["id"], refused))


def _transactions(house: House, _: Request, __: dict[str, Any]) -> object:
    house.bank.tick(house.now_ms())
    return [show(transaction) for transaction in house.bank.transactions()]


def _transaction(house: House, request: Request, _: dict[str, Any]) -> object:
    house.bank.tick(house.now_ms())
    return show(house.bank.transaction(request.path_params["id"]))


def _payouts(house: House, _: Request, __: dict[str, Any]) -> object:
    house.bank.tick(house.now_ms())
    return [show_payout(payout) for payout in house.bank.payouts()]


def _move_payout(house: House, request: Request, given: dict[str, Any]) -> object:
    """What people at the payment system and the recipient's bank do."""
    _only(given)
    path = request.path_params
    return show_payout(house.bank.move_payout(house.now_ms(), path["id"], PayoutStatus(path["status"])))


def _faults(house: House, _: Request, __: dict[str, Any]) -> object:
    planned = [{"id": entry.id, "left": entry.left, **asdict(entry.fault)} for entry in house.bank.faults()]
    return {"planned": planned, "outage_until_ms": house.bank.outage_until_ms()}


def _add_fault(house: House, _: Request, given: dict[str, Any]) -> object:
    _only(given, "kind", "operation", "times", "probability", "params", "system")
    operation = _text(given, "operation")
    probability = given.get("probability")
    params = given.get("params", {})
    times = given.get("times", 1 if probability is None else None)
    if not isinstance(params, dict) or isinstance(times, bool) or not isinstance(times, int | None):
        raise Misdirected("params must be an object, times a whole number or null")
    if isinstance(probability, bool) or not isinstance(probability, int | Decimal | None):
        raise Misdirected("probability must be a number or null")
    fault = Fault(
        kind=FaultKind(given.get("kind", "")),
        operation=None if operation is None else Operation(operation),
        times=times,
        probability=None if probability is None else float(probability),
        params=params,
        system=_text(given, "system"),
    )
    return {"id": house.bank.add_fault(house.now_ms(), fault)}


def _clear_faults(house: House, _: Request, __: dict[str, Any]) -> None:
    house.bank.clear_faults()


def _clear_fault(house: House, request: Request, _: dict[str, Any]) -> None:
    house.bank.clear_faults(request.path_params["id"])


def _outage(house: House, _: Request, given: dict[str, Any]) -> object:
    _only(given, "ms")
    house.bank.add_fault(house.now_ms(), Fault(FaultKind.OUTAGE, params=given))
    return {"outage_until_ms": house.bank.outage_until_ms()}


def _end_outage(house: House, _: Request, __: dict[str, Any]) -> None:
    house.bank.end_outage()


def _ledger(house: House, _: Request, __: dict[str, Any]) -> object:
    house.bank.tick(house.now_ms())
    ledger = house.bank.ledger
    totals = {"charged": ledger.charged(), "refunded": ledger.refunded(), "net": ledger.net(), "paid_out": ledger.paid_out()}
    return {
        "entries": ledger.as_rows(),
        "receipts": [shown(receipt) for receipt in ledger.receipts],
        "violations": [asdict(violation) for violation in ledger.violations],
        **totals,
    }


def _receipts(house: House, _: Request, __: dict[str, Any]) -> object:
    house.bank.tick(house.now_ms())
    return [whole(receipt) for receipt in house.bank.ledger.receipts]


def _requests(house: House, _: Request, __: dict[str, Any]) -> object:
    return [asdict(received) for received in house.bank.log]


def _messages(house: House, _: Request, __: dict[str, Any]) -> object:
    house.bank.tick(house.now_ms())
    return [shown_message(sending) for sending in house.bank.outbox.sendings]


def _reset(house: House, _: Request, __: dict[str, Any]) -> None:
    house.reset()


ENDPOINTS: Mapping[tuple[str, str], Handler] = {
    ("GET", "/"): _overview,
    ("GET", "/customers"): _customers,
    ("POST", "/customers"): _queue_customer,
    ("DELETE", "/customers"): _send_customers_away,
    ("POST", "/customers/default"): _set_default_customer,
    ("GET", "/availability"): _offer,
    ("POST", "/availability"): _set_offer,
    ("GET", "/transactions"): _transactions,
    ("GET", "/transactions/{id}"): _transaction,
    ("POST", "/transactions/{id}/{action}"): _decide,
    ("POST", "/references/{id}/{verdict}"): _decide_reference,
    ("GET", "/payouts"): _payouts,
    ("POST", "/payouts/{id}/{status}"): _move_payout,
    ("GET", "/faults"): _faults,
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("DELETE", "/faults/{id:int}"): _clear_fault,
    ("POST", "/outage"): _outage,
    ("DELETE", "/outage"): _end_outage,
    ("GET", "/ledger"): _ledger,
    ("GET", "/receipts"): _receipts,
    ("GET", "/requests"): _requests,
    ("GET", "/messages"): _messages,
    ("POST", "/reset"): _reset,
}
"""The whole control API."""


def control(house: House, gate: Gate) -> Router:
    """An ASGI application for paths under PREFIX."""
    return Router(
        [Route(PREFIX + path, _endpoint(house, gate, handler), methods=[method]) for (method, path), handler in ENDPOINTS.items()]
    )


def _endpoint(house: House, gate: Gate, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            if not gate.admits(request):
                return JSONResponse({"error": "only for programs on this machine"}, status_code=403)
            result = handler(house, request, await _read(request))
        except (NotWaiting, PayoutFinal) as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        except KeyError as error:
            return JSONResponse({"error": f"there is no {error.args[0]}"}, status_code=404)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return Response(status_code=_NOTHING) if result is None else JSONResponse(result)

    return endpoint


async def _read(request: Request) -> dict[str, Any]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise Misdirected(f"more than {MAX_BODY_BYTES} bytes")
    document = parse(body) if body else {}
    if not isinstance(document, dict):
        raise Misdirected("the body must be a JSON object")
    return document


def _customer(given: Mapping[str, Any]) -> Customer:
    _only(given, "order_id", "card_session", "action", "after_ms", "error_code", "method")
    after_ms, method = given.get("after_ms", 0), _text(given, "method")
    if isinstance(after_ms, bool) or not isinstance(after_ms, int):
        raise Misdirected("after_ms must be a whole number")
    return Customer(
        action=Action(given.get("action", "")),
        after_ms=after_ms,
        error_code=ErrorCode(_text(given, "error_code") or ErrorCode.PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER),
        method=None if method is None else Method(method),
    )


def _only(given: Mapping[str, Any], *names: str) -> None:
    unknown = set(given) - set(names)
    if unknown:
        raise Misdirected(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}")


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise Misdirected(f"{name} must be a string")
    return value
