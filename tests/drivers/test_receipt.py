"""``receipt.*`` on the wire: the fields of a fiscal receipt, at their limits and one step beyond."""

from decimal import Decimal
from typing import Any

import pytest

from drivers.messages import ReceiptCreate, ReceiptGet
from drivers.validation import Invalid, parse

SALE = {"storeId": "S12", "terminalId": "till-03", "key": "K1", "receiptId": "6789"}
INVOICE: dict[str, Any] = {
    "orderId": "S12-000345",
    "merchantName": "ООО Ромашка",
    "merchantAddress": "Санкт-Петербург, ул. Ленина, 1",
    "inn": "7707083893",
    "dateTime": "2026-01-31T20:50:00+03:00",
    "shift": "5",
    "cashier": "Иванова",
    "receiptType": "debit",
    "totalAmount": 20100,
    "items": [{"name": "Хлеб", "article": "1", "price": Decimal("100.50"), "quantity": 2, "totalAmount": 20100, "tax": "vat10"}],
}


def create(**changes: Any) -> ReceiptCreate:
    """A request; ``changes`` are made in the receipt."""
    request = parse("receipt.create", {**SALE, "invoice": {**INVOICE, **changes}})
    assert isinstance(request, ReceiptCreate)
    return request


GOOD: list[tuple[str, list[Any]]] = [
    ("inn", ["7707083893", "007707083893"]),
    ("dateTime", ["2024-02-29T23:59:59Z", "2026-01-31T20:50:00-11:00"]),
    ("receiptType", ["debit", "credit", "refund"]),
    ("merchantName", ["я", "я" * 999]),
    ("merchantAddress", ["я" * 999]),
    ("shift", ["5", "5" * 32]),
    ("cashier", ["7", "я" * 256]),
    ("totalAmount", [0, 9_999_999_999]),
    ("taxAmount", [None, 0, 9_999_999_999]),
    ("taxation", [None, "osn", "a_new_one"]),
    ("fpd", ["1" * 64]),
    ("qr", ["t" * 999]),
    ("currency", ["", None, "RUB"]),
]
BAD: list[tuple[str, list[Any]]] = [
    ("inn", ["", "770708389", "77070838931", "0077070838931", "770708389x", 7707083893, None]),
    ("dateTime", ["", "2026-01-31", "2026-01-31T20:50:00", "2026-02-29T00:00:00Z", "2026-01-31T20:50:00.1Z", "31.01.2026 20:50", 0, None]),
    ("receiptType", ["", "DEBIT", "sale", None]),
    ("merchantName", ["", "я" * 1000, "a\nb"]),
    ("merchantAddress", ["я" * 1000]),
    ("shift", ["", "5" * 33, 5]),
    ("cashier", ["", "я" * 257]),
    ("totalAmount", [-1, 10**10, Decimal("1.5"), "20100", None]),
    ("taxAmount", [-1, True]),
    ("taxation", ["", "o s n"]),
    ("kktRegNumber", ["1" * 65]),
    ("fnNumber", [""]),
    ("fdNumber", [10272]),
    ("fpd", ["1" * 65]),
    ("website", ["n" * 65]),
    ("qr", ["t" * 1000]),
    ("currency", ["USD"]),
    ("items", [[], None]),
    ("QR", ["t=1"]),
    ("receiptId", ["6789"]),
]


def cases(table: list[tuple[str, list[Any]]]) -> list[Any]:
    return [pytest.param(name, value, id=f"{name}-{place}") for name, values in table for place, value in enumerate(values)]


@pytest.mark.parametrize(("name", "value"), cases(GOOD))
def test_what_is_right_is_taken(name: str, value: Any) -> None:
    """At its limits a field is passed on as it came."""
    assert create(**{name: value}) is not None


@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_what_is_wrong_is_named(name: str, value: Any) -> None:
    """One wrong field, one problem, at its place; what was sent is not repeated."""
    with pytest.raises(Invalid) as refused:
        create(**{name: value})
    (problem,) = refused.value.problems
    assert problem.path == f"invoice.{name}"
    assert not value or repr(value) not in str(refused.value)


@pytest.mark.parametrize("name", INVOICE)
def test_what_is_mandatory_must_be_there(name: str) -> None:
    """Each mandatory field is missed by its name."""
    with pytest.raises(Invalid, match=rf"^invoice\.{name}: is missing"):
        parse("receipt.create", {**SALE, "invoice": {other: value for other, value in INVOICE.items() if other != name}})


def test_a_receipt_is_asked_for_by_its_number() -> None:
    """The number stands beside the receipt, for it names it as ``key`` names the sale."""
    found = parse("receipt.get", {**SALE, "wait": 5})
    assert isinstance(found, ReceiptGet)
    assert (found.receipt_id, found.wait_s) == ("6789", 5.0)
    for bad in ("", "x" * 37, "a\tb", 6789):
        with pytest.raises(Invalid, match=r"^receiptId: "):
            parse("receipt.get", {**SALE, "receiptId": bad})


def test_a_cashiers_name_is_in_no_representation() -> None:
    """What a log or a traceback might show of a request names nobody."""
    request = parse("receipt.create", {**SALE, "invoice": INVOICE, "meta": {"buyer": "Петров"}})
    assert "Иванова" not in repr(request) + str(request)
    assert "Петров" not in repr(request)
