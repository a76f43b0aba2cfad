"""May this be refunded? The API's rules, without any effect."""

from typing import Any

from agent.sandbox.transaction import REFUNDABLE, Line, Part, Transaction, is_counted, line_key
from agent.sandbox.words import Code, ErrorCode, Refused, Status


class Forbidden(Exception):
    """The refund is rejected with this errorCode, inside a 200."""

    def __init__(self, error_code: ErrorCode) -> None:
        super().__init__(error_code)
        self.error_code = error_code


def check(transaction: Transaction, amount: int) -> None:
    """May so much go back now? Raises Forbidden."""
    match transaction.status:
        case Status.NEW | Status.PENDING:
            raise Forbidden(ErrorCode.PAYMENT_TRANSACTION_IS_NOT_PAID)
        case Status.REJECTED | Status.CANCELED | Status.EXPIRED | Status.REFUNDED:
            raise Forbidden(ErrorCode.TERMINAL_STATE_OF_PAYMENT_TRANSACTION)
        case Status.REFUNDING:
            raise Forbidden(ErrorCode.PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY)
    assert transaction.status in REFUNDABLE
    if amount > transaction.left:
        raise Forbidden(ErrorCode.REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE)


def parts_of(transaction: Transaction, amount: int, items: list[dict[str, Any]]) -> tuple[Part, ...]:
    """What the refund takes out of the sale's lines.

    Raises Forbidden for a rule of the API, Refused for goods that were not sold and for a part of a weighed line: the API has no code
    for these, so they count as a badly formed request.
    """
    check(transaction, amount)
    taken: list[Part] = []
    for place, item in enumerate(items):
        taken.append(_part(transaction.lines, taken, f"items[{place}]", item))
    return tuple(taken)


def give_back(transaction: Transaction, amount: int, parts: tuple[Part, ...]) -> None:
    """Book a refund that was granted."""
    transaction.refunded += amount
    for part in parts:
        line = transaction.lines[part.line]
        line.returned_quantity += part.quantity
        line.returned_total += part.total


def _part(lines: list[Line], taken: list[Part], path: str, item: dict[str, Any]) -> Part:
    key, quantity, total = line_key(item), int(item["quantity"]), item["totalAmount"]
    sold = [place for place, line in enumerate(lines) if line.key == key]
    if not sold:
        raise Refused(Code.SANDBOX_INVALID_REQUEST, f"{path}: was not sold in this payment", remembered=False)
    if is_counted(item):
        if not _fits(lines[sold[0]], sold[0], taken, quantity, total):
            raise Forbidden(ErrorCode.REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE)
        return Part(sold[0], quantity, total)
    whole = [place for place in sold if (lines[place].quantity, lines[place].total) == (quantity, total)]
    if not whole:
        raise Refused(
            Code.SANDBOX_INVALID_REQUEST, f"{path}: goods that are not counted in pieces go back only as a whole line", remembered=False
        )
    for place in whole:
        if _fits(lines[place], place, taken, quantity, total):
            return Part(place, quantity, total)
    raise Forbidden(ErrorCode.REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE)


def _fits(line: Line, place: int, taken: list[Part], quantity: int, total: int) -> bool:
    before = [part for part in taken if part.line == place]
    return (
        line.returned_quantity + sum(part.quantity for part in before) + quantity <= line.quantity
        and line.returned_total + sum(part.total for part in before) + total <= line.total
    )
