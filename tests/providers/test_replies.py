"""Every kind of answer against a written-down example, and each table's every word."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from agent.core.verdict import Denied, Garbled, Observed, Operation, RefStatus, Refusal, Refused, Reply, Status, Verdict
from agent.providers.common.wire import MAX_BODY_BYTES, MAX_DEPTH, MAX_NUMBER_CHARACTERS
from agent.providers.koshelek import KoshelekSettings
from agent.providers.koshelek.codes import ERROR_CODES, REF_STATUSES, REFUSALS, STATUSES
from tests.providers.builders import TRANSACTION, koshelek

EXAMPLES = sorted((Path(__file__).parent / "examples" / "replies").glob("*.json"))


def read(body: str | bytes, operation: Operation = Operation.STATUS, status: int = 200, **headers: str) -> Verdict:
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return koshelek().read(operation, Reply(status, data, {name.replace("_", "-"): text for name, text in headers.items()}))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    return value


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_answer_is_read_as_written_down(path: Path) -> None:
    """The verdict on an example equals the one written beside it, field for field."""
    example = json.loads(path.read_text(encoding="utf-8"))
    body = example["text"] if "text" in example else json.dumps(example["body"], ensure_ascii=False)
    verdict = koshelek().read(Operation(example["operation"]), Reply(example["status"], body.encode(), example.get("headers", {})))
    assert {"kind": type(verdict).__name__, **_plain(asdict(verdict))} == example["verdict"]


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_every_status_is_read(word: str, status: Status) -> None:
    """Each word of the vendor's list has its meaning, and our own words for what the vendor cannot say are not among them."""
    verdict = read(json.dumps({"transactionId": TRANSACTION, "status": word}))
    assert isinstance(verdict, Observed)
    assert verdict.status is status


@pytest.mark.parametrize("word", ["absent", "unknown", "Accepted", "accepted ", "PAID"])
def test_a_strange_status_is_unknown(word: str) -> None:
    """Our own words, other spellings and news are not final."""
    verdict = read(json.dumps({"transactionId": TRANSACTION, "status": word, "refStatus": word}))
    assert isinstance(verdict, Observed)
    assert (verdict.status, verdict.ref_status) == (Status.UNKNOWN, RefStatus.UNKNOWN)


@pytest.mark.parametrize(("word", "ref_status"), REF_STATUSES.items())
def test_every_ref_status_is_read(word: str, ref_status: RefStatus) -> None:
    """Each word of a cancel's or refund's state has its meaning; a checkout has none, whatever stands there."""
    body = json.dumps({"transactionId": TRANSACTION, "status": "accepted", "refStatus": word, "refTransactionId": "r"})
    verdict, of_checkout = read(body), read(body, Operation.CHECKOUT)
    assert isinstance(verdict, Observed)
    assert isinstance(of_checkout, Observed)
    assert (verdict.ref_status, verdict.ref_transaction_id) == (ref_status, "r")
    assert (of_checkout.ref_status, of_checkout.ref_transaction_id) == (None, None)


@pytest.mark.parametrize(("code", "refusal"), REFUSALS.items())
@pytest.mark.parametrize("operation", Operation)
def test_every_code_of_422_is_a_refusal(operation: Operation, code: str, refusal: Refusal) -> None:
    """Each documented code is a definite refusal of any operation, with a meaning of its own."""
    assert read(json.dumps({"code": code}), operation, 422) == Refused(code, refusal)
    assert refusal is not Refusal.UNKNOWN


@pytest.mark.parametrize(("code", "refusal"), ERROR_CODES.items())
def test_every_error_code_explains_a_refused_refund(code: str, refusal: Refusal) -> None:
    """Each documented errorCode is passed on and means something for a refund that was rejected."""
    verdict = read(
        json.dumps({"transactionId": TRANSACTION, "status": "accepted", "refStatus": "rejected", "errorCode": code}), Operation.REFUND
    )
    assert isinstance(verdict, Observed)
    assert (verdict.error_code, verdict.refusal) == (code, refusal)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 429])
def test_the_door_is_configurable(status: int) -> None:
    """The statuses that turn an attempt away do so by configuration only; taken off the list they prove nothing."""
    open_door = koshelek(KoshelekSettings(denied_statuses=frozenset()))
    reply = Reply(status, b'{"transactionId":"t","status":"accepted"}', {"retry-after": "5"})
    assert koshelek().read(Operation.CHECKOUT, reply) == Denied(status, 5)
    assert open_door.read(Operation.CHECKOUT, reply) == Garbled(f"http_{status}", 5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("120", 120), ("999999999", 86_400), ("9999999999", None), ("-1", None), ("1.5", None), ("٣", None), ("", None)],
)
def test_retry_after_in_seconds(text: str, seconds: int | None) -> None:
    """Whole seconds are read and capped at a day; anything else leaves the wait to the machines' own back-off."""
    assert read("", status=503, retry_after=text) == Garbled("http_503", seconds)


def test_retry_after_as_a_date_is_left_alone() -> None:
    """The date form needs a clock, which a provider has not."""
    assert read("", status=429, retry_after="Sat, 04 Mar 2023 05:06:07 GMT") == Denied(429, None)


DEEP = "[" * MAX_DEPTH + "]" * MAX_DEPTH


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_body"),
        (b" \r\n", "empty_body"),
        (b'{"status":"\xff"}', "not_utf8"),
        (b'{"status":"new"', "not_json"),
        (b'\xef\xbb\xbf{"status":"new"}', "not_json"),
        (b'["accepted"]', "not_an_object"),
        (b'"accepted"', "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"status":"new","status":"accepted"}', "duplicate_name"),
        (b'{"status":"new","more":{"a":1,"a":1}}', "duplicate_name"),
        (b'{"status":"new","more":NaN}', "not_a_number"),
        (b'{"status":"new","more":-Infinity}', "not_a_number"),
        (b'{"status":"new","more":1e99999999999999999999}', "number_too_large"),
        (b'{"status":"new","more":' + b"9" * (MAX_NUMBER_CHARACTERS + 1) + b"}", "number_too_long"),
        (b'{"status":"new","more":0.' + b"1" * MAX_NUMBER_CHARACTERS + b"}", "number_too_long"),
        (f'{{"status":"new","more":{DEEP}}}'.encode(), "body_too_deep"),
        (b"[" * 60_000, "body_too_deep"),
        (b'{"status":"' + b"n" * MAX_BODY_BYTES + b'"}', "body_too_long"),
        (b'{"status":1,"transactionId":"t"}', "bad_status"),
        (b'{"status":["accepted"],"transactionId":"t"}', "bad_status"),
        (b'{"status":"accepted","transactionId":"t","refStatus":{}}', "bad_refStatus"),
        (b'{"status":"accepted","transactionId":7}', "bad_transactionId"),
        (b'{"status":"accepted","transactionId":"a\\u0000b"}', "bad_transactionId"),
        (b'{"status":"accepted","transactionId":"\\ud800"}', "bad_transactionId"),
        (b'{"status":"accepted","transactionId":"' + b"t" * 257 + b'"}', "bad_transactionId"),
        (b'{"status":"accepted","transactionId":"t","refTransactionId":[]}', "bad_refTransactionId"),
    ],
)
def test_what_cannot_be_trusted_is_garbled(body: bytes, reason: str) -> None:
    """Ambiguous, endless, foreign and half-written bodies are no answer, and the reason names the fault without any content."""
    assert read(body) == Garbled(reason)


def test_the_bounds_themselves_are_allowed() -> None:
    """A body of just the permitted depth and size, with brackets and quotes inside its texts, is read."""
    body = f'{{"transactionId":"t","status":"new","x":{DEEP[1:-1]},"text":"[[[[[[[[[[[[[[[[[[[[[[\\"{{"}}'
    assert isinstance(read(body + " " * (MAX_BODY_BYTES - len(body))), Observed)


@pytest.mark.parametrize(
    ("slip", "reason"),
    [
        ('"paid"', "bad_slip"),
        ("[]", "bad_slip"),
        ('{"orderId":"o","totalAmount":100.5}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":-1}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":true}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":"1 000"}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":"-5"}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":"٣٠٠"}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":""}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":[1]}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":10000000000}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":"10000000000"}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":1e999999999}', "bad_totalAmount"),
        ('{"orderId":"o","totalAmount":1e-999999999}', "bad_totalAmount"),
        ('{"orderId":true,"totalAmount":1}', "bad_orderId"),
        ('{"orderId":["o"],"totalAmount":1}', "bad_orderId"),
        ('{"orderId":"o\\u0007","totalAmount":1}', "bad_orderId"),
        ('{"orderId":"o","totalAmount":1,"currency":643}', "bad_currency"),
    ],
)
def test_a_malformed_slip_spoils_the_answer(slip: str, reason: str) -> None:
    """What is compared with the request - amount, order, currency - is either readable or the whole answer counts for nothing."""
    assert read(f'{{"transactionId":"t","status":"accepted","slip":{slip}}}') == Garbled(reason)


@pytest.mark.parametrize("text", ["15000", "15000.0", "15000.00", "1.5e4", '"15000"', '"15000.0"', "150.00e2"])
def test_spellings_of_one_amount(text: str) -> None:
    """Whole kopecks are read from every spelling of the number, and become the same integer."""
    verdict = read(f'{{"transactionId":"t","status":"accepted","slip":{{"orderId":12,"totalAmount":{text}}}}}')
    assert isinstance(verdict, Observed)
    assert verdict.slip is not None
    assert (verdict.slip.total_amount, type(verdict.slip.total_amount), verdict.slip.order_id) == (15_000, int, "12")


@pytest.mark.parametrize("body", [b"{}", b'{"code":null}', b'{"code":17}', b'{"code":""}', b'{"code":"two words"}', b"[]", b""])
def test_a_422_without_a_code_is_no_refusal(body: bytes) -> None:
    """A refusal is definite only in the vendor's words."""
    assert isinstance(read(body, Operation.CHECKOUT, 422), Garbled)
