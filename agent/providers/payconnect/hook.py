"""Webhooks of PayConnect: how they prove where they come from, and which payment they name. Pure.

Documented are the header, three events and nothing else: not what is signed, with which key, in which spelling, nor where the body names
the payment. So the proof is an assumption (``assumptions``), and whatever a proven message says of a payment leads to a read at most.
No id of a message is documented either: a message is told from others by its raw body alone, and the same body makes the same hint, of
which one is kept at a time.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from agent.core.hints import Hint, HookRefused, Unheard, name_of
from agent.providers.common import wire
from agent.providers.common.wire import Unreadable, at
from agent.providers.payconnect.assumptions import Assumptions
from agent.providers.payconnect.request import key_in

HEADER: Final = "x-payconnect-signature"
EVENTS: Final = frozenset({"payment.succeeded", "payment.failed", "payment.refunded"})
"""The events that are documented. One that is not makes a read more, and no harm."""


def signature(assumptions: Assumptions, secret: str, body: bytes) -> str:
    """The signature that the provider is assumed to give a body, over its bytes as they came."""
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), body, assumptions.signature_hash).digest()
    return digest.hex() if assumptions.signature_encoding == "hex" else base64.b64encode(digest).decode("ascii")


def read_hook(assumptions: Assumptions, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
    """The payment that a proven message names. Never raises. ``secrets``: those that are valid now; each is tried, so that the time does
    not tell which fitted."""
    given = headers.get(HEADER, "").strip()
    if len(given) != len(signature(assumptions, "", b"")) or not given.isascii():
        return HookRefused(Unheard.UNSIGNED)
    fitting = [hmac.compare_digest(signature(assumptions, secret, body), given) for secret in secrets]
    if not any(fitting):
        return HookRefused(Unheard.FORGED)
    try:
        fields = wire.read_object(body)
    except Unreadable:
        return HookRefused(Unheard.GARBLED)
    hint = Hint(transaction_id=name_of(at(fields, assumptions.hook_id_field)), reference=key_in(_description(assumptions, fields)))
    return hint if hint.names_something and isinstance(fields.get("type"), str) else HookRefused(Unheard.GARBLED)


def _description(assumptions: Assumptions, fields: Mapping[str, object]) -> object:
    """Beside the payment's id."""
    return at(fields, ".".join([*assumptions.hook_id_field.split(".")[:-1], assumptions.description_field]))
