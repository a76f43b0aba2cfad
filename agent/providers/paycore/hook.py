"""Callbacks of PayCore: how they prove where they come from, and which payment or payout they name. Pure.

The proof is a plain hash with the secret on both sides of the body, no HMAC, over the bytes as they came: bodies hold escaped slashes, so
that one written anew would not fit. Callbacks come late, twice and out of order, and several changes may come as one; so nothing in them
is believed, neither ``status`` nor ``updated``: they lead to a read, and of two reads the later is the newer whatever was called first.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from agent.core.hints import Hint, HookRefused, Unheard, Unrelated, name_of
from agent.providers.common import wire
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.invoice import mapping
from agent.providers.paycore.reading import MAX_BODY_BYTES

HEADER: Final = "x-signature"
SIGNATURE_CHARACTERS: Final = 28  # base64 of the 20 bytes of SHA-1
_PAYMENT, _PAYOUT = "payment-invoices", "payout-invoices"


def signature(secret: str, body: bytes) -> str:
    """The provider's formula: base64(SHA-1(secret, body, secret))."""
    key = secret.encode()
    digest = hashlib.sha1(key + body + key, usedforsecurity=False).digest()  # the provider's choice, not ours
    return base64.b64encode(digest).decode()


def read_hook(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
    """The payment or payout that a proven callback names. Never raises. ``secrets``: private keys that are valid now; each is tried."""
    given = headers.get(HEADER, "").strip()
    if len(given) != SIGNATURE_CHARACTERS or not given.isascii():
        return HookRefused(Unheard.UNSIGNED)
    fitting = [hmac.compare_digest(signature(secret, body), given) for secret in secrets]  # all of them, for the same time
    if not any(fitting):
        return HookRefused(Unheard.FORGED)
    try:
        return _hint(body)
    except Unreadable:
        return HookRefused(Unheard.GARBLED)


def _hint(body: bytes) -> Hint | HookRefused:
    data = mapping(wire.read_object(body, MAX_BODY_BYTES).get("data"), "data")
    payout, ours = data.get("type") == _PAYOUT, data.get("type") in (None, _PAYMENT, _PAYOUT)
    attributes = mapping(data.get("attributes") if ours or isinstance(data.get("attributes"), Mapping) else None, "attributes")
    hint = Hint(transaction_id=name_of(data.get("id")), reference=name_of(attributes.get("reference_id")), payout=payout)
    if not ours:
        return Unrelated(Unheard.IRRELEVANT, hint)
    return hint if hint.names_something else HookRefused(Unheard.GARBLED)
