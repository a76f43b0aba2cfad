"""Each limit of a checkout: at the limit it is accepted, one step beyond it is refused and the right field is named."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from agent.core.contract import Unacceptable
from agent.core.model import Checkout, Item, PaymentMethod, SaleId
from agent.core.money import MAX_KOPECKS, Kopecks, kopecks
from agent.providers.common.findings import MAX_PROBLEMS
from agent.providers.koshelek import Koshelek, KoshelekSettings, Limits, StoreFacts
from tests.providers.builders import BAG, SALE, SECRET_LENGTHS, STORE, bill, checkout, koshelek

INVOICE = "checkoutInvoice"
ITEM = "checkoutInvoice.items[0]"
METHOD = "paymentMethods[0]"


@dataclass(frozen=True)
class Given:
    """What is handed to ``check``."""

    sale: SaleId = SALE
    checkout: Checkout = field(default_factory=checkout)
    lengths: dict[str, int] = field(default_factory=lambda: dict(SECRET_LENGTHS))
    settings: KoshelekSettings = field(default_factory=KoshelekSettings)
    facts: StoreFacts = field(default_factory=StoreFacts)


def problems(given: Given) -> list[tuple[str, str]]:
    stores = {STORE: given.facts, given.sale.store_id: given.facts}
    try:
        Koshelek(given.settings, stores).check(given.sale, given.checkout, given.lengths)
    except Unacceptable as refused:
        return list(refused.problems)
    return []


def paths(given: Given) -> list[str]:
    return [path for path, _ in problems(given)]


def _item(**changes: Any) -> Given:
    item = replace(BAG, **changes)
    return Given(checkout=checkout(bill(item)))


def _invoice(**changes: Any) -> Given:
    return Given(checkout=checkout(replace(bill(), **changes)))


def _method(**changes: Any) -> Given:
    return Given(checkout=checkout(None, replace(PaymentMethod("SBP"), **changes)))


def _secret(name: str, length: int) -> Given:
    return Given(lengths=SECRET_LENGTHS | {name: length})


def _lines(count: int, item: Item = BAG) -> Given:
    return Given(checkout=checkout(bill(*[item] * count)))


LIMITS: list[tuple[str, Callable[[Any], Given], list[Any], list[Any]]] = [
    ("storeId", lambda n: Given(sale=replace(SALE, store_id="s" * n)), [1, 36], [0, 37]),
    ("terminalId", lambda n: Given(sale=replace(SALE, terminal_id="t" * n)), [1, 16, 256], [0, 257]),
    ("terminalId", lambda text: Given(sale=replace(SALE, terminal_id=text)), ["касса 7"], ["a\nb", "\x00", "\ud800"]),
    ("cardSession", lambda n: _secret("cardSession", n), [1, 6, 32], [0, 33]),
    ("user.loyaltyId", lambda n: _secret("loyaltyId", n), [1, 36], [0, 37]),
    ("token", lambda n: _secret("token", n), [1, 4096], [0, 4097]),
    (f"{INVOICE}.orderId", lambda n: _invoice(order_id="o" * n), [1, 36], [0, 37]),
    (f"{INVOICE}.orderId", lambda text: _invoice(order_id=text), ["Чек 42/1"], ["\x7f", "\u2028"]),
    (f"{INVOICE}.currency", lambda text: _invoice(currency=text), ["RUB"], ["", "rub", "USD"]),
    (f"{INVOICE}.discountAmount", lambda n: _invoice(discount_amount=n), [None, 0, MAX_KOPECKS], [-1, MAX_KOPECKS + 1, True, 1.5]),
    (f"{INVOICE}.subTotalAmount", lambda n: _invoice(sub_total_amount=n), [None, 0, MAX_KOPECKS], [-1, MAX_KOPECKS + 1, True]),
    (f"{INVOICE}.items", _lines, [1, 1000], [1001]),
    (f"{ITEM}.name", lambda n: _item(name="я" * n), [1, 999], [0, 1000]),
    (f"{ITEM}.name", lambda text: _item(name=text), ["Tea\t🍵"], ["\udfff"]),
    (f"{ITEM}.article", lambda n: _item(article="7" * n), [0, 999], [1000]),
    (
        f"{ITEM}.price",
        lambda text: _item(price=Decimal(text)),
        ["0", "0.000001", "9999999999"],
        ["-0.01", "1e10", "NaN", "sNaN", "Infinity"],
    ),
    (f"{ITEM}.price", lambda text: _item(price=Decimal(text)), ["1E+3", "64.512345"], ["64.5123456", "1e-999999"]),
    (f"{ITEM}.quantity", lambda n: _item(quantity=n), [1, 1125, 999_999_999], [0, -1, 1_000_000_000, True, Decimal("1.5")]),
    (f"{ITEM}.measure", lambda text: _item(measure=text), ["PIECE", "GRAM", "SQUARE_DECIMETER"], ["", "piece", "KG"]),
    (f"{ITEM}.tax", lambda text: _item(tax=text), ["none", "vat0", "vat10", "vat20", "vat110", "vat120"], ["", "vat5", "VAT10"]),
    (f"{ITEM}.discountAmount", lambda n: _item(discount_amount=n), [None, 0, MAX_KOPECKS], [-1, MAX_KOPECKS + 1]),
    (f"{ITEM}.subTotalAmount", lambda n: _item(sub_total_amount=n), [None, 0, MAX_KOPECKS], [-1, MAX_KOPECKS + 1]),
    (f"{ITEM}.totalAmount", lambda n: Given(checkout=_totals(n)), [0, 1, MAX_KOPECKS], [True]),
    (f"{METHOD}.type", lambda text: _method(type=text), ["SBP", "DOLYAME"], ["", "sbp", "CARD"]),
    (f"{METHOD}.paymentPurpose", lambda n: _method(payment_purpose="п" * n), [1, 999], [0, 1000]),
    (f"{METHOD}.meta", lambda n: _method(meta={"a": "x" * n}), [0, 4096 - 8], [4096 - 7]),
    (
        f"{METHOD}.meta",
        lambda value: _method(meta={"a": value}),
        [[Decimal("0.1"), None, {}]],
        [0.1, "\ud800", {"$secret": "token"}, [{"$secret": 1}]],
    ),
]


def _totals(amount: Any) -> Checkout:
    one = replace(bill(replace(BAG, total_amount=amount)), total_amount=kopecks(int(amount)))
    return checkout(one)


def _cases(beyond: bool) -> list[Any]:
    """One case for each value, named by field and number: the names must be the same in every process."""
    rows = ((path, given, bad if beyond else good) for path, given, good, bad in LIMITS)
    return [
        pytest.param(path, given, value, id=f"{row}-{path}-{place}")
        for row, (path, given, values) in enumerate(rows)
        for place, value in enumerate(values)
    ]


@pytest.mark.parametrize(("path", "given", "value"), _cases(beyond=False))
def test_at_the_limit_it_is_accepted(path: str, given: Callable[[Any], Given], value: Any) -> None:
    """The last value inside a limit passes."""
    assert problems(given(value)) == [], path


@pytest.mark.parametrize(("path", "given", "value"), _cases(beyond=True))
def test_beyond_the_limit_it_is_refused(path: str, given: Callable[[Any], Given], value: Any) -> None:
    """The first value outside a limit is refused, and that field alone is named."""
    assert set(paths(given(value))) == {path}


def test_too_large_amounts_are_refused_on_both_levels() -> None:
    """Eleven digits are one too many, for a line and for the bill."""
    sold = bill(replace(BAG, total_amount=Kopecks(MAX_KOPECKS + 1)), replace(BAG, total_amount=Kopecks(-1)))
    assert paths(Given(checkout=checkout(replace(sold, total_amount=Kopecks(-2)), PaymentMethod("SBP")))) == [
        f"{INVOICE}.totalAmount",
        f"{INVOICE}.totalAmount",
        f"{ITEM}.totalAmount",
        "checkoutInvoice.items[1].totalAmount",
    ]


def test_a_bill_without_lines() -> None:
    """A bill has at least one line."""
    assert paths(_invoice(items=())) == [f"{INVOICE}.items"]


def test_an_unknown_store() -> None:
    """A store that is not configured cannot sell."""
    with pytest.raises(Unacceptable, match="storeId: is not a configured store"):
        koshelek().check(replace(SALE, store_id="other"), checkout(), SECRET_LENGTHS)


@pytest.mark.parametrize(("name", "expected"), [("cardSession", ["cardSession"]), ("loyaltyId", ["user.loyaltyId"]), ("token", [])])
def test_missing_secrets(name: str, expected: list[str]) -> None:
    """Session and loyalty number are demanded; the token may come from a helper later."""
    assert paths(Given(lengths={other: length for other, length in SECRET_LENGTHS.items() if other != name})) == expected


def test_ways_to_pay() -> None:
    """At least one way to pay, from the register or the store, each once."""
    nobody = Given(checkout=replace(checkout(), payment_methods=()), facts=StoreFacts(payment_methods=()))
    twice = Given(checkout=checkout(None, PaymentMethod("SBP", "a"), PaymentMethod("SBP", "b")))
    both = Given(checkout=checkout(None, PaymentMethod("SBP"), PaymentMethod("DOLYAME")))
    assert (paths(nobody), paths(twice), paths(both)) == (["paymentMethods"], ["paymentMethods"], [])


@pytest.mark.parametrize(
    ("switch", "path", "given"),
    [
        ("lines_make_total", f"{INVOICE}.totalAmount", _invoice(total_amount=kopecks(37_694))),
        ("invoice_discounts_add_up", f"{INVOICE}.totalAmount", _invoice(discount_amount=kopecks(5), sub_total_amount=kopecks(37_699))),
        ("line_discounts_add_up", f"{ITEM}.totalAmount", _item(discount_amount=kopecks(5), sub_total_amount=kopecks(706))),
    ],
)
def test_each_rule_of_arithmetic_can_be_switched_off(switch: str, path: str, given: Given) -> None:
    """A sum that does not add up is refused, and passes once that one rule is off."""
    assert paths(given) == [path]
    others = {name: False for name in ("lines_make_total", "invoice_discounts_add_up", "line_discounts_add_up") if name != switch}
    assert paths(replace(given, settings=KoshelekSettings(**others))) == [path]  # type: ignore[arg-type]  # names of switches
    assert paths(replace(given, settings=KoshelekSettings(**{switch: False}))) == []  # type: ignore[arg-type]  # likewise


def test_sums_that_add_up() -> None:
    """Discounts on both levels that agree with the totals pass."""
    item = replace(BAG, discount_amount=kopecks(5), sub_total_amount=kopecks(705))
    sold = replace(bill(item), discount_amount=kopecks(5), sub_total_amount=kopecks(705))
    assert paths(Given(checkout=checkout(sold))) == []


def test_taxes_and_measures_can_be_added() -> None:
    """A rate or a unit that the vendor adds later is a matter of configuration."""
    settings = KoshelekSettings(taxes=frozenset({"vat22"}), measures=frozenset({"SQUARE_METER"}))
    assert paths(replace(_item(tax="vat22", measure="SQUARE_METER"), settings=settings)) == []


def test_a_small_bill_is_the_providers_business() -> None:
    """A bill below the provider's least amount passes: only the provider knows that amount today."""
    assert paths(_item(total_amount=kopecks(1))) == []


def test_all_problems_are_told_at_once() -> None:
    """Several mistakes come back together, in the order of the checkout."""
    sold = replace(bill(replace(BAG, tax="?", quantity=0)), order_id="", currency="USD")
    given = Given(checkout=checkout(sold, PaymentMethod("CASH")), lengths={})
    assert paths(given) == [
        "cardSession",
        "user.loyaltyId",
        f"{INVOICE}.orderId",
        f"{INVOICE}.currency",
        f"{ITEM}.quantity",
        f"{ITEM}.tax",
        f"{METHOD}.type",
    ]


def test_the_number_of_problems_is_bounded() -> None:
    """A bill of wrong lines, and a list of endless ways to pay, end in a bounded list of problems."""
    assert len(problems(_lines(1000, replace(BAG, tax="?", measure="?")))) == MAX_PROBLEMS
    assert len(problems(Given(checkout=checkout(None, *[PaymentMethod("?")] * 100_000)))) == MAX_PROBLEMS


def test_the_size_of_the_whole_is_bounded() -> None:
    """Texts that are each allowed can be too much together: better refused than unsendable."""
    tight = KoshelekSettings(limits=Limits(body_bytes=2000))
    assert paths(replace(_lines(3), settings=tight)) == []
    assert paths(replace(_lines(30), settings=tight)) == [INVOICE]


def test_texts_of_problems_hold_no_contents() -> None:
    """What the register sent is not repeated in the error: it may be a card number in the wrong field."""
    item = replace(BAG, name="4276" * 300, article="4276" * 300, tax="4276", measure="4276")
    sold = replace(bill(item), order_id="4276" * 300, currency="4276")
    with pytest.raises(Unacceptable) as refused:
        koshelek().check(replace(SALE, terminal_id="4276" * 300), checkout(sold, PaymentMethod("4276", "4276" * 300)), {})
    assert "4276" not in str(refused.value)
