"""The books: sums, every payment with what became of it and its receipts, and the rules of the API that the client broke in silence."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from agent.sandbox.control import PREFIX
from agent.sandbox.ledger import EntryKind, Ledger, Violation
from agent.sandbox.page.rows import MAX_SHOWN, House, button, left_out, none_yet
from agent.sandbox.page.waiting import place
from agent.sandbox.page.words import PURPOSES, REF_STATUSES, STATUSES, Tongue
from agent.sandbox.receipts import ReceiptEntry
from agent.sandbox.showing import show
from agent.sandbox.transaction import Reference, Transaction
from agent.sandbox.words import RefStatus
from agent.texts import N_
from agent.web.html import Html, tag, told
from agent.web.live import Region, Row, row

MAX_VIOLATIONS = 20  # the latest; the control API has them all

Sums = Mapping[EntryKind, int]


def books(house: House, tongue: Tongue) -> list[Region]:
    """What really happened to the money."""
    ledger, transactions = house.bank.ledger, house.bank.transactions()
    sums: defaultdict[str, dict[EntryKind, int]] = defaultdict(lambda: dict.fromkeys(EntryKind, 0))
    for entry in ledger.entries:
        sums[entry.transaction_id][entry.kind] += entry.amount
    receipts: defaultdict[str, list[ReceiptEntry]] = defaultdict(list)
    for receipt in ledger.receipts:
        receipts[receipt.transaction_id].append(receipt)
    shown = [
        _card(tongue, transaction, sums[transaction.id], receipts[transaction.id]) for transaction in reversed(transactions[-MAX_SHOWN:])
    ]
    empty = [none_yet(tongue, "books-none", N_("No payment yet."))]
    return [
        Region("totals", [row("dl", "totals-all", _sums(tongue, ledger.charged(), ledger.refunded()), class_="sums")]),
        Region("violations", _violations(tongue, ledger)),
        Region("books", [*(shown or empty), *left_out(tongue, "books-more", len(transactions) - MAX_SHOWN)]),
    ]


def _sums(tongue: Tongue, charged: int, refunded: int) -> list[Html]:
    named = ((N_("Charged"), charged), (N_("Returned"), refunded), (N_("Net"), charged - refunded))
    return [tag("div", tag("dt", tongue(name)), tag("dd", tongue.roubles(amount))) for name, amount in named]


def _card(tongue: Tongue, transaction: Transaction, sums: Sums, receipts: Sequence[ReceiptEntry]) -> Row:
    shown = show(transaction)
    state = tag("span", tongue(STATUSES[transaction.status]), class_=f"state {transaction.status}")
    return row(
        "li",
        f"payment-{transaction.id}",
        tag("p", tag("strong", tongue.roubles(transaction.amount)), " ", state, " ", tongue.means(transaction)),
        place(tongue, transaction),
        tag("p", tag("code", transaction.error_code)) if transaction.error_code else None,
        tag("dl", _sums(tongue, sums[EntryKind.CHARGE], sums[EntryKind.REFUND]), class_="sums"),
        _list([_reference(tongue, transaction, reference) for reference in transaction.references]),
        _list([_receipt(tongue, receipt) for receipt in receipts]),
        _for_programmers(tongue, shown),
        class_="card",
    )


def _reference(tongue: Tongue, transaction: Transaction, reference: Reference) -> Html:
    code = [" ", tag("code", reference.error_code)] if reference.error_code else None
    said = f"{tongue(PURPOSES[reference.purpose])} {tongue.roubles(reference.amount)}: {tongue(REF_STATUSES[reference.status])}"
    return tag("li", said, code, f" · {tongue.moment(reference.at_ms)}", _for_people(tongue, transaction, reference))


def _for_people(tongue: Tongue, transaction: Transaction, reference: Reference) -> Html | None:
    """The buttons of a return that waits for people."""
    if reference.status is not RefStatus.NEW or not transaction.by_people:
        return None
    path, about = f"POST {PREFIX}/references/{reference.id}/", f"words-{transaction.id}"
    return tag(
        "div",
        button(tongue(N_("Give it back")), path + "accept", class_="yes", about=about),
        button(tongue(N_("Refuse the return")), path + "refuse", class_="no", about=about),
        class_="buttons",
    )


def _receipt(tongue: Tongue, receipt: ReceiptEntry) -> Html:
    amount = tongue.roubles(receipt.total_amount)
    return tag("li", f"{tongue(N_('Receipt'))} ", told(receipt.receipt_id), f": {amount} ", tag("code", told(receipt.receipt_type)))


def _list(items: Sequence[Html]) -> Html | None:
    return tag("ul", items) if items else None


def _for_programmers(tongue: Tongue, shown: Mapping[str, object]) -> Html:
    """The API's own words, folded away."""
    history = " → ".join(str(status) for status in shown["history"]) if isinstance(shown["history"], list) else ""
    return tag(
        "details",
        tag("summary", tongue(N_("In the words of the API"))),
        tag("p", tag("code", f"transactionId {shown['id']}")),
        tag("p", tag("code", history)),
        id=f"words-{shown['id']}",
    )


def _violations(tongue: Tongue, ledger: Ledger) -> list[Row]:
    latest = ledger.violations[: -MAX_VIOLATIONS - 1 : -1]
    if not latest:
        return []
    title = tongue(N_("Rules of the API that the register broke: {number}"), number=len(ledger.violations))
    return [
        row(
            "div",
            "violations-all",
            tag("details", tag("summary", title), tag("ul", [_violation(tongue, one) for one in latest]), id="violations-list"),
        )
    ]


def _violation(tongue: Tongue, violation: Violation) -> Html:
    return tag(
        "li", tongue.moment(violation.at_ms), " ", tag("code", f"{violation.kind} {violation.operation}"), " ", told(violation.detail)
    )
