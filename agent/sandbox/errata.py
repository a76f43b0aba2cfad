"""Where the vendor's OpenAPI file is wrong or behind, and what the sandbox takes instead. Data, for contract tests of anybody.

The file's content is older than the version it is labelled with, and has slips of its own. Each entry names a node of the file, the keys it
has there (``says``), the keys we put in their place (``takes``; ABSENT: no such key) and why. ``corrected`` applies them all.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Missing(Enum):
    """The one value that says "no such key"."""

    ABSENT = "absent"


ABSENT = Missing.ABSENT


@dataclass(frozen=True, slots=True)
class Erratum:
    """One correction: at the node ``where``, the keys of ``says`` become those of ``takes``."""

    where: tuple[str, ...]
    says: Mapping[str, Any]
    takes: Mapping[str, Any]
    reason: str


_SCHEMAS = ("components", "schemas")
_API = "/api/v1/merchant/"


def _answer(path: str) -> tuple[str, ...]:
    return ("paths", _API + path, "post", "responses", "200", "content", "application/json", "schema")


def _request(path: str) -> tuple[str, ...]:
    return ("paths", _API + path, "post", "requestBody", "content", "application/json", "schema")


_RUB = {"type": "string", "enum": ["", "RUB"]}
_AMOUNT = {"type": "integer", "minimum": 0, "maximum": 9_999_999_999}
_IDENTIFIER = {"minLength": 1, "maxLength": 36}
_REFUND_CODES = [
    "PAYMENT_TRANSACTION_IS_NOT_PAID",
    "TERMINAL_STATE_OF_PAYMENT_TRANSACTION",
    "PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY",
    "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE",
    "EXTERNAL_PROVIDER_ERROR",
    "UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER",
]
_STATUS_CODES = ["NOT_ENOUGH_LIMIT_TO_PAY", "TOTAL_AMOUNT_IS_TOO_SMALL", *_REFUND_CODES]
_LATER_CODES = ["SUBSCRIPTION_IS_NOT_FOUND", "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER", "PAYMENT_ORDER_IS_NOT_FOUND"]
_SLIP = ["id", "paymentType", "storeId", "terminalId", "orderId", "paymentTransactionId"]
_SLIP_TAIL = ["operationDateTime", "totalAmount"]
_STATUSES = ["new", "canceled", "pending", "rejected", "accepted", "refunding", "partial_refunded"]
_REF_ANSWER = ["requestId", "refTransactionId", "refStatus", "transactionId", "status"]
_INVOICE = ["orderId", "receiptId", "merchantName", "merchantAddress", "inn", "dateTime", "shift", "cashier", "receiptType", "totalAmount"]
_LIST = ["koshelekPayIsDefault", "paymentTypeAvailabilityInfoList"]
_NOT_BEFORE_THE_END = "A slip exists only after the bank operation; a new or cancelled payment has none."

_REQUEST_FORM: Sequence[Erratum] = (
    Erratum(
        (*_SCHEMAS, "terminalId"),
        {"minLength": 256, "maxLength": 256},
        {"minLength": 1, "maxLength": 256},
        "The file's own example has 16 characters: 256 is the most, not the exact length.",
    ),
    Erratum(
        (*_SCHEMAS, "storeId"),
        {"minLength": 36, "maxLength": 36},
        _IDENTIFIER,
        "The file's slips show stores such as KOSHELEK-42: an opaque text of at most 36 characters.",
    ),
    Erratum(
        (*_SCHEMAS, "transactionId"),
        {"minLength": 36, "maxLength": 36},
        _IDENTIFIER,
        "Given by the server: opaque to clients, and the sandbox may be told to number its transactions.",
    ),
    Erratum(
        (*_SCHEMAS, "requestId"),
        {"minLength": ABSENT, "maxLength": ABSENT},
        _IDENTIFIER,
        "The text says at most 36 characters; one example is a bare number, so no GUID is insisted on.",
    ),
    Erratum(
        (*_SCHEMAS, "cardSession"),
        {"minLength": ABSENT, "pattern": ABSENT},
        {"minLength": 1, "pattern": "^[A-Za-z0-9]+$"},
        "The text says Latin letters and digits.",
    ),
    Erratum(
        (*_SCHEMAS, "CheckoutInvoice", "properties", "orderId"),
        {"minLength": ABSENT, "maxLength": ABSENT},
        _IDENTIFIER,
        "The text says at most 36 characters.",
    ),
    Erratum(
        (*_SCHEMAS, "CheckoutInvoice", "properties", "items"),
        {"minItems": ABSENT},
        {"minItems": 1},
        "A bill without a line is no bill; the refund's list says the same.",
    ),
    *(
        Erratum(
            (*_SCHEMAS, owner, "properties", name),
            {"type": "number", "minimum": ABSENT, "maximum": ABSENT},
            _AMOUNT,
            "The text says kopecks, not negative, at most ten digits.",
        )
        for owner, name in (
            ("CheckoutInvoice", "totalAmount"),
            ("CheckoutInvoice", "discountAmount"),
            ("CheckoutInvoice", "subTotalAmount"),
            ("Item", "totalAmount"),
            ("Item", "discountAmount"),
            ("Invoice", "totalAmount"),
            ("Invoice", "discountAmount"),
            ("Invoice", "subTotalAmount"),
            ("Invoice", "taxAmount"),
        )
    ),
    Erratum(
        (*_SCHEMAS, "Invoice"),
        {"required": [*_INVOICE, "taxAmount", "items"]},
        {"required": [*_INVOICE, "items"]},
        "taxAmount is not mandatory since v1.2.1.",
    ),
    Erratum(
        (*_SCHEMAS, "Invoice", "properties"),
        {"currency": ABSENT},
        {"currency": _RUB},
        "Since v1.1.0; absent or empty means RUB, anything else is refused.",
    ),
    *(
        Erratum(
            (*_SCHEMAS, "Invoice", "properties", name),
            {"minLength": ABSENT},
            {"minLength": 1},
            "A mandatory text that is empty tells the buyer nothing.",
        )
        for name in ("orderId", "receiptId", "merchantName", "merchantAddress", "shift", "cashier")
    ),
    *(
        Erratum(
            (*_SCHEMAS, "Invoice", "properties", name),
            {"minLength": ABSENT},
            {"minLength": 1},
            "What there is nothing to say of is left out.",
        )
        for name in ("kktRegNumber", "fnNumber", "fdNumber", "fpd", "website", "qr")
    ),
    Erratum(
        (*_SCHEMAS, "Invoice", "properties", "inn"),
        {"pattern": ABSENT},
        {"pattern": "^[0-9]{12}$"},
        "A taxpayer's number consists of digits; that of a legal entity is padded with 00.",
    ),
    Erratum(
        (*_SCHEMAS, "Invoice", "properties", "items"),
        {"minItems": ABSENT},
        {"minItems": 1},
        "A receipt without a line is no receipt; the refund's list says the same.",
    ),
    Erratum(
        (*_SCHEMAS, "Item", "properties"),
        {
            "subtotalAmount": {"type": "number", "description": "Полная сумма без учета скидки, в копейках."},
            "subTotalAmount": ABSENT,
            "measure": ABSENT,
            "currency": ABSENT,
        },
        {"subtotalAmount": ABSENT, "subTotalAmount": _AMOUNT, "measure": {"type": "string"}, "currency": _RUB},
        "Spelt subTotalAmount in the file's examples and on the vendor's pages; measure and currency came with v1.1.0.",
    ),
    Erratum(
        (*_SCHEMAS, "Item", "properties", "quantity"),
        {"multipleOf": ABSENT, "minimum": ABSENT},
        {"multipleOf": 1, "minimum": 1},
        "Since v1.1.0 no fractional values: weights go in a smaller unit.",
    ),
    Erratum(
        (*_SCHEMAS, "Item", "properties", "tax"),
        {"enum": ["none", "vat0", "vat10", "vat20", "vat110", "vat120"]},
        {"enum": ABSENT},
        "The law knows more rates than the file; the names of the new ones are agreed with the vendor and configured.",
    ),
    Erratum(
        (*_SCHEMAS, "CheckoutInvoice", "properties"),
        {"currency": ABSENT},
        {"currency": _RUB},
        "Since v1.1.0; absent or empty means RUB, anything else is refused.",
    ),
    Erratum(
        (*_SCHEMAS, "PaymentMethod", "properties"),
        {"paymentPurpose": ABSENT},
        {"paymentPurpose": {"type": "string"}},
        "Since v1.0.0, for payments from a linked account.",
    ),
    Erratum(
        (*_request("transaction/refund"), "properties"),
        {"currency": ABSENT},
        {"currency": _RUB},
        "Since v1.1.0.",
    ),
    Erratum(
        (*_request("transaction/refund"), "properties", "refundAmount"),
        {"type": "number", "minimum": ABSENT, "maximum": ABSENT},
        {**_AMOUNT, "minimum": 1},
        "The text says kopecks, only positive, and not above the paid sum.",
    ),
)

_ANSWER_FORM: Sequence[Erratum] = (
    Erratum(
        (*_SCHEMAS, "Slip"),
        {"required": [*_SLIP, "merchantId", "operationDateTime", "qrcId", "totalAmount"]},
        {"required": [*_SLIP, *_SLIP_TAIL]},
        "merchantId and qrcId are described as obligatory for SBP alone, and the file's own DOLYAME slips have no qrcId.",
    ),
    Erratum(
        (*_SCHEMAS, "Slip", "properties"),
        {"kzo": ABSENT, "currency": ABSENT},
        {"kzo": {"type": "string"}, "currency": {"type": "string"}},
        "kzo came with v1.0.0, currency with v1.1.0.",
    ),
    Erratum(
        _answer("checkout"),
        {"required": ["requestId", "transactionId", "status", "slip"]},
        {"required": ["requestId", "transactionId", "status"]},
        _NOT_BEFORE_THE_END,
    ),
    Erratum(_answer("transaction/cancel"), {"required": [*_REF_ANSWER, "slip"]}, {"required": _REF_ANSWER}, _NOT_BEFORE_THE_END),
    Erratum(_answer("transaction/refund"), {"required": [*_REF_ANSWER, "slip"]}, {"required": _REF_ANSWER}, _NOT_BEFORE_THE_END),
    Erratum(
        _answer("transaction/status"),
        {"required": ["requestId", "transactionId", "status", "paymentGroup", "paymentProvider"]},
        {"required": ["requestId", "status"]},
        "DOLYAME is the only provider listed, so nothing can stand there for SBP; of an unknown transaction nothing but the echo is known.",
    ),
    Erratum(
        (*_answer("transaction/status"), "properties", "status"),
        {"enum": _STATUSES},
        {"enum": [*_STATUSES, "refunded", ""]},
        "refunded is missing here alone of all methods; the text lets the status be empty for an unknown transaction.",
    ),
    Erratum(
        (*_answer("transaction/status"), "properties", "errorCode"),
        {"enum": _STATUS_CODES},
        {"enum": [*_STATUS_CODES, *_LATER_CODES]},
        "Added with v1.0.0.",
    ),
    Erratum(
        (*_answer("transaction/refund"), "properties", "errorCode"),
        {"enum": _REFUND_CODES},
        {"enum": [*_REFUND_CODES, "PAYMENT_ORDER_IS_NOT_FOUND"]},
        "Added with v1.0.0.",
    ),
    Erratum(
        ("paths", _API + "availability-info/{availabilityInfoId}", "get", *_answer("")[3:]),
        {"required": ["availabilityInfoId", "computationComplete", "pollingTimeout", *_LIST]},
        {"required": ["availabilityInfoId", "computationComplete"]},
        "The text sends pollingTimeout only until the list is there, the file's example has none; the list cannot be there before.",
    ),
    Erratum(
        (*_answer("checkout"), "properties"),
        {"errorCode": ABSENT},
        {"errorCode": {"type": "string"}},
        "A total below the minimum is rejected at once, and an errorCode may come inside any 200.",
    ),
    Erratum(
        ("components", "responses", "422", "content", "application/json", "schema", "properties", "code"),
        {
            "enum": [
                "UNKNOWN_SESSION_ID",
                "UNKNOWN_TRANSACTION_ID",
                "UNKNOWN_PARTNER_ID",
                "WRONG_TRANSACTION_STATE_CHANGE",
                "PAYMENT_TRANSACTION_IS_NOT_PAID",
                "CANCEL_REFUNDING_BY_BANK",
                "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS",
                "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED",
                "TRANSACTION_IN_PROCESSING",
            ]
        },
        {"enum": ABSENT},
        "What a badly formed request gets is not stated: the sandbox has a code of its own, SANDBOX_INVALID_REQUEST.",
    ),
)

ERRATA: Sequence[Erratum] = (*_REQUEST_FORM, *_ANSWER_FORM)


def node(document: Any, where: tuple[str, ...]) -> Any:
    """The part of the file that an erratum speaks of. Raises KeyError when the file has no such place."""
    for step in where:
        document = document[step]
    return document


def corrected(document: Mapping[str, Any], errata: Sequence[Erratum] = ERRATA) -> dict[str, Any]:
    """A copy of the vendor's file with every erratum applied."""
    result = deepcopy(dict(document))
    for erratum in errata:
        place = node(result, erratum.where)
        for name, value in erratum.takes.items():
            if value is ABSENT:
                place.pop(name, None)
            else:
                place[name] = deepcopy(value)
    return result
