"""Answers become verdicts. Total: whatever bytes come, a verdict comes out, and what cannot be understood is Garbled.

Three rules carry the money here. A 200 means that the request was processed, never that money moved: only ``status`` and ``refStatus`` say
so. A word that nobody has heard of is not final. And an answer that misses what its method must tell is no answer at all: it counts as
maybe sent, so that the machines ask again instead of believing half of it.
"""

from collections.abc import Mapping
from typing import Any, Final

from agent.core.model import Slip
from agent.core.money import RUB
from agent.core.verdict import Denied, Garbled, Observed, Operation, RefStatus, Refusal, Refused, Reply, Status, Verdict
from agent.providers.common import wire
from agent.providers.common.answers import code_of, is_page, retry_after_seconds
from agent.providers.common.wire import Unreadable
from agent.providers.koshelek.codes import ERROR_CODES, REF_STATUSES, REFUSALS, STATUSES
from agent.providers.koshelek.settings import KoshelekSettings

UNREADABLE_CODE: Final = "UNREADABLE_CODE"  # stands for an errorCode that is not a code: free text must not reach logs or the till

_MOVES_BACK: Final = frozenset({Operation.CANCEL, Operation.REFUND})  # these must tell a refStatus


def read_reply(settings: KoshelekSettings, operation: Operation, reply: Reply) -> Verdict:
    """What a complete answer says. Never raises."""
    retry_after_s = retry_after_seconds(reply.headers)
    if reply.status in settings.denied_statuses:
        return Denied(reply.status, retry_after_s)
    try:
        match reply.status:
            case 200 if operation is Operation.RECEIPT:
                return _taken(reply)
            case 200:
                return _observed(operation, wire.read_object(reply.body))
            case 422:
                return refused(wire.read_object(reply.body))
            case other:
                return Garbled(f"http_{other}", retry_after_s)
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_s)


def _taken(reply: Reply) -> Observed:
    """A receipt was taken. The body is empty by contract, says nothing of the payment, and is not read; only a page of some machine in
    between, which answers 200 to everything, is no answer of the API."""
    if is_page(reply):
        raise Unreadable("html")
    return Observed(Status.UNKNOWN)


def _observed(operation: Operation, fields: Mapping[str, Any]) -> Observed:
    status = _status(operation, fields)
    ref_status = None if operation is Operation.CHECKOUT else _ref_status(operation, fields)
    transaction_id = wire.identifier(fields, "transactionId")
    ref_transaction_id = None if operation is Operation.CHECKOUT else wire.identifier(fields, "refTransactionId")
    if transaction_id is None and status is not Status.ABSENT:
        raise Unreadable("no_transactionId")
    if ref_transaction_id is None and operation in _MOVES_BACK and ref_status is not RefStatus.REJECTED:
        # A rejected cancel or refund moved nothing and need not be found again; any other must be.
        raise Unreadable("no_refTransactionId")
    error_code = _error_code(fields)
    return Observed(
        status=status,
        transaction_id=transaction_id,
        ref_status=ref_status,
        ref_transaction_id=ref_transaction_id,
        slip=_slip(fields),
        error_code=error_code,
        refusal=_refusal(ref_status, error_code),
    )


def _status(operation: Operation, fields: Mapping[str, Any]) -> Status:
    word = wire.word(fields, "status")
    if word is None:
        raise Unreadable("no_status")
    status = STATUSES.get(word, Status.UNKNOWN)
    # A checkout's answer describes the payment it has just made: "there is none" contradicts itself and must decide nothing.
    return Status.UNKNOWN if status is Status.ABSENT and operation is Operation.CHECKOUT else status


def _ref_status(operation: Operation, fields: Mapping[str, Any]) -> RefStatus | None:
    word = wire.word(fields, "refStatus")
    if word:
        return REF_STATUSES.get(word, RefStatus.UNKNOWN)
    if operation in _MOVES_BACK:
        raise Unreadable("no_refStatus")
    return None


def _error_code(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("errorCode")
    if value is None or value == "":
        return None
    return code_of(value) or UNREADABLE_CODE


def _refusal(ref_status: RefStatus | None, error_code: str | None) -> Refusal | None:
    """An errorCode explains a refund only where the refund was rejected; beside any other refStatus it must not outweigh it."""
    if ref_status is not RefStatus.REJECTED or error_code is None:
        return None
    return ERROR_CODES.get(error_code, Refusal.UNKNOWN)


def refused(fields: Mapping[str, Any]) -> Refused:
    """The error object of a 422. Raises Unreadable without a code."""
    code = code_of(fields.get("code"))
    if code is None:
        raise Unreadable("no_code")
    return Refused(code, REFUSALS.get(code, Refusal.UNKNOWN))


def _slip(fields: Mapping[str, Any]) -> Slip | None:
    """The slip, if it names an amount and an order; without them it proves nothing. Raises Unreadable if what is compared is malformed."""
    slip = fields.get("slip")
    if slip is None:
        return None
    if not isinstance(slip, Mapping):
        raise Unreadable("bad_slip")
    total_amount = wire.amount(slip, "totalAmount")
    currency = wire.identifier(slip, "currency") or RUB
    order_id = _order_id(slip)
    if total_amount is None or order_id is None:
        return None
    return Slip(
        total_amount=total_amount,
        order_id=order_id,
        currency=currency,
        id=wire.loose_text(slip, "id"),
        payment_type=wire.loose_text(slip, "paymentType"),
        store_id=wire.loose_text(slip, "storeId"),
        terminal_id=wire.loose_text(slip, "terminalId"),
        payment_transaction_id=wire.loose_text(slip, "paymentTransactionId"),
        refund_transaction_id=wire.loose_text(slip, "refundTransactionId"),
        merchant_id=wire.loose_text(slip, "merchantId"),
        operation_date_time=wire.loose_text(slip, "operationDateTime"),
        operation_id=wire.loose_text(slip, "operationId"),
        qrc_id=wire.loose_text(slip, "qrcId"),
        kzo=wire.loose_text(slip, "kzo"),
    )


def _order_id(slip: Mapping[str, Any]) -> str | None:
    order_id = wire.loose_text(slip, "orderId")
    if order_id is None and slip.get("orderId") not in (None, ""):
        raise Unreadable("bad_orderId")
    return order_id
