"""What may be asked back of a sale, and what it comes to: the rest of the payment, or lines of the bill (money rule 8)."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.core import events
from agent.core.capability import Refunds
from agent.core.events import Event
from agent.core.model import PIECE, RefundLine
from agent.core.money import BadAmount, Kopecks, share
from agent.core.payment import PaymentState
from agent.core.refund import Refund, RefundCause, RefundState
from agent.core.sale import Sale

REFUNDABLE = frozenset({PaymentState.PAID, PaymentState.ELSEWHERE})
MAX_REFUNDS = 100  # of one sale: far above any shop's need, low enough for a bounded record


class NotRefundable(ValueError):
    """The refund breaks a rule. The text is for the POS programmer, ``reason`` has words for the cashier; ``path`` names the field at
    fault."""

    def __init__(self, reason: str, path: str, problem: str) -> None:
        super().__init__(problem)
        self.reason = reason
        self.path = path


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line the POS wants back: 0-based place in the bill, units, and optionally the kopecks it computed itself."""

    line: int
    quantity: int
    total_amount: int | None = None


def check_kind(sale: Sale, wanted: Sequence[Wanted], kind: Refunds) -> None:
    """What a provider cannot return at all is not asked for. Raises NotRefundable."""
    if kind is Refunds.NONE:
        text = f"{sale.binding.provider} has no refund that a program could ask for; it is made in its cabinet"
        raise NotRefundable("NO_REFUND_CALL", "key", text)
    if kind is Refunds.REQUEST and wanted and sum(one.quantity for one in wanted) != sum(x.quantity for x in sale.checkout.invoice.items):
        raise NotRefundable("WHOLE_ONLY", "items", f"{sale.binding.provider} returns only the whole sum: leave items out")


def must_be_whole(sale: Sale, one: Refund, kind: Refunds) -> bool:
    """Whether people would return a payment of which nothing is known but what a register has said: they return all of it, whatever that
    is, so the payment is read before they are asked, for our record must not call a part of it the whole."""
    unasked = one.state is RefundState.QUEUED and one.checked is None
    return unasked and kind is Refunds.REQUEST and sale.payment is PaymentState.ELSEWHERE


def refund_asked(sale: Sale, key: str, wanted: Sequence[Wanted], amount: int | None, digest: str) -> list[Event]:
    """Open a refund the POS asks for: everything that is left, or some lines. Raises NotRefundable (money rule 8)."""
    if sale.payment not in REFUNDABLE:
        raise NotRefundable("SALE_NOT_PAID", "key", f"the sale is {sale.payment.value}: only a paid sale can be refunded")
    if sale.transaction_id is None:
        text = "the payment system's id of this payment is not known: an operator decided that it was made"
        raise NotRefundable("NO_TRANSACTION", "key", text)
    if len(sale.refunds) >= MAX_REFUNDS:
        raise NotRefundable("TOO_MANY_RETURNS", "key", f"a sale has at most {MAX_REFUNDS} refunds")
    left = lines_left(sale)
    lines = tuple(_line(sale, left, one, place) for place, one in enumerate(wanted)) if wanted else tuple(left.values())
    total = Kopecks(sum(line.total_amount for line in lines))
    if total <= 0 or not lines:
        raise NotRefundable("NOTHING_LEFT", "items", "nothing is left to refund")
    if amount is not None and amount != total:
        raise NotRefundable("WRONG_LINES", "refundAmount", f"the lines add up to {total} kopecks, refundAmount says {amount}")
    if total > sale.amount - sale.refund_held:
        text = f"{sale.amount - sale.refund_held} kopecks are left to refund, {total} are asked"
        raise NotRefundable("MORE_THAN_LEFT", "refundAmount", text)
    return [events.RefundOpened(key, total, lines, RefundCause.POS, digest)]


def lines_left(sale: Sale) -> dict[int, RefundLine]:
    """What is left of each line of the bill after the refunds so far (declined ones do not count). Lines without a rest are absent."""
    left: dict[int, RefundLine] = {}
    for place, item in enumerate(sale.checkout.invoice.items):
        back = [line for one in sale.refunds if one.counted for line in one.lines if line.line == place]
        quantity = item.quantity - sum(line.quantity for line in back)
        total = item.total_amount - sum(line.total_amount for line in back)
        if quantity > 0 and total >= 0:
            left[place] = RefundLine(place, quantity, Kopecks(total))
    return left


def _line(sale: Sale, left: dict[int, RefundLine], one: Wanted, place: int) -> RefundLine:
    items = sale.checkout.invoice.items
    path = f"items[{place}]"
    if not 0 <= one.line < len(items):
        raise NotRefundable("WRONG_LINES", f"{path}.line", f"the bill has lines 0 to {len(items) - 1}, not {one.line}")
    rest = left.pop(one.line, None)  # a line may be named once
    if rest is None:
        reason = "WRONG_LINES" if one.line in lines_left(sale) else "NOTHING_LEFT"
        raise NotRefundable(reason, f"{path}.line", f"nothing is left of line {one.line}, or it is named twice")
    item = items[one.line]
    if not 0 < one.quantity <= rest.quantity:
        text = f"{rest.quantity} units of line {one.line} are left, not {one.quantity}"
        raise NotRefundable("MORE_THAN_LEFT", f"{path}.quantity", text)
    if item.measure != PIECE and one.quantity != item.quantity:
        text = f"line {one.line} is sold by {item.measure}: it goes back only whole, {item.quantity} units"
        raise NotRefundable("WHOLE_LINE_ONLY", f"{path}.quantity", text)
    whole = one.quantity == rest.quantity
    total = rest.total_amount if whole else share(item.total_amount, one.quantity, item.quantity)
    if one.total_amount is not None:
        total = _own_amount(path, one.total_amount, rest, whole)
    if total > rest.total_amount:
        text = f"{rest.total_amount} kopecks of line {one.line} are left, not {total}"
        raise NotRefundable("MORE_THAN_LEFT", f"{path}.totalAmount", text)
    return RefundLine(one.line, one.quantity, total)


def _own_amount(path: str, amount: int, rest: RefundLine, whole: bool) -> Kopecks:
    """A POS may round its own way, as long as the last part of a line returns exactly the rest."""
    if whole and amount != rest.total_amount:
        text = f"the last units of a line return its rest, {rest.total_amount} kopecks, not {amount}"
        raise NotRefundable("WRONG_LINES", f"{path}.totalAmount", text)
    if amount < 0:
        raise BadAmount(f"{path}.totalAmount: an amount is not negative")
    return Kopecks(amount)
