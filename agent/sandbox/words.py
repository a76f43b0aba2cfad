"""The vocabulary of the Pay API as the server speaks it, and the two values that cross the wire.

All values are the wire's own spelling. ``Code`` travels in an HTTP 422, ``ErrorCode`` inside a 200.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

KOSHELEK = "koshelek"  # the system that this bank began with; the others have their own words


class Operation(StrEnum):
    """What a request asks for, the same words for every system. A create is a CHECKOUT, a read a STATUS."""

    CHECKOUT = "checkout"
    STATUS = "status"
    CANCEL = "cancel"
    REFUND = "refund"
    RECEIPT = "receipt"
    AVAILABILITY = "availability"
    AVAILABILITY_LOOK = "availability_look"
    FIND = "find"  # payments by the client's own key
    LOGIN = "login"
    PAYOUT = "payout"
    PAYOUT_STATUS = "payout_status"
    PAYOUT_FIND = "payout_find"


PATHS: Mapping[str, Operation] = {
    "checkout": Operation.CHECKOUT,
    "transaction/status": Operation.STATUS,
    "transaction/cancel": Operation.CANCEL,
    "transaction/refund": Operation.REFUND,
    "transaction/receipt": Operation.RECEIPT,
    "availability-info/task": Operation.AVAILABILITY,
}
LOOK_PATH = "availability-info/"  # before the name of a list that comes later
API_PREFIX = "/api/v1/merchant/"  # an optional partner segment stands before it


class Status(StrEnum):
    """State of a payment, in the words of the Pay API; EXPIRED is the end of a link that nobody paid in time."""

    NEW = "new"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELED = "canceled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    PARTIAL_REFUNDED = "partial_refunded"
    EXPIRED = "expired"


class RefStatus(StrEnum):
    """State of a cancel or of a refund."""

    NEW = "new"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Method(StrEnum):
    """Payment provider behind Koshelek."""

    SBP = "SBP"
    DOLYAME = "DOLYAME"


class ErrorCode(StrEnum):
    """Why a payment or a refund failed; travels inside a 200."""

    NOT_ENOUGH_LIMIT_TO_PAY = "NOT_ENOUGH_LIMIT_TO_PAY"
    TOTAL_AMOUNT_IS_TOO_SMALL = "TOTAL_AMOUNT_IS_TOO_SMALL"
    SUBSCRIPTION_IS_NOT_FOUND = "SUBSCRIPTION_IS_NOT_FOUND"
    PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER = "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER"
    PAYMENT_ORDER_IS_NOT_FOUND = "PAYMENT_ORDER_IS_NOT_FOUND"
    EXTERNAL_PROVIDER_ERROR = "EXTERNAL_PROVIDER_ERROR"
    PAYMENT_TRANSACTION_IS_NOT_PAID = "PAYMENT_TRANSACTION_IS_NOT_PAID"
    TERMINAL_STATE_OF_PAYMENT_TRANSACTION = "TERMINAL_STATE_OF_PAYMENT_TRANSACTION"
    PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY = "PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY"
    REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE = "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE"
    UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER = "UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER"


class Code(StrEnum):
    """Why a request was refused; travels in a 422. SANDBOX_INVALID_REQUEST is this sandbox's own: the request breaks the API's form."""

    UNKNOWN_SESSION_ID = "UNKNOWN_SESSION_ID"
    UNKNOWN_TRANSACTION_ID = "UNKNOWN_TRANSACTION_ID"
    UNKNOWN_PARTNER_ID = "UNKNOWN_PARTNER_ID"
    WRONG_TRANSACTION_STATE_CHANGE = "WRONG_TRANSACTION_STATE_CHANGE"
    PAYMENT_TRANSACTION_IS_NOT_PAID = "PAYMENT_TRANSACTION_IS_NOT_PAID"
    CANCEL_REFUNDING_BY_BANK = "CANCEL_REFUNDING_BY_BANK"
    TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS = "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS"
    TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED = "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED"
    TRANSACTION_IN_PROCESSING = "TRANSACTION_IN_PROCESSING"
    SANDBOX_INVALID_REQUEST = "SANDBOX_INVALID_REQUEST"


DETAILS: Mapping[Code, str] = {
    Code.UNKNOWN_SESSION_ID: "Сессия карты не найдена или не прошла проверку",
    Code.UNKNOWN_TRANSACTION_ID: "Транзакция не найдена",
    Code.UNKNOWN_PARTNER_ID: "Торгово-сервисное предприятие не найдено",
    Code.WRONG_TRANSACTION_STATE_CHANGE: "Переход транзакции в запрошенное состояние невозможен",
    Code.PAYMENT_TRANSACTION_IS_NOT_PAID: "По транзакции ничего не оплачено",
    Code.CANCEL_REFUNDING_BY_BANK: "Банк отменил возврат",
    Code.TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS: "Для этой сессии карты транзакция уже создана",
    Code.TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED: "Транзакция этой сессии карты уже обработана",
    Code.TRANSACTION_IN_PROCESSING: "Транзакция в обработке",
}


class Refused(Exception):
    """The request ends in a 422 with this code. ``remembered``: a repeat of the requestId gets the same answer."""

    def __init__(self, code: Code, details: str = "", *, remembered: bool = True) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or DETAILS.get(code, "")
        self.remembered = remembered


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived. Header names may have any case; ``query`` is what follows the question mark, still encoded."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer. Header names are lower case; ``content-length`` is the wire's business."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


JSON_TYPE = "application/json; charset=utf-8"


def encode(document: object) -> bytes:
    """JSON in UTF-8. A lone surrogate out of a request comes back as the ``\\uXXXX`` escape it came as."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def json_answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, encode(document), {"content-type": JSON_TYPE, **(headers or {})})


EMPTY = Answer(200, b"")
"""What a fiscal receipt is answered with: nothing at all."""


def refusal(code: str, details: str = "") -> Answer:
    """The error object of the Pay API. ``code`` may be one that it does not have: the director's fault."""
    usual = next((text for known, text in DETAILS.items() if known == code), "")
    return json_answer(422, {"code": code, "details": details or usual})
