"""Payments that wait for the customer: what the phone would show, and what he can do."""

import json

from agent.sandbox.bank import PAY_PATH
from agent.sandbox.control import PREFIX
from agent.sandbox.customer import Action
from agent.sandbox.page.rows import MAX_SHOWN, House, button, left_out, none_yet
from agent.sandbox.page.words import ACTIONS, METHODS, PAY_WITH, Tongue
from agent.sandbox.showing import show
from agent.sandbox.transaction import WAITING, Transaction
from agent.texts import N_
from agent.web.html import Html, tag, told
from agent.web.live import Region, Row, row

MAX_LINES = 30  # goods of one payment; the amount tells the rest


def waiting(house: House, tongue: Tongue) -> list[Region]:
    """The payments, and their number for those who hear the page."""
    found = [transaction for transaction in house.bank.transactions() if transaction.status in WAITING]
    shown = [_card(tongue, transaction) for transaction in found[:MAX_SHOWN]]
    empty = [none_yet(tongue, "waiting-none", N_("No payment waits for the customer."))]
    number = row("p", "waiting-number", tongue(N_("Payments that wait: {number}"), number=len(found)))
    return [
        Region("waiting-count", [number]),
        Region("waiting", [*(shown or empty), *left_out(tongue, "waiting-more", len(found) - MAX_SHOWN)]),
    ]


def place(tongue: Tongue, transaction: Transaction) -> Html:
    """Whose payment it is."""
    return tag(
        "p",
        [tongue(N_("Order")), " ", tag("strong", told(transaction.order_id)), " · "],
        [tongue(N_("shop")), " ", told(transaction.store_id), " · ", tongue(N_("till")), " ", told(transaction.terminal_id), " · "],
        tongue.moment(transaction.created_ms),
        class_="place",
    )


def _card(tongue: Tongue, transaction: Transaction) -> Row:
    shown, title = show(transaction), f"title-{transaction.id}"
    return row(
        "li",
        f"waiting-{transaction.id}",
        tag("h3", tongue.roubles(transaction.amount), id=title),
        place(tongue, transaction),
        tag("ul", [_line(tongue, line) for line in shown["lines"][:MAX_LINES]], _lines_left(tongue, len(shown["lines"])), class_="goods"),
        tag("p", tongue(N_("Offered: {methods}"), methods=_offered(tongue, transaction))),
        _way_there(tongue, transaction),
        tag("p", _script(tongue, transaction), class_="script"),
        _buttons(tongue, transaction, title),
        class_="card",
    )


def _offered(tongue: Tongue, transaction: Transaction) -> str:
    methods = ", ".join(tongue(METHODS[method]) for method in transaction.offered)
    return ", ".join(part for part in (tongue.means(transaction) if transaction.method is None else "", methods) if part)


def _way_there(tongue: Tongue, transaction: Transaction) -> Html | None:
    """The page that the customer opens with the code of the till."""
    address = PAY_PATH + transaction.link_id
    return tag("p", tag("a", tongue(N_("The page of this payment")), href=address)) if transaction.link_id else None


def _line(tongue: Tongue, line: dict[str, str | int]) -> Html:
    measure = "" if line["measure"] == "PIECE" else f" {line['measure']}"
    total = tongue.roubles(int(line["total"]))
    return tag("li", tag("span", told(str(line["name"])), f" × {line['quantity']}{measure}"), " ", tag("span", total, class_="sum"))


def _lines_left(tongue: Tongue, number: int) -> Html | None:
    return tag("li", tongue(N_("and {number} more"), number=number - MAX_LINES)) if number > MAX_LINES else None


def _script(tongue: Tongue, transaction: Transaction) -> str:
    intention = transaction.intention
    if intention is None:
        return tongue(N_("Nothing is planned: you are the customer."))
    return tongue(
        N_("Planned: the customer {does} at {time}."),
        does=tongue(ACTIONS[intention.customer.action]),
        time=tongue.moment(intention.at_ms),
    )


def _buttons(tongue: Tongue, transaction: Transaction, title: str) -> Html:
    path = f"POST {PREFIX}/transactions/{transaction.id}/"
    return tag(
        "div",
        [
            button(tongue(PAY_WITH[method]), path + Action.CONFIRM, json.dumps({"method": method}), class_="yes", about=title)
            for method in transaction.offered
        ],
        None if transaction.offered else button(tongue(N_("Pay")), path + Action.CONFIRM, class_="yes", about=title),
        button(tongue(N_("Decline")), path + Action.DECLINE, class_="no", about=title),
        button(tongue(N_("Cancel in the app")), path + Action.CANCEL, about=title),
        None if transaction.intention is None else button(tongue(N_("Let it wait")), path + Action.WAIT, about=title),
        class_="buttons",
    )
