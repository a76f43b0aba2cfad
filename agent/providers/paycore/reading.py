"""Answers become verdicts, by what was asked and by the HTTP status. Total: whatever bytes come, a verdict comes out.

The same status means different things. 429 to a create is "too many requests" or "this reference_id exists", and nobody says how to tell
them apart: it is taken for a lost attempt, so that the search decides; to a read it is a closed door that opens by waiting. 404 to a read
is "no such payment here"; to a search it is a wrong path, for a search that finds nothing is answered with an empty list. 202 is no answer
to a create. After a refund nothing but the payment itself, read afterwards, says what has gone back.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from agent.core.verdict import (
    TOO_MANY_REQUESTS,
    Denied,
    Finding,
    Found,
    Garbled,
    Observed,
    Operation,
    Refusal,
    Refused,
    Reply,
    Verdict,
)
from agent.providers.common import wire
from agent.providers.common.answers import MAX_CODE_DIGITS, code_of, retry_after_seconds
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.invoice import observed
from agent.providers.paycore.settings import PayCoreSettings

MAX_BODY_BYTES: Final = 262_144  # a payment that was called back a hundred times carries a list of these calls; reading it takes 30 ms
MAX_DETAIL_CHARACTERS: Final = 200
MAX_FOUND: Final = 100  # payments under one key: there is at most one

INVALID_REQUEST: Final = "INVALID_REQUEST"
UNKNOWN_TRANSACTION: Final = "UNKNOWN_TRANSACTION_ID"

_REQUEST: Final = re.compile(r"(?=.*[a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # the provider's own number of a request
_NAMES: Final = ("error_type", "error_codes", "errors", "error")
_READ: Final = frozenset({200, 202})
_TAKEN: Final = frozenset({200, 201, 202})  # of a refund: documented is 200; it is read afterwards anyway


def read_reply(settings: PayCoreSettings, operation: Operation, reply: Reply) -> Verdict:
    """What a complete answer to a create, a read or a refund says. Never raises."""
    good = {Operation.CHECKOUT: settings.created_statuses, Operation.STATUS: _READ, Operation.REFUND: _TAKEN}.get(operation, frozenset())
    try:
        if reply.status in good:
            return observed(settings, wire.read_object(reply.body, MAX_BODY_BYTES).get("data"))
        return closed(settings, operation, reply)
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_seconds(reply.headers))


def read_found(settings: PayCoreSettings, reply: Reply) -> Finding:
    """What a search by our own key found. Never raises."""
    try:
        if reply.status in _READ:
            return Found(_matches(settings, wire.read_object(reply.body, MAX_BODY_BYTES)))
        if reply.status == 404:
            return Denied(404, retry_after_seconds(reply.headers))
        verdict = closed(settings, Operation.FIND, reply)
        assert not isinstance(verdict, Observed)
        return verdict
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_seconds(reply.headers))


def _matches(settings: PayCoreSettings, answer: Mapping[str, Any]) -> tuple[Observed, ...]:
    """Oldest first, as far as the provider tells when they were made."""
    listed = answer.get("data")
    if not isinstance(listed, list):
        raise Unreadable("no_list")
    if len(listed) > MAX_FOUND:
        raise Unreadable("long_list")
    found = tuple(observed(settings, one) for one in sorted(listed, key=_created))
    if any(one.reference is None for one in found):
        raise Unreadable("no_reference")  # nothing shows that it is what was searched for
    return found


def _created(one: object) -> int:
    attributes = one.get("attributes") if isinstance(one, Mapping) else None
    created = attributes.get("created") if isinstance(attributes, Mapping) else None
    return created if isinstance(created, int) else 0


def closed(settings: PayCoreSettings, operation: Operation, reply: Reply) -> Refused | Denied | Garbled:
    """What an answer says that describes no payment, by the operation it answers."""
    retry_after_s, status = retry_after_seconds(reply.headers), reply.status
    moves_nothing = operation in (Operation.STATUS, Operation.FIND)
    if status in settings.denied_statuses or (status == TOO_MANY_REQUESTS and moves_nothing):
        return Denied(status, retry_after_s)
    if not 400 <= status < 500 or status in settings.unclear_statuses | {TOO_MANY_REQUESTS}:
        return Garbled(f"http_{status}", retry_after_s)
    if status == 404 and operation is not Operation.CHECKOUT:
        return Refused(UNKNOWN_TRANSACTION, Refusal.NOT_FOUND, detail(status, reply.body))
    # What the register gives is checked before; what the provider still refuses to make is a matter of the settings: a wrong service,
    # a currency that is not enabled, a field that is missing. What it refuses to return is looked up first.
    refusal = Refusal.CONFIGURATION if operation is Operation.CHECKOUT else Refusal.UNKNOWN
    return Refused(INVALID_REQUEST, refusal, detail(status, reply.body))


def detail(status: int, body: bytes) -> str:
    """For support: HTTP status, the request's number and the error codes, as far as they are codes. Of the body only these three names are
    documented, and no example; ``errors`` and ``error`` are what the vendor's own program looks for. It ends in logs: nothing of it may
    be a number of the buyer's, be it in pieces."""
    try:
        fields = wire.read_object(body, MAX_BODY_BYTES)
    except Unreadable:
        return f"http_{status}"
    told, request_id = [f"http_{status}"], fields.get("request_id")
    if isinstance(request_id, str) and _REQUEST.fullmatch(request_id):
        told.append(f"request_id={request_id}")
        request_id = None
    for name, value in (("request_id", request_id), *((name, fields.get(name)) for name in _NAMES)):
        codes = _codes(value)
        if codes and sum(map(str.isdigit, "".join(codes))) <= MAX_CODE_DIGITS:
            told.append(f"{name}={','.join(codes)}")
    return " ".join(told)[:MAX_DETAIL_CHARACTERS]


def _codes(value: object) -> list[str]:
    match value:
        case str():
            return [code] if (code := code_of(value)) else []
        case list():
            return [code for item in value for code in _codes(item)]
        case Mapping():
            return [code for name in value if (code := code_of(name))]
        case _:
            return []
