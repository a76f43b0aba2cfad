"""Webhooks of PayConnect: proven over the raw body as is assumed, by any of today's secrets; what they say is a name and no more."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from agent.core.hints import Hint, HookRefused, Unheard
from agent.providers.payconnect import Assumptions, hook
from tests.providers.builders import REQUEST
from tests.providers.payconnect.shop import PAYMENT, assuming, payconnect

OLD, NEW = "sk_old_canary", "sk_new_canary"
BODY = json.dumps({"type": "payment.succeeded", "data": {"id": PAYMENT, "status": "succeeded", "amount": 1}}).encode()
SIGNATURE = hmac.new(NEW.encode(), BODY, "sha256").hexdigest()


def read(body: bytes = BODY, given: str | None = None, **headers: str) -> Hint | HookRefused:
    signed = hmac.new(NEW.encode(), body, hashlib.sha256).hexdigest() if given is None else given
    return payconnect().read_hook([OLD, NEW], {"x-payconnect-signature": signed} | headers, body)


def test_a_known_vector() -> None:
    """HMAC-SHA256 of RFC 4231, test case 2, as the assumption has it."""
    body = b"what do ya want for nothing?"
    assert hook.signature(Assumptions(), "Jefe", body) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hook.signature(Assumptions(signature_encoding="base64"), "Jefe", body) == "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="


def test_a_proven_message_names_its_payment() -> None:
    """And nothing of what it says about the payment."""
    assert read() == Hint(transaction_id=PAYMENT)
    with_key = json.dumps({"type": "payment.failed", "data": {"id": PAYMENT, "description": f"Заказ {REQUEST}"}}).encode()
    assert read(with_key) == Hint(transaction_id=PAYMENT, reference=REQUEST)


@pytest.mark.parametrize("event", [*sorted(hook.EVENTS), "payment.something_new"])
def test_every_event_leads_to_a_read(event: str) -> None:
    """The three that are documented, and one that is not."""
    assert read(json.dumps({"type": event, "data": {"id": 7}}).encode()) == Hint(transaction_id="7")


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_two_secrets_are_valid_at_once(secret: str) -> None:
    """While one replaces the other; a third is not."""
    signed = {"x-payconnect-signature": hmac.new(secret.encode(), BODY, "sha256").hexdigest()}
    assert payconnect().read_hook([OLD, NEW], signed, BODY) == Hint(transaction_id=PAYMENT)
    assert payconnect().read_hook(["other"], signed, BODY) == HookRefused(Unheard.FORGED)
    assert payconnect().read_hook([], signed, BODY) == HookRefused(Unheard.FORGED)


@pytest.mark.parametrize("given", ["", "x", SIGNATURE[:-1], SIGNATURE + "0", "й" * 64, f"sha256={SIGNATURE}", f"{SIGNATURE}, {SIGNATURE}"])
def test_no_signature_in_its_form(given: str) -> None:
    """Absent, cut, doubled, with something before it."""
    assert read(given=given) == HookRefused(Unheard.UNSIGNED)
    assert payconnect().read_hook([NEW], {}, BODY) == HookRefused(Unheard.UNSIGNED)


@pytest.mark.parametrize("changed", [BODY + b" ", BODY.replace(b"1}", b"2}"), BODY.replace(b": ", b":"), b""])
def test_any_other_body_is_forged(changed: bytes) -> None:
    """The raw bytes are signed: the same values written differently do not fit."""
    assert payconnect().read_hook([NEW], {"x-payconnect-signature": SIGNATURE}, changed) == HookRefused(Unheard.FORGED)
    assert read(given=SIGNATURE.upper()) == HookRefused(Unheard.FORGED)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"type":"payment.succeeded"}',
        b'{"data":{"id":"1"}}',
        b'{"type":7,"data":{"id":"1"}}',
        b'{"type":"x","data":"1"}',
    ],
)
def test_a_proven_message_that_names_nothing(body: bytes) -> None:
    """Not what is assumed to be sent."""
    assert read(body) == HookRefused(Unheard.GARBLED)


def test_the_assumptions_of_the_proof_are_configured() -> None:
    """Another hash, another spelling, another place of the id."""
    shop = assuming(signature_hash="sha512", signature_encoding="base64", hook_id_field="payment_id")
    body = json.dumps({"type": "payment.succeeded", "payment_id": PAYMENT, "description": REQUEST}).encode()
    signed = hook.signature(Assumptions(signature_hash="sha512", signature_encoding="base64"), NEW, body)
    assert shop.read_hook([NEW], {"x-payconnect-signature": signed}, body) == Hint(transaction_id=PAYMENT, reference=REQUEST)


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, by the comparison made for it, whether or not the first fitted."""
    compared: list[Any] = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(one) or real(one, other))
    assert payconnect().read_hook([NEW, OLD, NEW], {"x-payconnect-signature": SIGNATURE}, BODY) == Hint(transaction_id=PAYMENT)
    assert len(compared) == 3


def test_the_same_body_is_the_same_hint() -> None:
    """No id of a message is documented: a repeat is known by its raw body, and makes an equal hint, of which the engine keeps one."""
    assert read() == read()
    assert read(BODY.replace(PAYMENT.encode(), b"pay_other")) != read()
