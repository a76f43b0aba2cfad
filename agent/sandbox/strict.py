"""Is a request well formed? Every wrong field is named, none is forgiven.

The rules are those of the vendor's OpenAPI file with the corrections of ``errata``, plus the limits its prose states. A value is
never repeated in a complaint: it may be a card session.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from agent.sandbox.receipts import OPTIONAL_AMOUNTS, OPTIONAL_TEXTS, RECEIPT_TYPES, REQUIRED_TEXTS, TAXATIONS, inn, moment
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Method, Operation

Check = Callable[[str, Any], list[str]]

MAX_ID_CHARS = 36  # requestId, storeId, transactionId, orderId, loyaltyId
MAX_TERMINAL_ID_CHARS = 256
MAX_AMOUNT = 9_999_999_999  # ten digits
MAX_NUMBER_DIGITS = 20  # no price or quantity is longer; a huge exponent must not be computed
MAX_TEXT_CHARS = 4_096  # name, article, purpose: no limit is public, one is needed
MAX_PROBLEMS = 50  # a complaint must stay readable
MAX_NAME_SHOWN_CHARS = 40  # of an unknown field's name

_CARD_SESSION = re.compile(r"[A-Za-z0-9]{1,32}")
_RUB = "RUB"


def text(most: int, pattern: re.Pattern[str] | None = None) -> Check:
    """A string of 1 to ``most`` characters that matches the whole pattern."""

    def check(path: str, value: Any) -> list[str]:
        if not isinstance(value, str):
            return [f"{path}: must be a string"]
        if not 1 <= len(value) <= most:
            return [f"{path}: must have 1 to {most} characters, has {len(value)}"]
        if pattern is not None and not pattern.fullmatch(value):
            return [f"{path}: must match {pattern.pattern}"]
        return []

    return check


def one_of(values: Iterable[str], *, empty: bool = False) -> Check:
    """A string out of a list; ``empty`` allows the empty string where the API says that it means the default."""
    allowed = sorted(values)

    def check(path: str, value: Any) -> list[str]:
        if isinstance(value, str) and (value in allowed or (empty and not value)):
            return []
        return [f"{path}: must be one of {', '.join(allowed)}"]

    return check


def amount(least: int = 0) -> Check:
    """Kopecks: a JSON number written without point or exponent."""

    def check(path: str, value: Any) -> list[str]:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_AMOUNT:
            return [f"{path}: must be a whole number of kopecks from {least} to {MAX_AMOUNT}"]
        return []

    return check


def price(path: str, value: Any) -> list[str]:
    """Kopecks per unit of measure; may have a fraction when the unit is small."""
    return [] if _number(value) and value >= 0 else [f"{path}: must be a number, not negative"]


def quantity(path: str, value: Any) -> list[str]:
    """Whole units: 1125 or 1125.0, never 1.125."""
    if not _number(value) or value <= 0 or value != int(value):
        return [f"{path}: must be a whole number of units above 0 (convert to a smaller unit)"]
    if isinstance(value, Decimal) and -int(value.as_tuple().exponent) > 1:
        return [f"{path}: must have at most one digit after the point"]
    return []


def free(path: str, value: Any) -> list[str]:
    """An object with keys of the merchant's own."""
    return [] if isinstance(value, dict) else [f"{path}: must be an object"]


def several(each: Check, *, unique: Callable[[Any], object] | None = None) -> Check:
    """An array of at least one element; ``unique`` gives what must differ."""

    def check(path: str, value: Any) -> list[str]:
        if not isinstance(value, list) or not value:
            return [f"{path}: must be an array of at least one element"]
        problems = [problem for place, item in enumerate(value) for problem in each(f"{path}[{place}]", item)]
        if not problems and unique is not None and len({unique(item) for item in value}) < len(value):
            problems.append(f"{path}: elements must be unique")
        return problems

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check], *, closed: bool) -> Check:
    """An object; ``closed`` refuses fields that are in neither list (a misspelt optional field would pass unnoticed)."""

    def check(path: str, value: Any) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path or 'body'}: must be an object"]
        within = f"{path}." if path else ""
        problems = [f"{within}{name}: is required" for name in required if name not in value]
        for name, item in value.items():
            rule = required.get(name) or optional.get(name)
            if rule is not None:
                problems += rule(f"{within}{name}", item)
            elif closed:
                problems.append(f"{within}{name[:MAX_NAME_SHOWN_CHARS]}: is not a field of this API")
        return problems

    return check


def frozen(value: Any) -> object:
    """A hashable twin of a JSON value: equal values have equal twins."""
    match value:
        case dict():
            return frozenset((name, frozen(item)) for name, item in value.items())
        case list():
            return tuple(frozen(item) for item in value)
        case bool():
            return ("bool", value)  # JSON's true is not its 1
        case _:
            return value


def _number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    number = Decimal(value) if isinstance(value, int) and abs(value) <= 10**MAX_NUMBER_DIGITS else value
    if not isinstance(number, Decimal) or not number.is_finite():
        return False
    return abs(number.adjusted()) <= MAX_NUMBER_DIGITS and len(number.as_tuple().digits) <= MAX_NUMBER_DIGITS


class Strict:
    """The form of every operation's body, built once from the settings."""

    def __init__(self, settings: BankSettings) -> None:
        self._check_sums = settings.check_sums
        self._closed = settings.refuse_unknown_fields
        identifier, currency = text(MAX_ID_CHARS), one_of({_RUB}, empty=True)
        place: dict[str, Check] = {"requestId": identifier, "storeId": identifier, "terminalId": text(MAX_TERMINAL_ID_CHARS)}
        item = self._item(settings, currency)
        invoice = self._invoice(item, currency)
        self._checks: dict[Operation, Check] = {
            Operation.CHECKOUT: self._checkout(place, invoice),
            Operation.AVAILABILITY: self._shape(
                {**self._buyer(settings.availability_session_name), **place, "checkoutInvoice": invoice},
                {},
            ),
            Operation.STATUS: self._shape({"requestId": identifier}, {"transactionId": identifier, "refTransactionId": identifier}),
            Operation.CANCEL: self._shape({**place, "transactionId": identifier}, {}),
            Operation.REFUND: self._shape(
                {**place, "transactionId": identifier, "refundAmount": amount(1), "items": several(item, unique=frozen)},
                {"currency": currency},
            ),
            Operation.RECEIPT: self._shape(
                {**place, "transactionId": identifier, "invoice": self._fiscal(item, currency)},
                {"meta": free},
            ),
        }

    def problems(self, operation: Operation, headers: Mapping[str, str], document: Any) -> list[str]:
        """All that is wrong with a request, at most MAX_PROBLEMS. Header names are lower case."""
        found = _headers(operation, headers) + self._checks[operation]("", document)
        if not found and operation is Operation.STATUS and not {"transactionId", "refTransactionId"} & set(document):
            found = ["transactionId: is required unless refTransactionId is given"]
        if not found and self._check_sums:
            found = _sums(operation, document)
        return found[:MAX_PROBLEMS]

    def _shape(self, required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
        return shape(required, optional, closed=self._closed)

    def _item(self, settings: BankSettings, currency: Check) -> Check:
        free_text = text(MAX_TEXT_CHARS)
        return self._shape(
            {
                "name": free_text,
                "article": free_text,
                "price": price,
                "quantity": quantity,
                "totalAmount": amount(),
                "tax": one_of(settings.taxes),
            },
            {
                "currency": currency,
                "measure": one_of(settings.measures, empty=True),
                "discountAmount": amount(),
                "subTotalAmount": amount(),
            },
        )

    def _invoice(self, item: Check, currency: Check) -> Check:
        return self._shape(
            {"orderId": text(MAX_ID_CHARS), "totalAmount": amount(), "items": several(item)},
            {"currency": currency, "discountAmount": amount(), "subTotalAmount": amount()},
        )

    def _fiscal(self, item: Check, currency: Check) -> Check:
        texts = {name: text(most) for name, most in REQUIRED_TEXTS.items()}
        optional_texts = {name: text(most) for name, most in OPTIONAL_TEXTS.items()}
        return self._shape(
            {
                **texts,
                "inn": inn,
                "dateTime": moment,
                "receiptType": one_of(RECEIPT_TYPES),
                "totalAmount": amount(),
                "items": several(item),
            },
            {**optional_texts, **dict.fromkeys(OPTIONAL_AMOUNTS, amount()), "taxation": one_of(TAXATIONS), "currency": currency},
        )

    def _buyer(self, session_name: str) -> dict[str, Check]:
        return {session_name: text(32, _CARD_SESSION), "user": self._shape({"loyaltyId": text(MAX_ID_CHARS)}, {})}

    def _checkout(self, place: Mapping[str, Check], invoice: Check) -> Check:
        method = self._shape({"type": one_of(Method)}, {"paymentPurpose": text(MAX_TEXT_CHARS), "meta": free})
        return self._shape(
            {
                **self._buyer("cardSession"),
                **place,
                "checkoutInvoice": invoice,
                "paymentMethods": several(method, unique=lambda element: element["type"]),
            },
            {},
        )


_WITH_TOKEN = frozenset({Operation.CHECKOUT, Operation.REFUND, Operation.AVAILABILITY})


def _headers(operation: Operation, headers: Mapping[str, str]) -> list[str]:
    found = []
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        found.append("header Content-Type: must be application/json")
    if operation in _WITH_TOKEN and not headers.get("token", "").strip():
        found.append("header token: is required")
    return found


def _sums(operation: Operation, document: Any) -> list[str]:
    match operation:
        case Operation.CHECKOUT | Operation.AVAILABILITY:
            lines, path, total = (
                document["checkoutInvoice"]["items"],
                "checkoutInvoice.totalAmount",
                document["checkoutInvoice"]["totalAmount"],
            )
        case Operation.REFUND:
            lines, path, total = document["items"], "refundAmount", document["refundAmount"]
        case _:
            return []
    return [] if sum(line["totalAmount"] for line in lines) == total else [f"{path}: is not the sum of the lines"]
