"""What PayConnect's answers mean: by class first, then by what is assumed, and never more than is said."""

import json
from typing import Any

import pytest

from agent.core.contract import Token
from agent.core.model import PaymentLink, Slip
from agent.core.money import kopecks
from agent.core.verdict import Denied, Garbled, Observed, Operation, Refusal, Refused, Reply, Status
from agent.providers.payconnect import PayConnect
from tests.providers.builders import REQUEST
from tests.providers.payconnect.shop import LINK, PAYMENT, REAL, answer, assuming, paid, payconnect

CREATE, READ = Operation.CHECKOUT, Operation.STATUS


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_payment_was_made(status: int) -> None:
    """Any 2xx: its id and its link."""
    seen = payconnect().read(CREATE, answer(status, id=PAYMENT, status="pending", payment_url=LINK, expires_at="x"))
    assert seen == Observed(Status.PENDING, PAYMENT, link=PaymentLink(LINK))


def test_a_new_payment_needs_no_status() -> None:
    """It was made this moment, and nobody has been shown its link; an answer to a read must say how it is."""
    assert payconnect().read(CREATE, answer(id=PAYMENT, payment_url=LINK)) == Observed(Status.PENDING, PAYMENT, link=PaymentLink(LINK))
    assert payconnect().read(READ, answer(id=PAYMENT, payment_url=LINK)) == Garbled("no_status")
    assert payconnect().read(CREATE, answer(id=PAYMENT, status=7)) == Garbled("no_status")


@pytest.mark.parametrize(
    "link",
    [
        None,
        7,
        "",
        "pay.payconnect.com/s",
        "ftp://pay.payconnect.com/s",
        "http://pay.payconnect.com/s",
        "javascript:alert(1)",
        "https://",
        "https://user@pay.payconnect.com/s",
        "https://pay.payconnect.com:0/s",
        "https://pay.payconnect.com:x/s",
        "https://pay payconnect.com/s",
        "https://[/s",
        "https://pay.payconnect.com/" + "x" * 1_024,
    ],
)
def test_a_link_that_cannot_be_shown(link: Any) -> None:
    """The payment is named all the same, so that it can be watched; its link is not shown."""
    assert payconnect().read(CREATE, answer(id=PAYMENT, status="pending", payment_url=link)) == Observed(
        Status.PENDING, PAYMENT, error_code="LINK_UNUSABLE"
    )


def test_a_link_to_this_machine_is_for_the_sandbox() -> None:
    """With real money it is shown to nobody."""
    reply = answer(id=PAYMENT, status="pending", payment_url="http://127.0.0.1:8080/pay/1")
    for shop, shown in ((payconnect(), True), (PayConnect(REAL), False)):
        seen = shop.read(CREATE, reply)
        assert isinstance(seen, Observed)
        assert (seen.link is not None) is shown


def test_paid_means_amount_and_currency() -> None:
    """The word alone proves nothing: without either there is no slip, and the core calls a person."""
    slip = Slip(kopecks(37695), None, "RUB", REQUEST, payment_transaction_id=PAYMENT)
    told = Observed(Status.ACCEPTED, PAYMENT, slip=slip, reference=REQUEST, amount=slip.total_amount, currency="RUB")
    assert payconnect().read(READ, paid()) == told
    for missing in ("amount", "currency"):
        seen = payconnect().read(READ, paid(**{missing: None}))
        assert isinstance(seen, Observed)
        assert (seen.status, seen.slip) == (Status.ACCEPTED, None)
    for wrong in ("376.95x", -1, 10**11, True, 376.95):
        assert payconnect().read(READ, paid(amount=wrong)) == Garbled("bad_amount")


@pytest.mark.parametrize("wrong", ['"37695"', "37695.0", "37695.00", "3.7695e4", '"37695.0"', "[37695]", "false", '""'])
def test_an_amount_is_a_whole_json_number(wrong: str) -> None:
    """The document has integers of minor units: what is spelled otherwise may be meant otherwise, and is not guessed. Of a payment that is
    not paid nothing is compared, so nothing is told."""
    body = paid(amount="HERE").body.replace(b'"HERE"', wrong.encode())
    assert payconnect().read(READ, Reply(200, body)) == Garbled("bad_amount")
    open_ = payconnect().read(READ, Reply(200, body.replace(b"succeeded", b"pending")))
    assert isinstance(open_, Observed)
    assert (open_.status, open_.amount, open_.currency) == (Status.PENDING, None, None)


@pytest.mark.parametrize(
    ("text", "key"), [(REQUEST, REQUEST), (f"a\n{REQUEST}", REQUEST), (f"x{REQUEST}", None), (f"{REQUEST} y", None), (7, None)]
)
def test_our_key_in_a_text_that_comes_back(text: Any, key: str | None) -> None:
    """Only at its end and whole; a text without one says nothing of whose payment it is."""
    seen = payconnect().read(READ, paid(description=text))
    assert isinstance(seen, Observed)
    assert seen.slip is not None
    assert seen.reference == seen.slip.reference == key


@pytest.mark.parametrize(
    ("word", "seen"),
    [
        ("pending", Observed(Status.PENDING, PAYMENT, link=PaymentLink(LINK))),
        ("failed", Observed(Status.REJECTED, PAYMENT)),
        ("expired", Observed(Status.REJECTED, PAYMENT, error_code="LINK_EXPIRED")),
        ("refunded", Observed(Status.REFUNDED, PAYMENT)),
        ("Succeeded", Observed(Status.UNKNOWN, PAYMENT)),
        ("", Observed(Status.UNKNOWN, PAYMENT)),
    ],
)
def test_every_word(word: str, seen: Observed) -> None:
    """The assumed words; another one is never final, and shows no link."""
    assert payconnect().read(READ, answer(id=PAYMENT, status=word, payment_url=LINK)) == seen


def test_a_read_without_link_is_no_fault() -> None:
    """Only the create has to tell one."""
    assert payconnect().read(READ, answer(id=PAYMENT, status="pending")) == Observed(Status.PENDING, PAYMENT)


def test_assumptions_are_configured() -> None:
    """Other names, other words, ways through objects."""
    shop = assuming(id_field="payment.uid", link_field="payment.page", status_field="state", pending=frozenset({"open", "wait"}))
    seen = shop.read(CREATE, answer(payment={"uid": "7", "page": LINK}, state="wait"))
    assert seen == Observed(Status.PENDING, "7", link=PaymentLink(LINK))
    assert shop.read(CREATE, answer(payment="7", state="wait")) == Garbled("no_id")


@pytest.mark.parametrize("broken", [{}, {"id": None}, {"id": 7}, {"id": ""}, {"id": "a/b"}, {"id": "x" * 129}])
def test_an_answer_without_a_usable_id_is_no_answer(broken: dict[str, Any]) -> None:
    """It may have made a payment, and nobody can say which."""
    assert payconnect().read(CREATE, answer(status="pending", **broken)) == Garbled("no_id")


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff", b"[" * 70_000])
def test_a_success_that_cannot_be_read(body: bytes) -> None:
    """Counts as maybe sent."""
    assert isinstance(payconnect().read(CREATE, Reply(200, body)), Garbled)
    assert isinstance(payconnect().read_token(Reply(200, body)), Garbled)


def error(code: Any) -> dict[str, Any]:
    """The documented body of an error."""
    return {"error": {"code": code, "message": "buyer@mail.ru", "docs_url": "https://docs.payconnect.com"}}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, error("invalid_amount"), "PAYCONNECT_INVALID_AMOUNT"),
        (422, error("something_new"), "PAYCONNECT_SOMETHING_NEW"),
        (400, error("has blanks"), "PAYCONNECT_HTTP_400"),
        (400, error(7), "PAYCONNECT_HTTP_400"),
        (400, error("79161234567"), "PAYCONNECT_HTTP_400"),
        (400, error("card_4276-1600-1234-5678"), "PAYCONNECT_HTTP_400"),
        (402, {"error": "text"}, "PAYCONNECT_HTTP_402"),
        (409, {}, None),
    ],
)
def test_a_refusal_is_told_by_its_code(status: int, body: dict[str, Any], code: str | None) -> None:
    """4xx refuses, whatever its code; the message is kept nowhere; what may speak of an earlier copy proves nothing."""
    seen = payconnect().read(CREATE, answer(status, **body))
    assert seen == (Refused(code, Refusal.CONFIGURATION) if code else Garbled("http_409"))
    assert "buyer" not in repr(seen)
    assert payconnect().read_token(answer(status, **body)) == seen


def test_a_refusal_without_json_is_a_refusal() -> None:
    """The class decides."""
    assert payconnect().read(CREATE, Reply(400, b"<html>")) == Refused("PAYCONNECT_HTTP_400", Refusal.CONFIGURATION)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 429])
def test_a_shut_door(status: int) -> None:
    """Turned away before anything was made; how long to wait is told."""
    shut = answer(status, {"retry-after": "7"}, **error("x"))
    assert payconnect().read(CREATE, shut) == payconnect().read_token(shut) == Denied(status, 7)


def test_a_read_that_finds_nothing() -> None:
    """The payment is not there, or not there yet; of any other call a 404 is a wrong address."""
    assert payconnect().read(READ, answer(404, **error("not_found"))) == Refused("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND)


@pytest.mark.parametrize("status", [100, 301, 408, 425, 500, 503, 599])
def test_all_else_may_have_been_done(status: int) -> None:
    """5xx, redirects, machines on the way."""
    assert payconnect().read(CREATE, answer(status, {"retry-after": "7"}, id=PAYMENT, status="pending")) == Garbled(f"http_{status}", 7)


def test_the_token() -> None:
    """24 hours is documented; where the answer says less, less holds."""
    shop = payconnect()
    assert shop.read_token(answer(access_token="t", expires_in=86_400)) == Token("t", 86_400)
    assert shop.read_token(answer(access_token="t")) == Token("t", 86_400)
    assert shop.read_token(answer(access_token="t", expires_in=600)) == Token("t", 600)
    assert shop.read_token(answer(access_token="t", expires_in=10**9)) == Token("t", 86_400)
    assert assuming(access_field="data.jwt").read_token(answer(data={"jwt": "t"})) == Token("t", 86_400)
    for life in (0, -1, True, "600", 1.5):
        assert shop.read_token(answer(access_token="t", expires_in=life)) == Garbled("bad_life")
    for token in (None, "", 7, "a b", "й", "x" * 4_097):
        assert shop.read_token(answer(access_token=token)) == Garbled("no_token")


def test_a_stale_token() -> None:
    """A 401 asks for a new one, unless the configuration says that a 401 proves nothing."""
    assert payconnect().stale_token(answer(401))
    assert not payconnect().stale_token(answer(403))
    assert not payconnect().stale_token(Reply(200, json.dumps({}).encode()))
    assert not payconnect(denied_statuses=frozenset({403})).stale_token(answer(401))
