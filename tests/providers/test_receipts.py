"""Fiscal receipts: each limit at its edge, the padded ИНН, the id they go with, and what an answer says."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agent.core.contract import Unacceptable
from agent.core.money import MAX_KOPECKS
from agent.core.receipt import FiscalReceipt, TakesReceipts
from agent.core.verdict import Denied, Garbled, Observed, Operation, Refusal, Refused, Reply, Status
from agent.providers.common.findings import MAX_PROBLEMS
from agent.providers.koshelek import Koshelek, KoshelekSettings, Limits
from tests.providers.builders import BAG, REF_TRANSACTION, REQUEST, SALE, TRANSACTION, receipt

ITEM = "invoice.items[0]"


def shop(settings: KoshelekSettings | None = None) -> Koshelek:
    return Koshelek(settings or KoshelekSettings(), {})


def paths(given: FiscalReceipt, settings: KoshelekSettings | None = None) -> list[str]:
    """Every place that is refused."""
    try:
        shop(settings).check_receipt(SALE, given)
    except Unacceptable as refused:
        return [path for path, _ in refused.problems]
    return []


def text(name: str, letter: str = "я") -> Callable[[int], FiscalReceipt]:
    return lambda length: receipt(**{name: letter * length})


def value(name: str) -> Callable[[Any], FiscalReceipt]:
    return lambda given: receipt(**{name: given})


def item(**changes: Any) -> FiscalReceipt:
    return receipt(items=(replace(BAG, **changes),))


_BAD_INNS = ["", "770708389", "77070838931", "0077070838931", "770708389x", "٧٧٠٧٠٨٣٨٩٣"]
AMOUNTS = ([0, MAX_KOPECKS], [-1, MAX_KOPECKS + 1, True, 1.5])
LIMITS: list[tuple[str, Callable[[Any], FiscalReceipt], list[Any], list[Any]]] = [
    ("receiptId", text("receipt_id"), [1, 36], [0, 37]),
    ("receiptId", value("receipt_id"), ["Чек 42/1"], ["a\nb", "\ud800"]),
    ("invoice.orderId", text("order_id"), [1, 36], [0, 37]),
    ("invoice.merchantName", text("merchant_name"), [1, 999], [0, 1000]),
    ("invoice.merchantAddress", text("merchant_address"), [1, 999], [0, 1000]),
    (
        "invoice.inn",
        value("inn"),
        ["7707083893", "007707083893"],
        _BAD_INNS,
    ),
    ("invoice.dateTime", value("date_time"), ["2026-01-31T20:50:00+03:00", "2024-02-29T00:00:00Z"], ["", "2026-01-31 20:50:00+03:00"]),
    ("invoice.dateTime", value("date_time"), [], ["2026-01-31T20:50:00", "2026-02-29T00:00:00Z", "2026-01-31T20:50:00.5+03:00"]),
    ("invoice.shift", text("shift"), [1, 32], [0, 33]),
    ("invoice.cashier", text("cashier"), [1, 256], [0, 257]),
    ("invoice.taxation", value("taxation"), [None, "osn", "usn_income", "usn_income_out", "envd", "esn", "patent"], ["", "OSN"]),
    ("invoice.kktRegNumber", text("kkt_reg_number"), [1, 64], [0, 65]),
    ("invoice.fnNumber", text("fn_number"), [1, 64], [0, 65]),
    ("invoice.fdNumber", text("fd_number"), [1, 64], [0, 65]),
    ("invoice.fpd", text("fpd"), [1, 64], [0, 65]),
    ("invoice.website", text("website"), [1, 64], [0, 65]),
    ("invoice.qr", text("qr"), [1, 999], [0, 1000]),
    ("invoice.qr", value("qr"), [None], ["\udfff"]),
    ("invoice.currency", value("currency"), ["RUB"], ["", "USD"]),
    ("invoice.totalAmount", value("total_amount"), *AMOUNTS),
    ("invoice.discountAmount", value("discount_amount"), *AMOUNTS),
    ("invoice.subTotalAmount", value("sub_total_amount"), *AMOUNTS),
    ("invoice.taxAmount", value("tax_amount"), *AMOUNTS),
    ("invoice.items", lambda count: receipt(items=(BAG,) * count), [1, 1000], [0, 1001]),
    (f"{ITEM}.name", lambda length: item(name="я" * length), [1, 999], [0, 1000]),
    (f"{ITEM}.tax", lambda word: item(tax=word), ["none", "vat110"], ["vat5"]),
    (f"{ITEM}.measure", lambda word: item(measure=word), ["PIECE", "GRAM"], ["KG"]),
    (f"{ITEM}.quantity", lambda count: item(quantity=count), [1], [0]),
    (f"{ITEM}.price", lambda price: item(price=Decimal(price)), ["64.5"], ["-1"]),
    ("meta", lambda length: receipt(meta={"a": "x" * length}), [0, 4096 - 8], [4096 - 7]),
    ("meta", value("meta"), [None, {"bonus": Decimal("12.5")}], [{"a": 0.1}, {"$secret": "token"}]),
]


def cases(beyond: bool) -> list[Any]:
    """One case for each value, named by field and number."""
    rows = ((path, given, bad if beyond else good) for path, given, good, bad in LIMITS)
    return [
        pytest.param(path, given, one, id=f"{row}-{path}-{place}")
        for row, (path, given, values) in enumerate(rows)
        for place, one in enumerate(values)
    ]


@pytest.mark.parametrize(("path", "given", "one"), cases(beyond=False))
def test_at_the_limit_it_is_accepted(path: str, given: Callable[[Any], FiscalReceipt], one: Any) -> None:
    """The last value inside a limit passes."""
    assert paths(given(one)) == [], path


@pytest.mark.parametrize(("path", "given", "one"), cases(beyond=True))
def test_beyond_the_limit_it_is_refused(path: str, given: Callable[[Any], FiscalReceipt], one: Any) -> None:
    """The first value outside a limit is refused, and that field alone is named."""
    assert set(paths(given(one))) == {path}


def test_sums_are_not_compared() -> None:
    """A receipt may be rounded, or be about goods that were paid in several ways: no document says what must add up."""
    assert paths(receipt(total_amount=1, discount_amount=5, sub_total_amount=7)) == []


def test_all_problems_are_told_at_once_and_their_number_is_bounded() -> None:
    """Several mistakes come back together; a receipt of wrong lines ends in a bounded list; nothing of its content is repeated."""
    assert paths(receipt(inn="4276", date_time="4276", items=())) == ["invoice.inn", "invoice.dateTime", "invoice.items"]
    wrong = receipt(items=(replace(BAG, tax="?", measure="?"),) * 1000, inn="4276" * 4, cashier="4276" * 100)
    assert len(paths(wrong)) == MAX_PROBLEMS
    with pytest.raises(Unacceptable) as refused:
        shop().check_receipt(SALE, wrong)
    assert "4276" not in str(refused.value)


def test_the_size_of_the_whole_is_bounded() -> None:
    """Lines that are each allowed can be too much together: better refused than unsendable."""
    tight = KoshelekSettings(limits=Limits(body_bytes=2000))
    assert (paths(receipt(items=(BAG,) * 3), tight), paths(receipt(items=(BAG,) * 30), tight)) == ([], ["invoice"])


@pytest.mark.parametrize(("inn", "sent"), [("7707083893", "007707083893"), ("500100732259", "500100732259")])
def test_the_taxpayers_number_has_twelve_characters_on_the_wire(inn: str, sent: str) -> None:
    """A legal entity's ten digits are padded with zeros in front, a person's twelve go as they are."""
    assert shop().receipt(SALE, REQUEST, TRANSACTION, None, receipt(inn=inn)).body["invoice"]["inn"] == sent


@pytest.mark.parametrize(
    ("by_refund", "ref", "sent"),
    [
        (False, None, TRANSACTION),
        (False, REF_TRANSACTION, TRANSACTION),
        (True, REF_TRANSACTION, REF_TRANSACTION),
        (True, None, TRANSACTION),
    ],
)
def test_which_id_a_refunds_receipt_goes_with_is_configured(by_refund: bool, ref: str | None, sent: str) -> None:
    """No document says; the payment's is the default, and what is used while the refund's is not known."""
    configured = shop(KoshelekSettings(refund_receipt_names_refund=by_refund))
    assert configured.receipt(SALE, REQUEST, TRANSACTION, ref, receipt()).body["transactionId"] == sent


def test_no_secret_is_needed() -> None:
    """Neither header nor body waits for one, so a receipt can go out however late."""
    assert shop().receipt(SALE, REQUEST, TRANSACTION, None, receipt(meta={"a": {"b": [1]}})).secret_names() == frozenset()


def test_it_can_be_switched_off() -> None:
    """Koshelek takes receipts, unless it was agreed otherwise."""
    assert isinstance(shop(), TakesReceipts)
    assert shop().capabilities.receipts
    assert not shop(KoshelekSettings(send_receipts=False)).capabilities.receipts


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply(200, b""), Observed(Status.UNKNOWN)),
        (Reply(200, b"", {"content-type": "application/json"}), Observed(Status.UNKNOWN)),
        (Reply(200, b'{"later": "versions may answer"}'), Observed(Status.UNKNOWN)),
        (Reply(200, b"no JSON"), Observed(Status.UNKNOWN)),
        (Reply(200, b"<html>", {"content-type": "text/html; charset=utf-8"}), Garbled("html")),
        (Reply(422, b'{"code": "UNKNOWN_TRANSACTION_ID"}'), Refused("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND)),
        (Reply(422, b""), Garbled("empty_body")),
        (Reply(404, b""), Denied(404)),
        (Reply(204, b""), Garbled("http_204")),
        (Reply(503, b"", {"retry-after": "7"}), Garbled("http_503", 7)),
    ],
)
def test_what_an_answer_says(reply: Reply, verdict: object) -> None:
    """A 200 is "taken", whatever its body, for the body is empty by contract and is not parsed; a page of HTML is some machine between."""
    assert shop().read(Operation.RECEIPT, reply) == verdict
