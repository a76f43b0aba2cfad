"""Koshelek's postback: proven by HTTP Basic, and shaped like the answer of a status read.

The vendor sends login and password that the merchant chose (``partnerLogin``, ``partnerPassword``). Nothing ties them to the body, so a
message proves no more than that its sender knows them: one more reason why nothing but names is taken from it. Which ``requestId`` it
echoes is not known, so it is not looked at; the payment is named by ``transactionId``, and as a second way by the slip.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.core.hints import Hint, HookRefused, Unheard, amount_of, name_of
from agent.core.money import Kopecks
from agent.providers.common import wire
from agent.providers.common.wire import Unreadable

AUTHORIZATION: Final = "authorization"
MAX_AUTHORIZATION_CHARACTERS: Final = 16_384  # login and password in base64, with much room


@dataclass(frozen=True, slots=True)
class KoshelekHook:
    """Reads postbacks. ``login``: the ``partnerLogin`` that the merchant gave to Koshelek; the secrets are its passwords."""

    login: str

    def read_hook(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
        """Never raises."""
        shown = _shown(headers.get(AUTHORIZATION, ""))
        if shown is None:
            return HookRefused(Unheard.UNSIGNED)
        if not self._known(shown, secrets):
            return HookRefused(Unheard.FORGED)
        try:
            hint = _hint(wire.read_object(body))
        except Unreadable:
            return HookRefused(Unheard.GARBLED)
        return hint if hint.names_something else HookRefused(Unheard.GARBLED)

    def _known(self, shown: bytes, secrets: Sequence[str]) -> bool:
        """Each is tried, so that the time does not tell which fitted; digests are of one length, so that it does not tell theirs."""
        digest, found = hashlib.sha256(shown).digest(), False
        for secret in secrets:
            found |= hmac.compare_digest(digest, hashlib.sha256(f"{self.login}:{secret}".encode()).digest())
        return found


def _shown(authorization: str) -> bytes | None:
    """Login and password of a Basic header; None for anything else."""
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() != "basic" or len(authorization) > MAX_AUTHORIZATION_CHARACTERS:
        return None
    try:
        return b64decode(rest.strip(), validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters that are no ASCII
        return None


def _hint(fields: Mapping[str, Any]) -> Hint:
    given = fields.get("slip")
    slip: Mapping[str, Any] = given if isinstance(given, dict) else {}
    return Hint(
        transaction_id=name_of(fields.get("transactionId")),
        order_id=name_of(slip.get("orderId")),
        store_id=name_of(slip.get("storeId")),
        terminal_id=name_of(slip.get("terminalId")),
        amount=_amount(slip),
    )


def _amount(slip: Mapping[str, Any]) -> Kopecks | None:
    try:
        return amount_of(wire.amount(slip, "totalAmount"))
    except Unreadable:
        return None
