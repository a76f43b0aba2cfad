"""The slip text: the receipt block as lines for a printer of 32, 42 or 48 columns.

The rows come frozen from the record; this is layout alone, and a golden test pins it, because a slip that was handed out must come out the
same for ever (promise P4).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from agent.core.money import roubles
from agent.texts import N_, Translate

WIDTHS = (32, 42, 48)  # columns of the receipt printers in use

LABELS = {
    "orderId": N_("Order"),
    "paymentTransactionId": N_("Payment"),
    "refundTransactionId": N_("Refund"),
    "paymentType": N_("Paid by"),
    "qrcId": N_("SBP id"),
    "kzo": N_("SBP control value"),
    "operationId": N_("Bank operation"),
    "totalAmount": N_("AMOUNT PAID"),
    "refundAmount": N_("AMOUNT RETURNED"),
    "operationDateTime": N_("Time (UTC)"),
    "enteredBy": N_("Entered by"),
}
_TEST = N_("TEST, NOT REAL MONEY")
_COPY = N_("COPY")
_OPERATOR = N_("the shop")
_PAYMENT_TYPES = {"SBP": N_("SBP"), "DOLYAME": N_("Dolyame"), "CreditCard": N_("Bank card")}
_TIME = N_("Time")  # of a moment that names no zone
_AMOUNTS = frozenset({"totalAmount", "refundAmount"})
_CENTRED = frozenset({"brandName", "legalName"})


def texts(rows: Sequence[tuple[str, str]], translate: Translate, copy: bool = False) -> dict[str, str]:
    """The slip for every width, keyed by it; empty without rows. ``copy``: it says that it is one."""
    if not rows:
        return {}
    return {str(width): "\n".join([*(copy_line(width, translate) if copy else []), *lines(rows, width, translate)]) for width in WIDTHS}


def copy_line(width: int, translate: Translate) -> list[str]:
    """What distinguishes a copy."""
    return [f"*** {translate(_COPY)} ***".center(width).rstrip()]


def lines(rows: Iterable[tuple[str, str]], width: int, translate: Translate) -> list[str]:
    """The slip's lines, none longer than ``width`` characters."""
    found: list[str] = []
    for label, value in rows:
        if label in _CENTRED:
            found += [part.center(width).rstrip() for part in wrapped(value, width)]
        elif label == "environment":
            found.append(f"* {translate(_TEST)} *".center(width, "*")[:width])
        else:
            found += pair(translate(_label(label, value)), _shown(label, value, translate), width)
    return found


def _label(label: str, value: str) -> str:
    return _TIME if label == "operationDateTime" and _moment(value) is None else LABELS.get(label, label)


def _shown(label: str, value: str, translate: Translate) -> str:
    if label in _AMOUNTS:
        return roubles(int(value))
    if label == "paymentType":
        return translate(_PAYMENT_TYPES[value]) if value in _PAYMENT_TYPES else value
    if label == "operationDateTime":
        return _time(value)
    if label == "enteredBy":
        return translate(_OPERATOR)
    return value


def _time(value: str) -> str:
    """The provider's time as people write it; one that cannot be read, or names no zone, is shown as it came, and not as UTC."""
    moment = _moment(value)
    return value if moment is None else moment.strftime("%d.%m.%Y %H:%M:%S")


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # the latter: the first or last day of all time in another zone
        return None


def pair(label: str, value: str, width: int) -> list[str]:
    """Label left and value right on one line, or, where that does not fit, the value on lines of its own below."""
    gap = width - len(label) - len(value)
    if gap > 0:
        return [f"{label}{' ' * gap}{value}"]
    return [*wrapped(label, width), *(part.rjust(width) for part in wrapped(value, width))]


def wrapped(text: str, width: int) -> list[str]:
    """Cut at blanks where possible, else anywhere: ids have none."""
    found: list[str] = []
    while len(text) > width:
        cut = text.rfind(" ", 0, width + 1)
        cut = cut if cut > 0 else width
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*found, text]
