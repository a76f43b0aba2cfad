"""How a webhook of Softline Payments proves where it comes from.

The header ``signature`` is the lower-case hex SHA-512 of the endpoint's secret key and six values of the body, with semicolons between.
It covers neither the status nor the sum nor the day of payment, has no moment against a replay, and a semicolon inside a value is not
escaped: a proven message may say anything, so of all that it says only the names are taken. Each event has an endpoint with a
key of its own, so several keys are valid at any time.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.core.hints import Hint, HookRefused, Unheard, Unrelated, name_of
from agent.providers.common.wire import Unreadable, at, read_object

IRRELEVANT: Final = ("subscription.", "product.delivered")
"""Beginnings of events of another product of the vendor. An event that nobody has heard of makes one read more, and no harm."""

_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")
_SIGNED: Final = ("event", "order_id", "create_date", "payment.payment_method", "currency", "customer.email")


def read_hook(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
    """What a message names, if one of ``secrets`` proves it. Never raises."""
    given = headers.get("signature", "")
    if not _SIGNATURE.fullmatch(given):
        return HookRefused(Unheard.UNSIGNED)
    try:
        fields = read_object(body)
    except Unreadable:
        return HookRefused(Unheard.FORGED)  # the signed values cannot be had, so nothing proves it
    proven = False
    for secret in secrets:  # each is tried: how long it takes tells nothing of which one fits
        proven |= hmac.compare_digest(signature(secret, fields), given)
    if not proven:
        return HookRefused(Unheard.FORGED)
    return _hint(fields)


def signature(secret: str, fields: Mapping[str, Any]) -> str:
    """The signature that the vendor would give a body."""
    signed = ";".join([secret, *(_as_signed(at(fields, name)) for name in _SIGNED)])
    return hashlib.sha512(signed.encode("utf-8", "surrogatepass")).hexdigest()


def _as_signed(value: object) -> str:
    """A value as it stands in the body. INFERRED: what is null or absent counts as empty, for the vendor sends either."""
    return "" if value is None else str(value)


def _hint(fields: Mapping[str, Any]) -> Hint | HookRefused:
    event = fields.get("event")
    # The reference is not covered by the signature. It finds a payment of which no answer came, and a read finds out the rest.
    hint = Hint(transaction_id=name_of(fields.get("order_id")), reference=name_of(fields.get("external_id")))
    if isinstance(event, str) and event.startswith(IRRELEVANT):
        return Unrelated(Unheard.IRRELEVANT, hint)
    return hint if hint.names_something else HookRefused(Unheard.GARBLED)
