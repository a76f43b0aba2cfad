"""Callbacks: the signature over the raw bytes, two secrets at once, and that only names are taken out of them."""

import json

import pytest

from agent.core.hints import Hint, HookRefused, Unheard, Unrelated
from agent.providers.paycore.hook import signature
from tests.providers.paycore.answers import REQUEST, TRANSACTION, invoice, paycore

SECRET = "sk_test_example"
VECTOR = b'{"data":{"type":"payment-invoices","id":"cpi_example"}}'
VECTOR_SIGNATURE = "KXwfswnBUyZW3KAGvOW56MOO7OA="


def heard(body: bytes, given: str | None = None, *secrets: str) -> Hint | HookRefused:
    proof = signature(SECRET, body) if given is None else given
    return paycore().read_hook(secrets or (SECRET,), {"x-signature": proof}, body)


def test_the_vector() -> None:
    """base64 of SHA-1 over secret, body, secret."""
    assert signature(SECRET, VECTOR) == VECTOR_SIGNATURE
    assert heard(VECTOR, VECTOR_SIGNATURE) == Hint(transaction_id="cpi_example")


def test_two_secrets_are_valid_while_one_replaces_the_other() -> None:
    """The old one and the new one, in any order, and no third."""
    assert heard(VECTOR, None, "sk_new", SECRET) == heard(VECTOR, None, SECRET, "sk_new") == Hint(transaction_id="cpi_example")
    assert heard(VECTOR, None, "sk_new", "sk_newer") == HookRefused(Unheard.FORGED)


@pytest.mark.parametrize(
    "given", ["", "x", VECTOR_SIGNATURE[:-1], VECTOR_SIGNATURE + "=", "ы" * 28, f"{VECTOR_SIGNATURE}, {VECTOR_SIGNATURE}"]
)
def test_without_a_signature_of_that_form_nothing_is_looked_at(given: str) -> None:
    """No header, one cut short, one that came twice, one that cannot be compared."""
    assert heard(VECTOR, given) == HookRefused(Unheard.UNSIGNED)
    assert paycore().read_hook([SECRET], {}, VECTOR) == HookRefused(Unheard.UNSIGNED)


@pytest.mark.parametrize("place", range(len(VECTOR)))
def test_any_other_byte_is_a_forgery(place: int) -> None:
    """The bytes as they came, not what they mean."""
    other = VECTOR[:place] + bytes([VECTOR[place] ^ 1]) + VECTOR[place + 1 :]
    assert heard(other, VECTOR_SIGNATURE) == HookRefused(Unheard.FORGED)


def test_the_bytes_count_not_the_meaning() -> None:
    """Escaped slashes and blanks are part of what was signed."""
    body = json.dumps({"data": invoice("processed", return_url="https://a/b")}).replace("/", "\\/").encode()
    assert heard(body) == Hint(transaction_id=TRANSACTION, reference=REQUEST)
    again = json.dumps(json.loads(body)).encode()
    assert heard(again, signature(SECRET, body)) == HookRefused(Unheard.FORGED)


def test_a_hint_has_no_status() -> None:
    """Whatever it says, in whatever order it comes: the names are the same."""
    said = {heard(json.dumps({"data": invoice(word, updated=at)}).encode()) for word in ("processed", "expired") for at in (1, 2)}
    assert said == {Hint(transaction_id=TRANSACTION, reference=REQUEST)}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Unheard.GARBLED),
        (b"[]", Unheard.GARBLED),
        (b'{"data":[]}', Unheard.GARBLED),
        (b'{"data":7}', Unheard.GARBLED),
        (b'{"data":{"id":["x"],"attributes":[]}}', Unheard.GARBLED),
        (b'{"data":{"id":"cpi_1"},"x":' + b" " * 300_000 + b"1}", Unheard.GARBLED),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_proven_and_no_hint(body: bytes, reason: Unheard) -> None:
    """Not understood."""
    assert heard(body) == HookRefused(reason)


def test_a_payout_is_named_as_one() -> None:
    """By the provider's id and ours; no sale is looked for by either."""
    body = b'{"data":{"type":"payout-invoices","id":"cpoi_1","attributes":{"reference_id":"r-1","status":"processed"}}}'
    assert heard(body) == Hint("cpoi_1", "r-1", payout=True)
    assert heard(b'{"data":{"type":"payout-invoices","id":[]}}') == HookRefused(Unheard.GARBLED)


def test_what_is_none_of_a_tills() -> None:
    """Proven, about something else, and named for the log."""
    body = b'{"data":{"type":"customers","id":"cus_1","attributes":{"reference_id":"r-1"}}}'
    assert heard(body) == Unrelated(Unheard.IRRELEVANT, Hint("cus_1", "r-1"))
    assert heard(b'{"data":{"type":"news","id":[],"attributes":["x"]}}') == Unrelated(Unheard.IRRELEVANT, Hint())
