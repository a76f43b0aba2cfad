"""Every request against a written-down example, compared field for field as it goes over the wire."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.core import canonical
from agent.core.contract import Return
from agent.core.model import PaymentMethod, RefundLine
from agent.core.money import kopecks
from agent.core.receipt import FiscalReceipt, ReceiptType
from agent.core.verdict import Operation, Request
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from tests.providers.builders import (
    BAG,
    CHEESE,
    MILK,
    REF_TRANSACTION,
    REQUEST,
    SALE,
    SECRET_NAMES,
    TRANSACTION,
    bill,
    checkout,
    koshelek,
    receipt,
)

OF_OTHERS = {Operation.FIND, Operation.LOGIN, Operation.PAYOUT, Operation.PAYOUT_STATUS, Operation.PAYOUT_FIND}  # Koshelek has none of them
EXAMPLES = Path(__file__).parent / "examples" / "requests"


def _checkout_full() -> Request:
    invoice = replace(bill(), discount_amount=kopecks(980), sub_total_amount=kopecks(38_675))
    methods = (PaymentMethod("SBP"), PaymentMethod("DOLYAME", meta={"campaign": "autumn", "bonus": Decimal("12.5")}))
    shop = koshelek(facts=StoreFacts(payment_purpose="Оплата покупки"))
    return shop.checkout(SALE, REQUEST, checkout(invoice, *methods), SECRET_NAMES)


def _checkout_short() -> Request:
    request = replace(checkout(bill(BAG)), payment_methods=())  # the store's own ways to pay
    return koshelek(KoshelekSettings(send_currency=False)).checkout(SALE, REQUEST, request, frozenset({"cardSession", "token"}))


def _refund_full() -> Request:
    lines = [RefundLine(0, 2, kopecks(17_000)), RefundLine(1, 310, kopecks(19_995)), RefundLine(2, 1, kopecks(700))]
    return koshelek().refund(Return(SALE, REQUEST, TRANSACTION, checkout(), lines, kopecks(37_695), "refund-1-token"))


def _refund_part() -> Request:
    lines = [RefundLine(0, 1, kopecks(8500)), RefundLine(1, 310, kopecks(19_995))]
    shop = koshelek(KoshelekSettings(send_currency=False))
    return shop.refund(Return(SALE, REQUEST, TRANSACTION, checkout(), lines, kopecks(28_495), "refund-1-token"))


def _refund_of_equal_lines() -> Request:
    # Two single bags make a pair, which equals the pair that was one line already: merged again.
    pair = replace(BAG, quantity=2, total_amount=kopecks(1400))
    sold = bill(MILK, BAG, MILK, BAG, pair)
    lines = [RefundLine(place, item.quantity, item.total_amount) for place, item in enumerate(sold.items)]
    return koshelek().refund(Return(SALE, REQUEST, TRANSACTION, checkout(sold), lines, sold.total_amount, "token"))


def _shop(settings: KoshelekSettings | None = None) -> Koshelek:
    return Koshelek(settings or KoshelekSettings(), {})


def _full_receipt() -> FiscalReceipt:
    return receipt(
        inn="500100732259",
        discount_amount=kopecks(980),
        sub_total_amount=kopecks(38_675),
        tax_amount=kopecks(3_363),
        taxation="osn",
        kkt_reg_number="0004147503041443",
        fn_number="9280440300387752",
        fd_number="0000010272",
        fpd="2374313442",
        website="nalog.ru",
        qr="t=20260131T2050&s=376.95&fn=9280440300387752&i=10272&fp=2374313442&n=1",
        meta={"bonus": Decimal("12.5")},
    )


def _refund_receipt() -> FiscalReceipt:
    return receipt(receipt_id="6790", receipt_type=ReceiptType.REFUND, items=(BAG,), total_amount=kopecks(700))


BUILT: dict[str, Callable[[], Request]] = {
    "checkout_full": _checkout_full,
    "checkout_short": _checkout_short,
    "status_of_payment": lambda: koshelek().status(SALE, REQUEST, TRANSACTION, None),
    "status_of_refund": lambda: koshelek().status(SALE, REQUEST, None, REF_TRANSACTION),
    "status_with_ids": lambda: koshelek(KoshelekSettings(path_prefix="/pay", status_carries_ids=True)).status(
        SALE, REQUEST, TRANSACTION, REF_TRANSACTION
    ),
    "cancel": lambda: koshelek().cancel(SALE, REQUEST, TRANSACTION),
    "refund_full": _refund_full,
    "refund_part": _refund_part,
    "refund_of_equal_lines": _refund_of_equal_lines,
    "receipt_short": lambda: _shop(KoshelekSettings(send_currency=False)).receipt(SALE, REQUEST, TRANSACTION, None, receipt()),
    "receipt_full": lambda: _shop().receipt(SALE, REQUEST, TRANSACTION, None, _full_receipt()),
    "receipt_of_refund": lambda: _shop().receipt(SALE, REQUEST, TRANSACTION, REF_TRANSACTION, _refund_receipt()),
    "receipt_of_refund_by_its_id": lambda: _shop(KoshelekSettings(path_prefix="/pay", refund_receipt_names_refund=True)).receipt(
        SALE, REQUEST, TRANSACTION, REF_TRANSACTION, _refund_receipt()
    ),
    "availability": lambda: koshelek().ask_availability(SALE, REQUEST, bill(), SECRET_NAMES),
    "availability_other_spelling": lambda: koshelek(
        KoshelekSettings(availability_card_session_name="cardSession", path_prefix="/pay", send_currency=False)
    ).ask_availability(SALE, REQUEST, bill(BAG), frozenset({"cardSession", "token"})),
    "availability_look": lambda: koshelek().look_at_availability("ecda679e-f5ab-4250-b622-2a429d714b21"),
}


def _wire(request: Request) -> dict[str, Any]:
    body = json.loads(canonical.dumps(request.body), parse_float=Decimal)
    return {"method": request.method, "path": request.path, "secret_headers": dict(request.secret_headers), "body": body}


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.json")))
def test_a_request_is_as_written_down(name: str) -> None:
    """The request built for a scenario equals its example: same names, same values, nothing more."""
    assert _wire(BUILT[name]()) == json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"), parse_float=Decimal)


def test_every_request_has_an_example() -> None:
    """No scenario is left out on either side, and every operation that Koshelek can be asked for is among them."""
    assert {path.stem for path in EXAMPLES.glob("*.json")} == BUILT.keys()
    assert {build().operation for build in BUILT.values()} == set(Operation) - OF_OTHERS


def test_equal_lines_can_be_sent_apart() -> None:
    """With merging switched off two equal lines of the bill go back as two."""
    sold = bill(BAG, BAG)
    lines = [RefundLine(0, 1, kopecks(700)), RefundLine(1, 1, kopecks(700))]
    shop = koshelek(KoshelekSettings(merge_equal_refund_lines=False))
    request = shop.refund(Return(SALE, REQUEST, TRANSACTION, checkout(sold), lines, kopecks(1400), "token"))
    assert [item["quantity"] for item in request.body["items"]] == [1, 1]


def test_the_registers_payment_purpose_comes_first() -> None:
    """A purpose given with the sale is not replaced by the store's, and other ways to pay get none."""
    shop = koshelek(facts=StoreFacts(payment_purpose="store's"))
    methods = (PaymentMethod("SBP", "sale's"), PaymentMethod("DOLYAME"))
    request = shop.checkout(SALE, REQUEST, checkout(None, *methods), SECRET_NAMES)
    assert request.body["paymentMethods"] == [{"type": "SBP", "paymentPurpose": "sale's"}, {"type": "DOLYAME"}]


def test_a_store_taken_out_of_the_configuration_can_still_be_asked() -> None:
    """A request for a sale of a store that is no longer configured is built with plain facts instead of failing."""
    elsewhere = replace(SALE, store_id="gone")
    request = koshelek().checkout(elsewhere, REQUEST, replace(checkout(), payment_methods=()), SECRET_NAMES)
    assert request.body["paymentMethods"] == [{"type": "SBP"}]


def test_secrets_are_named_and_filled_in_last() -> None:
    """The journalled request names three secrets and holds none; filling it puts them where the API wants them."""
    request = koshelek().checkout(SALE, REQUEST, checkout(), SECRET_NAMES)
    assert request.secret_names() == SECRET_NAMES
    filled = request.fill({"cardSession": "Q7W2E9", "loyaltyId": "2900000012345"})
    assert (filled["cardSession"], filled["user"]) == ("Q7W2E9", {"loyaltyId": "2900000012345"})


def test_a_price_keeps_its_digits() -> None:
    """A price that no binary float holds goes out digit by digit."""
    precise = replace(CHEESE, price=Decimal("0.100001"))
    request = koshelek().checkout(SALE, REQUEST, checkout(bill(precise)), SECRET_NAMES)
    assert '"price":0.100001,' in canonical.dumps(request.body)


def test_senseless_calls_are_stopped() -> None:
    """A read without an id, a refund of nothing and a refund without lines are mistakes of the caller, not requests."""
    shop = koshelek()
    with pytest.raises(AssertionError):
        shop.status(SALE, REQUEST, None, None)
    with pytest.raises(AssertionError):
        shop.refund(Return(SALE, REQUEST, TRANSACTION, checkout(), [], kopecks(1), "token"))
    with pytest.raises(AssertionError):
        shop.refund(Return(SALE, REQUEST, TRANSACTION, checkout(), [RefundLine(0, 1, kopecks(0))], kopecks(0), "token"))
