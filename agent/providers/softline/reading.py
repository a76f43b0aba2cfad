"""Answers become verdicts. Total: whatever bytes come, a verdict comes out, and what cannot be understood is Garbled.

The HTTP status decides first. 200 means that the request was carried out, never that money moved: only the order's ``status`` says so.
400 means that it was not; its codes say why. A word that nobody has heard of is not final. An answer that misses what its
method must tell is no answer: it counts as maybe sent, and the machines ask again instead of believing half of it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from agent.core.contract import LoginVerdict, Token
from agent.core.model import PaymentLink, Slip
from agent.core.money import RUB
from agent.core.verdict import Denied, Finding, Found, Garbled, Observed, Operation, RefStatus, Refusal, Refused, Reply, Status, Verdict
from agent.providers.koshelek.reading import retry_after_seconds
from agent.providers.koshelek.wire import identifier, loose_text, word
from agent.providers.softline import links, wire
from agent.providers.softline.codes import (
    CODE_PREFIX,
    CREATE_REFUSALS,
    DELETED,
    MISSING_TOKEN,
    NOT_PAID,
    PAID,
    REFUND_REFUSALS,
    TERMINATED,
    TERMINATED_CODE,
)
from agent.providers.softline.settings import SoftlineSettings
from agent.providers.softline.wire import Unreadable

UNNAMED: Final = "HTTP_400"  # a refusal without a code that could be read
_REFUSED: Final = 400
_UNAUTHORIZED: Final = 401
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")  # what fits into a header line; the vendor's are JSON web tokens of under 1 KiB


def read_reply(settings: SoftlineSettings, operation: Operation, reply: Reply) -> Verdict:
    """What a complete answer says. Never raises."""
    retry_after_s = retry_after_seconds(reply.headers)
    if reply.status in settings.denied_statuses:
        return Denied(reply.status, retry_after_s)
    try:
        match reply.status:
            case 200 if operation is Operation.REFUND:
                return _requested(reply)
            case 200 if operation is Operation.CHECKOUT:
                return _created(settings, wire.read_object(reply.body))
            case 200:
                return _order(settings, wire.read_object(reply.body))
            case 400:
                return refused(operation, reply)
            case other:
                return Garbled(f"http_{other}", retry_after_s)
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_s)


def read_found(settings: SoftlineSettings, reply: Reply) -> Finding:
    """What a search brought: ids alone, of which nothing more is known yet. Never raises."""
    retry_after_s = retry_after_seconds(reply.headers)
    if reply.status in settings.denied_statuses:
        return Denied(reply.status, retry_after_s)
    if reply.status == _REFUSED:
        return refused(Operation.FIND, reply)
    if reply.status != 200:
        return Garbled(f"http_{reply.status}", retry_after_s)
    try:
        return Found(tuple(Observed(Status.PENDING, one) for one in wire.order_ids(reply.body)))
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_s)


def read_token(settings: SoftlineSettings, reply: Reply) -> LoginVerdict:
    """What a login brought. ``refresh_token`` is technical and of no use, says the vendor. Never raises."""
    retry_after_s = retry_after_seconds(reply.headers)
    if reply.status in settings.denied_statuses:
        return Denied(reply.status, retry_after_s)
    if reply.status == _REFUSED:
        return refused(Operation.LOGIN, reply)
    if reply.status != 200:
        return Garbled(f"http_{reply.status}", retry_after_s)
    try:
        token = wire.read_object(reply.body).get("token")
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_s)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return Garbled("no_token")
    return Token(token, settings.token_life_s)


def stale_token(settings: SoftlineSettings, reply: Reply) -> bool:
    """401 with 1007 (invalid) or 1009 (expired) asks for a new token, and so, by its class, does a 401 with a code that is not known;
    1008 (missing) is a fault of this program that no login mends. Where a 401 is configured to prove nothing, a request must not be
    sent again on the strength of it. Never raises."""
    shut = reply.status == _UNAUTHORIZED and _UNAUTHORIZED in settings.denied_statuses
    return shut and MISSING_TOKEN not in {fault.code for fault in wire.faults(reply.body)}


def refused(operation: Operation, reply: Reply) -> Refused:
    """A 400. Of several codes the first that calls a technician is told, for as long as it stands no other attempt can succeed; a code
    that is not known is told like any other, for the class has decided. ``detail`` holds all of them."""
    faults = wire.faults(reply.body)
    meanings = {code: _meaning(operation, code) for code in [fault.code for fault in faults] or [UNNAMED]}
    first = next((code for code, meaning in meanings.items() if meaning is Refusal.CONFIGURATION), next(iter(meanings)))
    return Refused(f"{CODE_PREFIX}{first}", meanings[first], ", ".join(dict.fromkeys(map(str, faults))))


def _meaning(operation: Operation, code: str) -> Refusal:
    match operation:
        case Operation.CHECKOUT:
            return CREATE_REFUSALS.get(code, Refusal.CONFIGURATION)
        case Operation.REFUND:
            return REFUND_REFUSALS.get(code, Refusal.RETURN_REFUSED)
        case Operation.LOGIN:
            return Refusal.CONFIGURATION
        case _:  # that a question was not answered says nothing of what was asked about
            return Refusal.UNKNOWN


def _requested(reply: Reply) -> Observed:
    """People will decide. The body is not documented and not read; only a page of some machine in between, which answers 200 to
    everything, is no answer of the API."""
    if reply.headers.get("content-type", "").strip().lower().startswith("text/html"):
        raise Unreadable("html")
    return Observed(Status.UNKNOWN, ref_status=RefStatus.REQUESTED)


def _created(settings: SoftlineSettings, fields: Mapping[str, Any]) -> Observed:
    """A new payment. One whose link cannot be shown is still a payment: it is named, so that it can be watched."""
    order_id = wire.order_id(fields.get("order_id"))
    link = links.judged(settings, fields.get("payment_url"))
    if isinstance(link, str):
        return Observed(Status.PENDING, order_id, error_code=link)
    return Observed(Status.PENDING, order_id, link=link)


def _order(settings: SoftlineSettings, fields: Mapping[str, Any]) -> Observed:
    order_id = wire.order_id(fields.get("order_id"))
    said = word(fields, "status")
    if not said:
        raise Unreadable("no_status")
    reference = identifier(fields, "external_id")
    paid_at = wire.at(fields, settings.pay_date_field)
    if said == NOT_PAID:  # also after each attempt that failed: the buyer may try again on the same page
        return Observed(Status.PENDING, order_id, link=_link_of_read(settings, order_id, fields), reference=reference)
    if said == PAID:
        return Observed(Status.ACCEPTED, order_id, slip=_slip(settings, order_id, fields), reference=reference)
    if said == DELETED:
        # Never paid and expired, returned, or charged back. With a day of payment it was paid; without one our own record tells.
        return Observed(Status.REFUNDED if paid_at else Status.GONE, order_id, reference=reference)
    if said == TERMINATED and not paid_at:
        return Observed(Status.REJECTED, order_id, error_code=TERMINATED_CODE, reference=reference)
    # Also one that was removed after it had been paid: nobody says where its money is.
    return Observed(Status.UNKNOWN, order_id, reference=reference)


def _link_of_read(settings: SoftlineSettings, order_id: str, fields: Mapping[str, Any]) -> PaymentLink | None:
    """The page of this payment, if the answer has it and it is in the form of the page to pay on."""
    if settings.link_field is None:
        return None
    link = links.judged(settings, wire.at(fields, settings.link_field))
    return link if isinstance(link, PaymentLink) and links.names_order(link, order_id) else None


def _slip(settings: SoftlineSettings, order_id: str, fields: Mapping[str, Any]) -> Slip | None:
    """What was paid; None without an amount, for then it proves nothing. Raises Unreadable if what is compared is malformed."""
    total_amount = wire.amount(wire.at(fields, settings.amount_field))
    currency = identifier(fields, "currency") or RUB
    reference = identifier(fields, "external_id")
    if total_amount is None:
        return None
    paid_at = wire.at(fields, settings.pay_date_field)
    return Slip(
        total_amount=total_amount,
        currency=currency,
        reference=reference,
        id=loose_text(fields, "order_name"),
        payment_type=loose_text({"method": wire.at(fields, "payment.payment_method")}, "method"),
        payment_transaction_id=order_id,
        operation_date_time=loose_text({"at": paid_at}, "at"),
    )
