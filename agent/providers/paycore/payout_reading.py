"""Answers about payouts become verdicts. Total: whatever bytes come, a verdict comes out.

The same caution as with payments, and more: what was paid out does not come back. A create is refused only by an answer that is PayCore's
own (it names error codes) and none of whose codes could mean that the ``reference_id`` is known already; everything else that is not a
plain success may have been taken, and is searched for. That answers look like those about payments (``amount``, ``currency``,
``reference_id``, ``status``, ``test_mode``) is INFERRED: the sources show the request and the callback, not the answer.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from agent.core.money import Kopecks
from agent.core.payout.contract import PayoutFinding, PayoutSeen, PayoutsFound, PayoutStatus, PayoutVerdict
from agent.core.verdict import TOO_MANY_REQUESTS, Denied, Garbled, Operation, Refusal, Refused, Reply
from agent.providers.common import wire
from agent.providers.common.answers import retry_after_seconds
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.invoice import described, our_money, reason_of
from agent.providers.paycore.money import amount_of
from agent.providers.paycore.payout_words import SPEAKS_OF_A_REPEAT, STATUSES
from agent.providers.paycore.reading import INVALID_REQUEST, MAX_BODY_BYTES, MAX_FOUND, closed, detail
from agent.providers.paycore.settings import PayCoreSettings

_TYPE: Final = re.compile(r"payout-invoices?")
CLIENT_GONE: Final = 499  # a proxy on the way gave up waiting for us; what stands behind it may have taken the request
_READ: Final = frozenset({200, 202})
_ERRORS: Final = ("error_codes", "error_type", "errors", "error")  # the first two are documented, the others are looked for by the vendor


def read_payout(settings: PayCoreSettings, operation: Operation, reply: Reply) -> PayoutVerdict:
    """What a complete answer to a create or a read says. Never raises."""
    created = operation is Operation.PAYOUT
    try:
        if reply.status in (settings.created_statuses if created else _READ):
            return seen(settings, wire.read_object(reply.body, MAX_BODY_BYTES).get("data"))
        return _not_created(settings, reply) if created else closed(settings, Operation.STATUS, reply)
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_seconds(reply.headers))


def read_found_payouts(settings: PayCoreSettings, reply: Reply) -> PayoutFinding:
    """What a search by our own id found. Never raises. 404 is a wrong path: a search that finds nothing has an empty list."""
    try:
        if reply.status in _READ:
            return PayoutsFound(_matches(settings, wire.read_object(reply.body, MAX_BODY_BYTES)))
        return Denied(404, retry_after_seconds(reply.headers)) if reply.status == 404 else closed(settings, Operation.FIND, reply)
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_seconds(reply.headers))


def seen(settings: PayCoreSettings, data: object) -> PayoutSeen:
    """One payout, as it stands in ``data`` of an answer. Raises Unreadable."""
    fields, transaction_id, word = described(data, _TYPE)
    reference = wire.identifier(fields, "reference_id")
    if not our_money(settings, fields):
        return PayoutSeen(PayoutStatus.UNKNOWN, transaction_id, reference, resolution="TEST_MODE_MISMATCH")
    amount, paid = amount_of(fields, "amount"), amount_of(fields, "processed_amount")
    return PayoutSeen(
        status=_status(word, amount, paid),
        transaction_id=transaction_id,
        reference=reference,
        amount=amount,
        currency=wire.identifier(fields, "currency"),
        resolution=reason_of(fields),
    )


def _status(word: str, amount: Kopecks | None, paid: Kopecks | None) -> PayoutStatus:
    """By the word; but what fell short of the amount was paid in part, whatever the word says. That ``processed_amount`` is told of
    payouts, too, is INFERRED: where it is absent it proves nothing. More than the amount is no fault: a fee may be in it (INFERRED)."""
    status = STATUSES.get(word, PayoutStatus.UNKNOWN)
    short = amount is not None and paid is not None and paid < amount
    return PayoutStatus.PARTIAL if short and status is PayoutStatus.PROCESSED else status


def _matches(settings: PayCoreSettings, answer: Mapping[str, Any]) -> tuple[PayoutSeen, ...]:
    listed = answer.get("data")
    if not isinstance(listed, list):
        raise Unreadable("no_list")
    if len(listed) > MAX_FOUND:
        raise Unreadable("long_list")
    found = tuple(seen(settings, one) for one in listed)
    if any(one.reference is None for one in found):
        raise Unreadable("no_reference")  # nothing shows that it is what was searched for
    return found


def _not_created(settings: PayCoreSettings, reply: Reply) -> Refused | Denied | Garbled:
    """What a create is answered with that is no success."""
    retry_after_s, status = retry_after_seconds(reply.headers), reply.status
    if status in settings.denied_statuses:
        return Denied(status, retry_after_s)
    if not 400 <= status < 500 or status in settings.unclear_statuses | {TOO_MANY_REQUESTS, CLIENT_GONE}:
        return Garbled(f"http_{status}", retry_after_s)
    told = detail(status, reply.body)
    if status == 404:  # the path is wrong: no payout can be made by it
        return Refused(INVALID_REQUEST, Refusal.CONFIGURATION, told)
    codes = _codes(reply.body)
    if not codes or any(word in code.lower() for code in codes for word in SPEAKS_OF_A_REPEAT):
        return Garbled(f"http_{status}", retry_after_s)
    # For good, and most likely for the recipient's data: they come from the register, so it is no technician's fault.
    return Refused(INVALID_REQUEST, Refusal.RETURN_REFUSED, told)


def _codes(body: bytes) -> list[str]:
    """Every error code or text of an answer, to be looked at and not kept; empty for what is no answer of PayCore's."""
    try:
        fields = wire.read_object(body, MAX_BODY_BYTES)
    except Unreadable:
        return []
    return [code for name in _ERRORS for code in _words(fields.get(name))]


def _words(value: object) -> list[str]:
    match value:
        case str():
            return [value] if value.strip() else []
        case list():
            return [word for item in value for word in _words(item)]
        case Mapping():
            return [word for name, item in value.items() for word in [name, *_words(item)]]
        case _:
            return []
