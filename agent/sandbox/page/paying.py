"""The page behind a payment link: what the customer sees who scanned the code, and the buttons by which he pays or does not.

Whoever has the link may pay: it cannot be guessed, and it is the customer's. So nobody is asked who he is, and the page tells no more than
the customer has to know. It needs no script.
"""

import contextlib
from urllib.parse import parse_qsl

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from agent.sandbox.asgi import BodyTooLarge, Gone, Receive, Scope, Send, read_body
from agent.sandbox.bank import PAY_PATH, Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.desk import NotWaiting
from agent.sandbox.page.words import STATUSES, Tongue
from agent.sandbox.transaction import WAITING, Transaction
from agent.texts import N_
from agent.web.html import Child, Html, tag, told

_HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # the address is the authority to pay
    "cache-control": "no-store",
}
_BUTTONS = {Action.CONFIRM: N_("Pay"), Action.DECLINE: N_("Be declined"), Action.CANCEL: N_("Do not pay")}


def is_page(path: str) -> bool:
    """Whether a path is that of a payment page."""
    return path.startswith(PAY_PATH)


def lead_there(transaction: Transaction) -> Response:
    """From an address that a system made to the bank's own."""
    return RedirectResponse(PAY_PATH + transaction.link_id, status_code=303, headers=_HEADERS)


async def paying(scope: Scope, receive: Receive, send: Send, bank: Bank, now_ms: int, tongue: Tongue) -> None:
    """GET shows the payment, POST with ``action`` decides it."""
    bank.tick(now_ms)
    transaction = bank.payment_at(scope["method"], scope["path"])
    if transaction is None:
        response: Response = PlainTextResponse(tongue(N_("There is no such payment.")), status_code=404)
    elif scope["method"] == "POST":
        try:
            response = _decided(bank, now_ms, transaction, await read_body(receive))
        except (BodyTooLarge, Gone):
            response = PlainTextResponse("", status_code=400)
    elif scope["method"] == "GET":
        response = HTMLResponse(page(transaction, tongue).encode("utf-8", "replace"))
    else:
        response = PlainTextResponse("GET and POST only", status_code=405, headers={"allow": "GET, POST"})
    response.headers.update(_HEADERS)
    await response(scope, receive, send)


def page(transaction: Transaction, tongue: Tongue) -> str:
    """The HTML document."""
    heading = tongue(N_("Payment of {amount}"), amount=tongue.roubles(transaction.amount))
    body = tag(
        "body",
        tag("main", tag("h1", heading), _about(transaction, tongue), _state(transaction, tongue), _form(transaction, tongue)),
        tag("p", tongue(N_("Sandbox: this money is not real."))),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", heading),
    )
    return "<!DOCTYPE html>" + tag("html", head, body, lang=tongue.language)


def _about(transaction: Transaction, tongue: Tongue) -> Html | None:
    return tag("p", tongue(N_("Order")), " ", told(transaction.order_id)) if transaction.order_id else None


def _state(transaction: Transaction, tongue: Tongue) -> Html:
    return tag("p", tag("strong", tongue(STATUSES[transaction.status])), id="state", role="status")


def _form(transaction: Transaction, tongue: Tongue) -> Child:
    if transaction.status not in WAITING:
        return None
    buttons = [tag("button", tongue(text), name="action", value=action.value, type="submit") for action, text in _BUTTONS.items()]
    return tag("form", tag("p", [[button, " "] for button in buttons]), method="post")


def _decided(bank: Bank, now_ms: int, transaction: Transaction, body: bytes) -> Response:
    action = dict(parse_qsl(body.decode("utf-8", "replace"))).get("action", "")
    if action not in set(_BUTTONS):
        return PlainTextResponse("action must be confirm, decline or cancel", status_code=400)
    with contextlib.suppress(NotWaiting):  # the page shows what has become of it
        bank.decide(now_ms, transaction.id, Customer(Action(action)))
    return lead_there(transaction)
