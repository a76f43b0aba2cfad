"""Answers become verdicts. Total: whatever bytes come, a verdict comes out, and what cannot be understood is Garbled.

The HTTP status decides first. 200 means that the request was carried out, never that money moved: only the order's ``status`` says so.
400 means that it was not; its codes say why. A word that nobody has heard of is not final. An answer that misses what its
method must tell is no answer: it counts as maybe sent, and the machines ask again instead of believing half of it.
"""

from collections.abc import Mapping
from typing import Any, Final

from agent.core.contract import LoginVerdict, Token
from agent.core.model import PaymentLink, Slip
from agent.core.money import RUB, Kopecks
from agent.core.verdict import Denied, Finding, Found, Garbled, Observed, Operation, RefStatus, Refusal, Refused, Reply, Status, Verdict
from agent.providers.common.answers import is_page, retry_after_seconds, token_of
from agent.providers.common.wire import Unreadable, at, identifier, loose_text, read_object, word
from agent.providers.softline import codes, links, wire
from agent.providers.softline.codes import CODE_PREFIX, CREATE_REFUSALS, MISSING_TOKEN, REFUND_REFUSALS, TERMINATED_CODE
from agent.providers.softline.settings import SoftlineSettings

UNNAMED: Final = "HTTP_400"  # a refusal without a code that could be read
_DONE: Final = 200
_REFUSED: Final = 400
_UNAUTHORIZED: Final = 401


def read_reply(settings: SoftlineSettings, operation: Operation, reply: Reply) -> Verdict:
    """What a complete answer says. Never raises."""
    shut = _shut(settings, operation, reply)
    if shut is not None:
        return shut
    try:
        match operation:
            case Operation.REFUND:
                return _requested(reply)
            case Operation.CHECKOUT:
                return _created(settings, read_object(reply.body))
            case _:
                return _order(settings, read_object(reply.body))
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_seconds(reply.headers))


def read_found(settings: SoftlineSettings, reply: Reply) -> Finding:
    """What a search brought: ids alone, of which nothing more is known yet. Never raises."""
    shut = _shut(settings, Operation.FIND, reply)
    if shut is not None:
        return shut
    try:
        return Found(tuple(Observed(Status.PENDING, one) for one in wire.order_ids(reply.body)))
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_seconds(reply.headers))


def read_token(settings: SoftlineSettings, reply: Reply) -> LoginVerdict:
    """What a login brought. ``refresh_token`` is technical and of no use, says the vendor. Never raises."""
    shut = _shut(settings, Operation.LOGIN, reply)
    if shut is not None:
        return shut
    try:
        token = token_of(read_object(reply.body).get("token"))
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_seconds(reply.headers))
    return Garbled("no_token") if token is None else Token(token, settings.token_life_s)


def _shut(settings: SoftlineSettings, operation: Operation, reply: Reply) -> Refused | Denied | Garbled | None:
    """By the HTTP status: 200 was carried out (None), 400 was refused, some turn away at the door, all else proves nothing."""
    retry_after_s = retry_after_seconds(reply.headers)
    if reply.status in settings.denied_statuses:
        return Denied(reply.status, retry_after_s)
    if reply.status == _REFUSED:
        return refused(operation, reply)
    return None if reply.status == _DONE else Garbled(f"http_{reply.status}", retry_after_s)


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
    if is_page(reply):
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
    """A payment. By contract every read repeats our own id of it: one that does not proves nothing, neither that it is ours nor that it is
    not."""
    order_id = wire.order_id(fields.get("order_id"))
    said = word(fields, "status")
    if not said:
        raise Unreadable("no_status")
    reference = identifier(fields, "external_id")
    if reference is None:
        raise Unreadable("no_external_id")
    status = _status(settings, said, fields)
    accepted = status is Status.ACCEPTED
    amount, currency = _over(settings, fields, strict=accepted)
    return Observed(
        status,
        order_id,
        slip=_slip(settings, order_id, reference, amount, currency or RUB, fields) if accepted and amount is not None else None,
        error_code=TERMINATED_CODE if status is Status.REJECTED else None,
        link=_link_of_read(settings, order_id, fields) if status is Status.PENDING else None,
        reference=reference,
        amount=amount,
        currency=currency,
    )


def _status(settings: SoftlineSettings, said: str, fields: Mapping[str, Any]) -> Status:
    paid_at = at(fields, settings.pay_date_field)
    match said:
        case codes.NOT_PAID:  # also after each attempt that failed: the buyer may try again on the same page
            return Status.PENDING
        case codes.PAID:
            return Status.ACCEPTED
        case codes.DELETED:
            # Never paid and expired, returned, or charged back. With a day of payment it was paid; without one our own record tells.
            return Status.REFUNDED if paid_at else Status.GONE
        case codes.TERMINATED if not paid_at:
            return Status.REJECTED
        case _:  # also one that was removed after it had been paid: nobody says where its money is
            return Status.UNKNOWN


def _over(settings: SoftlineSettings, fields: Mapping[str, Any], strict: bool) -> tuple[Kopecks | None, str | None]:
    """What a payment is over. Raises Unreadable if that is malformed and ``strict``; else it is not told."""
    try:
        return wire.amount(at(fields, settings.amount_field)), identifier(fields, "currency")
    except Unreadable:
        if strict:
            raise
        return None, None


def _link_of_read(settings: SoftlineSettings, order_id: str, fields: Mapping[str, Any]) -> PaymentLink | None:
    """The page of this payment, if the answer has it and it is in the form of the page to pay on."""
    if settings.link_field is None:
        return None
    link = links.judged(settings, at(fields, settings.link_field))
    return link if isinstance(link, PaymentLink) and links.names_order(link, order_id) else None


def _slip(settings: SoftlineSettings, order_id: str, reference: str, amount: Kopecks, currency: str, fields: Mapping[str, Any]) -> Slip:
    """What was paid."""
    return Slip(
        total_amount=amount,
        currency=currency,
        reference=reference,
        id=loose_text(fields, "order_name"),
        payment_type=loose_text({"method": at(fields, "payment.payment_method")}, "method"),
        payment_transaction_id=order_id,
        operation_date_time=loose_text({"at": at(fields, settings.pay_date_field)}, "at"),
    )
