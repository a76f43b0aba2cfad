"""Answers become verdicts. Total: whatever bytes come, a verdict comes out, and what cannot be understood is Garbled.

The document says what classes of HTTP status mean and how an error looks; the fields of every answer are assumptions. So nothing is
guessed from their absence: an answer without an id is no answer, a payment without an amount proves nothing, a word that is not
configured is not final.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from agent.core.contract import LoginVerdict, Token
from agent.core.model import Environment, PaymentLink, Slip
from agent.core.money import MAX_KOPECKS, Kopecks
from agent.core.verdict import Denied, Garbled, Observed, Operation, Refusal, Refused, Reply, Status, Verdict
from agent.providers.common import wire
from agent.providers.common.answers import code_of, retry_after_seconds, token_of
from agent.providers.common.wire import Unreadable, at
from agent.providers.payconnect.request import key_in
from agent.providers.payconnect.settings import TOKEN_LIFE_S, PayConnectSettings

CODE_PREFIX: Final = "PAYCONNECT_"
UNNAMED: Final = "HTTP_"  # and the status: a refusal without a code that could be read
UNKNOWN_PAYMENT: Final = "UNKNOWN_TRANSACTION_ID"
LINK_UNUSABLE: Final = "LINK_UNUSABLE"
LINK_EXPIRED: Final = "LINK_EXPIRED"
MAX_LINK_CHARACTERS: Final = 1_024  # a QR code of more is hard to read from a screen
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404

_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_LINK: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/?#\[\]-]+")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def read_reply(settings: PayConnectSettings, operation: Operation, reply: Reply) -> Verdict:
    """What a complete answer says. Never raises."""
    if operation is Operation.STATUS and reply.status == _NOT_FOUND:
        return Refused(UNKNOWN_PAYMENT, Refusal.NOT_FOUND)  # a read of what is not there (or not there yet): the core knows how to wait
    shut = _shut(settings, reply)
    if shut is not None:
        return shut
    try:
        return _payment(settings, operation, wire.read_object(reply.body))
    except Unreadable as problem:
        return Garbled(str(problem))


def read_token(settings: PayConnectSettings, reply: Reply) -> LoginVerdict:
    """What a login brought. Never raises."""
    shut = _shut(settings, reply)
    if shut is not None:
        return shut
    try:
        fields = wire.read_object(reply.body)
    except Unreadable as problem:
        return Garbled(str(problem))
    token, life_s = token_of(at(fields, settings.assumptions.access_field)), at(fields, settings.assumptions.life_field)
    if token is None:
        return Garbled("no_token")
    if life_s is not None and (isinstance(life_s, bool) or not isinstance(life_s, int) or life_s < 1):
        return Garbled("bad_life")
    return Token(token, TOKEN_LIFE_S if life_s is None else min(life_s, TOKEN_LIFE_S))


def stale_token(settings: PayConnectSettings, reply: Reply) -> bool:
    """Any 401: no code of it is documented. Where a 401 is configured to prove nothing, a create must not be sent again on the strength of
    it. Never raises."""
    return reply.status == _UNAUTHORIZED and _UNAUTHORIZED in settings.denied_statuses


def _shut(settings: PayConnectSettings, reply: Reply) -> Refused | Denied | Garbled | None:
    """By the class of the status: 2xx success (None), 4xx the request was refused, 5xx and all else nothing that can be trusted."""
    retry_after_s = retry_after_seconds(reply.headers)
    if reply.status in settings.denied_statuses:
        return Denied(reply.status, retry_after_s)
    if reply.status in settings.unclear_statuses or not (200 <= reply.status < 300 or 400 <= reply.status < 500):
        return Garbled(f"http_{reply.status}", retry_after_s)
    return None if reply.status < 300 else _refused(reply)


def _refused(reply: Reply) -> Refused:
    """A 4xx. One code is documented, ``invalid_amount``; others are told as they are, the class has decided. A till can mend none of them,
    so a technician is called. The message is not kept: it might quote the buyer."""
    try:
        code = code_of(at(wire.read_object(reply.body), "error.code"))
    except Unreadable:
        code = None
    return Refused(f"{CODE_PREFIX}{(code or f'{UNNAMED}{reply.status}').upper()}", Refusal.CONFIGURATION)


def _payment(settings: PayConnectSettings, operation: Operation, fields: Mapping[str, Any]) -> Observed:
    """A payment, in the answer of the create or of a read."""
    names = settings.assumptions
    transaction_id, word = at(fields, names.id_field), at(fields, names.status_field)
    if not isinstance(transaction_id, str) or not _ID.fullmatch(transaction_id):
        raise Unreadable("no_id")
    if word is None and operation is Operation.CHECKOUT:
        status = Status.PENDING  # it was made this moment
    elif isinstance(word, str):
        status = names.meaning(word)
    else:
        raise Unreadable("no_status")
    open_, usable = status is Status.PENDING, _link(settings, at(fields, names.link_field))
    amount, currency = _over(settings, status, fields)
    return Observed(
        status=status,
        transaction_id=transaction_id,
        slip=_slip(settings, transaction_id, amount, currency, fields) if status is Status.ACCEPTED else None,
        error_code=_why(settings, word, open_ and operation is Operation.CHECKOUT and usable is None),
        link=usable if open_ else None,
        reference=key_in(at(fields, names.description_field)),
        amount=amount,
        currency=currency,
    )


def _over(settings: PayConnectSettings, status: Status, fields: Mapping[str, Any]) -> tuple[Kopecks | None, str | None]:
    """What a payment is over. Raises Unreadable if that is malformed in a paid one, where it is compared; in any other it is not told."""
    names = settings.assumptions
    try:
        return _kopecks(at(fields, names.amount_field)), wire.identifier({"currency": at(fields, names.currency_field)}, "currency")
    except Unreadable:
        if status is Status.ACCEPTED:
            raise
        return None, None


def _kopecks(value: object) -> Kopecks | None:
    """An amount as the document has it, a whole JSON number of minor units; None when absent. Text and fractions are another unit's
    spelling, so that 376.00 is not 376 kopecks. Raises Unreadable."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_KOPECKS:
        raise Unreadable("bad_amount")
    return Kopecks(value)


def _why(settings: PayConnectSettings, word: object, without_link: bool) -> str | None:
    if word in settings.assumptions.expired:
        return LINK_EXPIRED
    return LINK_UNUSABLE if without_link else None


def _link(settings: PayConnectSettings, value: object) -> PaymentLink | None:
    """A link that a customer may be shown: https, and with real money to no address of this machine."""
    if not isinstance(value, str) or len(value) > MAX_LINK_CHARACTERS or not _LINK.fullmatch(value):
        return None
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    local = host in _LOOPBACK
    if not host or port == 0 or parts.username is not None or (local and settings.environment is Environment.PRODUCTION):
        return None
    return PaymentLink(value) if parts.scheme == "https" or (local and parts.scheme == "http") else None


def _slip(
    settings: PayConnectSettings, transaction_id: str, amount: Kopecks | None, currency: str | None, fields: Mapping[str, Any]
) -> Slip | None:
    """What was paid; None without amount and currency, for then it proves nothing."""
    if amount is None or currency is None:
        return None
    return Slip(
        total_amount=amount,
        currency=currency,
        reference=key_in(at(fields, settings.assumptions.description_field)),
        payment_transaction_id=transaction_id,
    )
