"""Checkouts within the limits, as Hypothesis draws them."""

from dataclasses import replace
from datetime import UTC
from decimal import Decimal

from hypothesis import strategies as st

from agent.core.model import Checkout, Invoice, Item, PaymentMethod, RefundLine, SaleId
from agent.core.money import Kopecks, kopecks
from agent.core.receipt import FiscalReceipt, ReceiptType
from agent.providers.koshelek.settings import MEASURES, PAYMENT_TYPES, TAXATIONS, TAXES

_TEXT = st.characters(exclude_categories=["Cs"])
_PRINTABLE = st.characters(exclude_categories=["Cs"]).filter(str.isprintable)
_MAX_LINE = 9_999_999  # so that a hundred lines still make an amount of ten digits

names = st.text(_TEXT, min_size=1, max_size=40)
sales = st.builds(SaleId, st.uuids().map(str), st.text(_PRINTABLE, min_size=1, max_size=256), st.just("key"))
prices = st.decimals(min_value=0, max_value=9_999_999, places=4, allow_nan=False, allow_infinity=False)
meta_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.decimals(-1000, 1000, places=2) | st.text(_TEXT, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(_TEXT, max_size=6), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def items(draw: st.DrawFn) -> Item:
    total = kopecks(draw(st.integers(0, _MAX_LINE)))
    item = Item(
        name=draw(names),
        article=draw(st.text(_TEXT, max_size=20)),
        price=Decimal(draw(prices)),
        quantity=draw(st.integers(1, 99_999)),
        total_amount=total,
        tax=draw(st.sampled_from(sorted(TAXES))),
        measure=draw(st.sampled_from(sorted(MEASURES))),
    )
    if draw(st.booleans()):
        discount = draw(st.integers(0, 10_000))
        item = replace(item, discount_amount=kopecks(discount), sub_total_amount=kopecks(total + discount))
    return item


@st.composite
def checkouts(draw: st.DrawFn) -> Checkout:
    # A short list of different goods, some of them scanned more than once: equal lines are everyday business.
    goods = draw(st.lists(items(), min_size=1, max_size=4))
    lines = tuple(draw(st.lists(st.sampled_from(goods), min_size=1, max_size=8)))
    invoice = Invoice(draw(st.text(_PRINTABLE, min_size=1, max_size=36)), kopecks(sum(line.total_amount for line in lines)), lines)
    if draw(st.booleans()):
        discount = draw(st.integers(0, 10_000))
        invoice = replace(invoice, discount_amount=kopecks(discount), sub_total_amount=kopecks(invoice.total_amount + discount))
    types = draw(st.lists(st.sampled_from(sorted(PAYMENT_TYPES)), min_size=1, max_size=2, unique=True))
    methods = tuple(
        PaymentMethod(kind, draw(st.none() | names), draw(st.none() | st.dictionaries(st.text(_TEXT, max_size=6), meta_values, max_size=3)))
        for kind in types
    )
    return Checkout(invoice, methods, "digest")


@st.composite
def refunds(draw: st.DrawFn, checkout: Checkout) -> list[RefundLine]:
    """Some of the lines, each in part or in full."""
    chosen = draw(st.lists(st.sampled_from(range(len(checkout.invoice.items))), min_size=1, unique=True))
    lines = []
    for place in chosen:
        item = checkout.invoice.items[place]
        quantity = draw(st.integers(1, item.quantity))
        lines.append(RefundLine(place, quantity, Kopecks(item.total_amount * quantity // item.quantity)))
    return lines


_ODD_NAMES = st.text(_PRINTABLE, min_size=1, max_size=32)
_SOME_KOPECKS = st.none() | st.integers(0, 9_999_999_999).map(kopecks)


@st.composite
def receipts(draw: st.DrawFn) -> FiscalReceipt:
    """Fiscal receipts of any kind; their sums need not add up."""
    sold = draw(checkouts()).invoice
    return FiscalReceipt(
        order_id=sold.order_id,
        receipt_id=draw(_ODD_NAMES),
        merchant_name=draw(names),
        merchant_address=draw(names),
        inn=draw(st.from_regex("[0-9]{10}([0-9]{2})?", fullmatch=True, alphabet=st.characters(codec="ascii"))),
        date_time=draw(st.datetimes(timezones=st.just(UTC))).replace(microsecond=0).isoformat(),
        shift=draw(_ODD_NAMES),
        cashier=draw(names),
        receipt_type=draw(st.sampled_from(ReceiptType)),
        total_amount=sold.total_amount,
        items=sold.items,
        discount_amount=draw(_SOME_KOPECKS),
        sub_total_amount=draw(_SOME_KOPECKS),
        tax_amount=draw(_SOME_KOPECKS),
        taxation=draw(st.none() | st.sampled_from(sorted(TAXATIONS))),
        kkt_reg_number=draw(st.none() | _ODD_NAMES),
        fn_number=draw(st.none() | _ODD_NAMES),
        fd_number=draw(st.none() | _ODD_NAMES),
        fpd=draw(st.none() | _ODD_NAMES),
        website=draw(st.none() | _ODD_NAMES),
        qr=draw(st.none() | names),
        meta=draw(st.none() | st.dictionaries(st.text(_TEXT, max_size=6), meta_values, max_size=3)),
    )
