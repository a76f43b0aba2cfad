"""Every kind of answer: statuses, errors by class and code, links of both sides, sums in all spellings, searches, logins."""

import json
from dataclasses import replace
from typing import Any

import pytest

from agent.core.contract import Token
from agent.core.model import Environment, PaymentLink, Slip
from agent.core.money import Kopecks
from agent.core.verdict import (
    Denied,
    Finding,
    Found,
    Garbled,
    Observed,
    Operation,
    RefStatus,
    Refusal,
    Refused,
    Reply,
    Status,
    Verdict,
)
from agent.providers.softline.codes import CREATE_REFUSALS, REFUND_REFUSALS
from tests.providers.builders import REQUEST
from tests.providers.softline.shop import LINK, ORDER, softline

CREATED = {"payment_url": LINK, "order_id": int(ORDER)}
PAID = {
    "order_id": int(ORDER),
    "order_name": "SL-5555555",
    "status": "paid",
    "external_id": REQUEST,
    "create_date": "2026-03-01T12:30:45+03:00",
    "pay_date": "2026-03-01T12:31:40+03:00",
    "currency": "RUB",
    "customer": {"email": "buyer@mail.example"},
    "product": {"id": 1, "amount": "376.95"},
    "payment": {"payment_method": "CreditCard", "card_last_4": "4242"},
}


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, data, {name.replace("_", "-"): text for name, text in headers.items()})


def read(body: Any, operation: Operation = Operation.STATUS, status: int = 200, **changes: Any) -> Verdict:
    return softline(**changes).read(operation, reply(body, status))


def ours(status: Status) -> Observed:
    """A payment of ours that shows no more than whose it is, and what it is over."""
    return Observed(status, ORDER, reference=REQUEST, amount=Kopecks(37_695), currency="RUB")


def errors(*codes: object) -> dict[str, Any]:
    return {"errors": [{"error": code, "message": "text"} for code in codes]}


# --- create ---


def test_a_payment_is_made() -> None:
    """200 with an id and a link: the customer may pay, and nothing has been paid."""
    assert read(CREATED, Operation.CHECKOUT) == Observed(Status.PENDING, ORDER, link=PaymentLink(LINK))
    assert read(CREATED | {"order_id": ORDER}, Operation.CHECKOUT) == Observed(Status.PENDING, ORDER, link=PaymentLink(LINK))


@pytest.mark.parametrize("order_id", [None, "", "a/b", True, 1.5, -1.5, [], {}, "x" * 65])
def test_a_payment_without_an_id_is_no_answer(order_id: object) -> None:
    """It could neither be read nor returned."""
    assert read(CREATED | {"order_id": order_id}, Operation.CHECKOUT) == Garbled("bad_order_id")


PRODUCTION_LINK = LINK.replace(".demoslweb.com", "")


@pytest.mark.parametrize(
    ("environment", "url", "fits"),
    [
        (Environment.TEST, LINK, True),
        (Environment.TEST, LINK.replace("demoslweb", "demonqweb"), True),
        (Environment.TEST, LINK.upper().replace("HTTPS", "https"), True),
        (Environment.TEST, PRODUCTION_LINK, False),
        (Environment.TEST, "https://demoslweb.com/order/status/1/2", False),
        (Environment.TEST, "http://127.0.0.1:8099/pay/7", True),
        (Environment.TEST, "http://localhost:8099/pay/7", True),
        (Environment.TEST, "http://192.168.1.20:8099/pay/7", True),
        (Environment.TEST, "http://192.168.1.21:8099/pay/7", False),
        (Environment.PRODUCTION, PRODUCTION_LINK, True),
        (Environment.PRODUCTION, LINK, False),
        (Environment.PRODUCTION, LINK.replace("demoslweb.com/", "demoslweb.com./"), False),
        (Environment.PRODUCTION, "https://127.0.0.1/pay/7", False),
    ],
)
def test_a_link_of_the_other_side_is_not_shown(environment: Environment, url: str, fits: bool) -> None:
    """Test money must not be asked for goods, nor real money in a test. The payment is named all the same, so that it is watched."""
    found = read(CREATED | {"payment_url": url}, Operation.CHECKOUT, environment=environment, test_link_hosts=frozenset({"192.168.1.20"}))
    if fits:
        assert found == Observed(Status.PENDING, ORDER, link=PaymentLink(url))
    else:
        assert found == Observed(Status.PENDING, ORDER, error_code="LINK_OTHER_SIDE")


@pytest.mark.parametrize(
    "url",
    [
        *(None, "", 7, "nothing", "//pay.example.demoslweb.com/x", "ftp://pay.example.demoslweb.com/x", "https:///x"),
        *("https://user@pay.example.demoslweb.com/x", "https://pay.example.demoslweb.com:99999/x", "https://[::1/x"),
        *("https://pay.example.demoslweb.com/a b", "https://pay.example.demoslweb.com/\n", "http://pay.example.demoslweb.com/x"),
        *("https://pay.example.demoslweb.com:0/x", "https://pay.example.demoslweb.com/" + "x" * 1_024),
    ],
)
def test_what_is_no_link_is_not_shown(url: object) -> None:
    """Neither what no browser opens, nor what nobody may read on the way."""
    found = read(CREATED | {"payment_url": url}, Operation.CHECKOUT)
    assert found == Observed(Status.PENDING, ORDER, error_code="LINK_UNUSABLE")


# --- errors ---


@pytest.mark.parametrize(("code", "refusal"), CREATE_REFUSALS.items())
def test_every_code_of_a_create_is_final(code: str, refusal: Refusal) -> None:
    """No payment was made: the sale is declined at once; a technician is called where nothing the till does would help."""
    assert read(errors(int(code)), Operation.CHECKOUT, 400) == Refused(f"SOFTLINE_{code}", refusal, code)
    assert refusal in (Refusal.CONFIGURATION, Refusal.SESSION), "the two that the core takes as final"


def test_every_documented_code_is_known() -> None:
    """The vendor's list of the create call, without a gap."""
    assert set(CREATE_REFUSALS) == {"110", "111", "6000", "6010", "6020", "6030", "6060", "6080", "6090", "6100"}


def test_a_misprint_of_the_vendor_is_put_right() -> None:
    """Its own sample prints 63010 beside the text of 6010."""
    assert read(errors(63_010), Operation.CHECKOUT, 400) == Refused("SOFTLINE_6010", Refusal.CONFIGURATION, "6010")


def test_several_errors_at_once() -> None:
    """The one that calls a technician is told, wherever it stands; all are kept for the log, with the fields they name."""
    body = {
        "errors": [
            {"error": 6060, "message": "Email field is filled out incorrectly: buyer@mail"},
            {"error": 6010, "message": "Invalid field value: [customer.kpp]"},
            {"error": 6010, "message": "Invalid field value: locale."},
            {"error": "6080", "message": None},
        ]
    }
    assert read(body, Operation.CHECKOUT, 400) == Refused(
        "SOFTLINE_6010", Refusal.CONFIGURATION, "6060, 6010 customer.kpp, 6010 locale, 6080"
    )
    assert read(errors(6090, 6060), Operation.CHECKOUT, 400) == Refused("SOFTLINE_6090", Refusal.SESSION, "6090, 6060")


def test_the_class_decides_before_the_code() -> None:
    """A 400 is a refusal, whatever its code; a 500 is none, whatever its body says; a text decides nothing."""
    assert read(errors(6_999), Operation.CHECKOUT, 400) == Refused("SOFTLINE_6999", Refusal.CONFIGURATION, "6999")
    assert read(b"<html>", Operation.CHECKOUT, 400) == Refused("SOFTLINE_HTTP_400", Refusal.CONFIGURATION)
    assert read(errors(6010), Operation.CHECKOUT, 500) == Garbled("http_500")
    assert read({"errors": [{"error": "x", "message": "Invalid field value: [amount]"}]}, Operation.CHECKOUT, 400) == Refused(
        "SOFTLINE_HTTP_400", Refusal.CONFIGURATION
    )


@pytest.mark.parametrize("body", [b"", b"[]", {"errors": None}, {"errors": "6010"}, {"errors": [6010]}, {"errors": [{"error": True}]}, {}])
def test_a_refusal_without_a_list_is_a_refusal(body: Any) -> None:
    """Its reason is not known, that it is one is."""
    assert read(body, Operation.CHECKOUT, 400) == Refused("SOFTLINE_HTTP_400", Refusal.CONFIGURATION)


@pytest.mark.parametrize("operation", [Operation.STATUS, Operation.FIND])
def test_a_refused_question_decides_nothing(operation: Operation) -> None:
    """That a read or search was refused says nothing of the payment."""
    verdict = softline().read_found(reply(errors(6010), 400)) if operation is Operation.FIND else read(errors(6010), operation, 400)
    assert verdict == Refused("SOFTLINE_6010", Refusal.UNKNOWN, "6010")


@pytest.mark.parametrize("status", [401, 403, 404, 405, 429])
def test_the_door(status: int) -> None:
    """Turned away; what is taken off the list proves nothing any more."""
    given = reply(b"", status, retry_after="7")
    assert softline().read(Operation.CHECKOUT, given) == Denied(status, 7)
    assert softline().read_found(given) == Denied(status, 7)
    assert softline().read_token(given) == Denied(status, 7)
    everything_open = softline(denied_statuses=frozenset())
    assert everything_open.read(Operation.CHECKOUT, given) == Garbled(f"http_{status}", 7)


@pytest.mark.parametrize("status", [100, 201, 204, 302, 418, 500, 502, 503, 599])
def test_no_other_class_says_anything(status: int) -> None:
    """Above all no 5xx: what it left behind is found by a search."""
    assert read(CREATED, Operation.CHECKOUT, status) == Garbled(f"http_{status}")
    assert softline().read_found(reply({"ids": []}, status)) == Garbled(f"http_{status}")
    assert softline().read_token(reply({"token": "t"}, status)) == Garbled(f"http_{status}")


# --- read ---


def test_paid() -> None:
    """Paid, with what the core compares: sum, currency, and our own id of the payment."""
    assert read(PAID) == Observed(
        Status.ACCEPTED,
        ORDER,
        slip=Slip(
            total_amount=Kopecks(37_695),
            currency="RUB",
            reference=REQUEST,
            id="SL-5555555",
            payment_type="CreditCard",
            payment_transaction_id=ORDER,
            operation_date_time="2026-03-01T12:31:40+03:00",
        ),
        reference=REQUEST,
        amount=Kopecks(37_695),
        currency="RUB",
    )


def test_paid_without_a_sum_proves_nothing() -> None:
    """Where the sum stands in a read is inferred: not found there, a person is called instead of the goods handed out."""
    bare = {name: value for name, value in PAID.items() if name != "product"}
    verdict = read(bare)
    assert isinstance(verdict, Observed)
    assert (verdict.status, verdict.slip) == (Status.ACCEPTED, None)
    moved = read(bare | {"payment": {"sum": 376.95}}, amount_field="payment.sum")
    assert isinstance(moved, Observed)
    assert moved.slip is not None
    assert moved.slip.total_amount == 37_695


def test_an_absent_currency_is_the_one_asked_for() -> None:
    """The order is our own, made in roubles; any other currency that is told is passed on to be compared."""
    for currency, expected in ((None, "RUB"), ("", "RUB"), ("USD", "USD")):
        verdict = read(PAID | {"currency": currency})
        assert isinstance(verdict, Observed)
        assert verdict.slip is not None
        assert verdict.slip.currency == expected


@pytest.mark.parametrize("text", ["100", "100.0", "100.00", '"100"', '"100.00"', '"100.00000000"', "1e2", "1.0e2", "1E+2"])
def test_spellings_of_one_sum(text: str) -> None:
    """Text or number, with or without digits behind the dot."""
    body = json.dumps(PAID | {"product": {"amount": "HERE"}}).replace('"HERE"', text)
    verdict = read(body.encode())
    assert isinstance(verdict, Observed)
    assert verdict.slip is not None
    assert (verdict.slip.total_amount, type(verdict.slip.total_amount)) == (10_000, int)


@pytest.mark.parametrize(
    "text",
    [
        *('"100.005"', "100.005", '"1 000"', '"100,00"', "-1", '"-1"', "true", "[]", "{}", "100000000", '"100000000.00"', '"٣٠٠"'),
        *("1e999999999", "1e-999999999", "0.000000001", '"0.000000001"', '" 100"'),
    ],
)
def test_a_malformed_sum_spoils_the_answer(text: str) -> None:
    """A sum is readable to the kopeck, or the answer counts for nothing."""
    body = json.dumps(PAID | {"product": {"amount": "HERE"}}).replace('"HERE"', text)
    assert read(body.encode()) == Garbled("bad_amount")


def test_not_paid() -> None:
    """Also after every attempt that failed: the buyer may try again."""
    body = PAID | {"status": "not paid", "pay_date": ""}
    assert read(body) == ours(Status.PENDING)


def test_a_read_may_tell_the_link() -> None:
    """Where it is the page of this very payment, in the form of the page to pay on, and of our side; else there is none."""
    body = PAID | {"status": "not paid", "pay_date": ""}

    def link(url: object, **changes: Any) -> PaymentLink | None:
        verdict = read(body | {"order_detail_url": url}, **changes)
        assert isinstance(verdict, Observed)
        return verdict.link

    assert link(LINK) == PaymentLink(LINK)
    assert link(LINK.replace(ORDER, "7")) is None
    assert link(PRODUCTION_LINK) is None
    assert link(PRODUCTION_LINK, environment=Environment.PRODUCTION) == PaymentLink(PRODUCTION_LINK)
    assert link(LINK, link_field=None) is None
    assert link(LINK, link_field="order_detail_url.url") is None


def test_the_three_meanings_of_deleted() -> None:
    """Never paid, returned, charged back: a day of payment tells the first from the others; without one only our own record can."""
    gone = PAID | {"status": "deleted"}
    assert read(gone) == ours(Status.REFUNDED)
    assert read(gone | {"pay_date": ""}) == ours(Status.GONE)
    assert read(gone | {"pay_date": None}) == ours(Status.GONE)
    bare = {"order_id": 5555555, "status": "deleted", "external_id": REQUEST}
    assert read(bare) == Observed(Status.GONE, ORDER, reference=REQUEST)
    assert read(gone, pay_date_field="payment.date") == ours(Status.GONE)


def test_terminated() -> None:
    """Removed for technical reasons: it cannot be paid. What was paid before and is removed now nobody has explained."""
    removed = PAID | {"status": "terminated"}
    rejected = replace(ours(Status.REJECTED), error_code="SOFTLINE_TERMINATED")
    assert read(removed | {"pay_date": ""}) == rejected
    assert read(removed) == ours(Status.UNKNOWN)


@pytest.mark.parametrize("status", ["not paid", "paid", "deleted", "terminated", "new"])
@pytest.mark.parametrize("absent", [{}, {"external_id": None}, {"external_id": ""}], ids=str)
def test_an_order_that_is_nobodys_proves_nothing(status: str, absent: dict[str, Any]) -> None:
    """By contract every read repeats the id that the shop gave: without it nothing says whose payment it is, whatever its status."""
    nobodys = {name: value for name, value in PAID.items() if name != "external_id"} | {"status": status}
    assert read(nobodys | absent) == Garbled("no_external_id")


def test_a_sum_that_is_not_compared_spoils_nothing() -> None:
    """Only what was paid must be readable to the kopeck; of any other payment it is not told."""
    for wrong in ({"product": {"amount": "1,5"}}, {"currency": 643}):
        seen = read(PAID | {"status": "not paid"} | wrong)
        assert seen == Observed(Status.PENDING, ORDER, reference=REQUEST)


@pytest.mark.parametrize("word", ["Paid", "paid ", "not_paid", "accepted", "refunded", "new", "оплачен"])
def test_a_strange_status_is_not_final(word: str) -> None:
    """Other spellings and news decide nothing."""
    verdict = read(PAID | {"status": word})
    assert isinstance(verdict, Observed)
    assert verdict.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_body"),
        (b"<html>", "not_json"),
        ([], "not_an_object"),
        ({"status": "paid"}, "bad_order_id"),
        ({"order_id": 5}, "no_status"),
        ({"order_id": 5, "status": ""}, "no_status"),
        ({"order_id": 5, "status": None}, "no_status"),
        ({"order_id": 5, "status": 1}, "bad_status"),
        (PAID | {"external_id": 7}, "bad_external_id"),
        (PAID | {"currency": 643}, "bad_currency"),
        (errors(6010), "bad_order_id"),
        (b'{"order_id":5,"status":"not paid","status":"paid"}', "duplicate_name"),
    ],
)
def test_what_cannot_be_trusted_is_garbled(body: Any, reason: str) -> None:
    """Half an answer is none."""
    assert read(body) == Garbled(reason)


# --- search ---


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"ids": []}, []),
        ({"ids": [7]}, ["7"]),
        ({"ids": ["7"]}, ["7"]),
        ({"ids": [12, 9, 12, "9", 100]}, ["9", "12", "100"]),
        ({"ids": {"0": 12, "3": 9}}, ["9", "12"]),
        ({"ids": {}}, []),
        ([9, 12], ["9", "12"]),
        ([], []),
        (b" [7] ", ["7"]),
        ({"ids": ["b-2", "a-1"]}, ["b-2", "a-1"]),
        ({"ids": [7], "total": 1}, ["7"]),
    ],
)
def test_what_a_search_brings(body: Any, ids: list[str]) -> None:
    """Ids in any of the likely shapes, oldest first; of what they name nothing is known yet."""
    assert softline().read_found(reply(body)) == Found(tuple(Observed(Status.PENDING, one) for one in ids))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "no_ids"),
        ({"ids": None}, "no_ids"),
        ({"ids": "7"}, "no_ids"),
        ({"ids": 7}, "no_ids"),
        ({"ids": [None]}, "bad_order_id"),
        ({"ids": [7, {"order_id": 8}]}, "bad_order_id"),
        ({"ids": list(range(21))}, "too_many_ids"),
        (b"", "empty_body"),
        (b'[7],"more":1', "not_json"),
        (b'[7],"ids":[8]', "duplicate_name"),
        (b"nothing found", "not_json"),
    ],
)
def test_a_search_that_shows_no_list_proves_nothing(body: Any, reason: str) -> None:
    """A create is repeated only on the strength of an empty list, never of an answer that could not be read."""
    verdict: Finding = softline().read_found(reply(body))
    assert verdict == Garbled(reason)


# --- refund ---


def test_a_refund_is_requested_and_no_more() -> None:
    """People decide: requested is not refunded. The body is not documented, and not read."""
    requested = Observed(Status.UNKNOWN, ref_status=RefStatus.REQUESTED)
    for body in (b"", b"{}", b'{"id":1}', b"\xff"):
        assert read(body, Operation.REFUND) == requested
    page = reply(b"<html>", content_type="text/html; charset=utf-8")
    assert softline().read(Operation.REFUND, page) == Garbled("html")
    assert read(b"", Operation.REFUND, 201) == Garbled("http_201")


def test_a_refused_refund() -> None:
    """By its class it was not taken; a fault of this program or its configuration calls a technician."""
    for code, refusal in REFUND_REFUSALS.items():
        assert read(errors(int(code)), Operation.REFUND, 400) == Refused(f"SOFTLINE_{code}", refusal, code)
    assert read(errors(7_001), Operation.REFUND, 400) == Refused("SOFTLINE_7001", Refusal.RETURN_REFUSED, "7001")
    assert read(b"", Operation.REFUND, 400) == Refused("SOFTLINE_HTTP_400", Refusal.RETURN_REFUSED)


# --- login ---


def test_a_token() -> None:
    """24 hours from its receipt; it shows in no representation. The refresh token is of no use."""
    token = softline().read_token(reply({"token": "abc.def", "refresh_token": "xyz"}))
    assert token == Token("abc.def", 86_400)
    assert "abc" not in repr(token)
    assert softline(token_life_s=600).read_token(reply({"token": "t"})) == Token("t", 600)


@pytest.mark.parametrize("token", [None, "", 7, "two words", "ключ", "x" * 4_097, "line\n"])
def test_what_is_no_token(token: object) -> None:
    """What does not fit into a header is none."""
    assert softline().read_token(reply({"token": token})) == Garbled("no_token")


def test_a_refused_login() -> None:
    """Login or password is wrong: nothing to try again."""
    assert softline().read_token(reply(errors(1_001), 400)) == Refused("SOFTLINE_1001", Refusal.CONFIGURATION, "1001")
    assert softline().read_token(reply(b"<html>")) == Garbled("not_json")


@pytest.mark.parametrize(
    ("status", "body", "stale"),
    [
        (401, errors(1007), True),
        (401, errors(1009), True),
        (401, errors(1008), False),
        (401, errors(1009, 1008), False),
        (401, errors(4711), True),
        (401, b"", True),
        (403, errors(1009), False),
        (400, errors(1009), False),
        (200, errors(1009), False),
    ],
)
def test_when_a_new_token_may_help(status: int, body: Any, stale: bool) -> None:
    """1007 and 1009, and by its class any 401 with another code; not 1008, which no login mends."""
    assert softline().stale_token(reply(body, status)) is stale
    assert softline(denied_statuses=frozenset({403})).stale_token(reply(body, status)) is False
