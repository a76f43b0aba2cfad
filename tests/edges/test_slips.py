"""Goal: a slip that was handed out comes out the same for ever, on every printer (promise P4).

Method: whole slips are compared line by line with what stands here; any input keeps to the width and loses no character.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.edges import slips
from agent.texts import translator

RU, EN = translator("ru"), translator("en")

SBP = (
    ("brandName", "Ромашка"),
    ("legalName", "ООО «Ромашка и сыновья, торговля хлебом»"),
    ("environment", "test"),
    ("orderId", "S12-000345"),
    ("paymentTransactionId", "7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11"),
    ("paymentType", "SBP"),
    ("qrcId", "AD609DCF335EBF5A85DBDCB625EDD3EB"),
    ("kzo", "0E9D9BB4"),
    ("operationId", "A4EA062419EEAB23A053A"),
    ("totalAmount", "45005"),
    ("operationDateTime", "2026-01-31T18:09:41.872Z"),
)
DOLYAME = (
    ("brandName", "Ромашка"),
    ("orderId", "S12-000346"),
    ("paymentTransactionId", "tx-2"),
    ("paymentType", "DOLYAME"),
    ("totalAmount", "9999999999"),
    ("operationDateTime", "2026-01-31T23:59:59Z"),
)
REFUND = (
    ("brandName", "Ромашка"),
    ("orderId", "S12-000345"),
    ("refundTransactionId", "2f76e0d7-0f6f-4c8f-81cc-012e64422b4c"),
    ("paymentType", "SBP"),
    ("qrcId", "AD609DCF335EBF5A85DBDCB625EDD3EB"),
    ("kzo", "0E9D9BB4"),
    ("refundAmount", "100"),
    ("operationDateTime", "2026-02-01T00:00:00Z"),
)

SBP_32 = """\
            Ромашка
ООО «Ромашка и сыновья, торговля
            хлебом»
** ТЕСТ, НЕ НАСТОЯЩИЕ ДЕНЬГИ ***
Заказ                 S12-000345
Платёж
7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a
                            1c11
Способ оплаты                СБП
ID в СБП
AD609DCF335EBF5A85DBDCB625EDD3EB
КЗО                     0E9D9BB4
Операция банка
           A4EA062419EEAB23A053A
ОПЛАЧЕНО                  450.05
Время (UTC)  31.01.2026 18:09:41"""
SBP_42 = """\
                 Ромашка
 ООО «Ромашка и сыновья, торговля хлебом»
******* ТЕСТ, НЕ НАСТОЯЩИЕ ДЕНЬГИ ********
Заказ                           S12-000345
Платёж
      7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11
Способ оплаты                          СБП
ID в СБП  AD609DCF335EBF5A85DBDCB625EDD3EB
КЗО                               0E9D9BB4
Операция банка       A4EA062419EEAB23A053A
ОПЛАЧЕНО                            450.05
Время (UTC)            31.01.2026 18:09:41"""
SBP_48 = """\
                    Ромашка
    ООО «Ромашка и сыновья, торговля хлебом»
********** ТЕСТ, НЕ НАСТОЯЩИЕ ДЕНЬГИ ***********
Заказ                                 S12-000345
Платёж      7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11
Способ оплаты                                СБП
ID в СБП        AD609DCF335EBF5A85DBDCB625EDD3EB
КЗО                                     0E9D9BB4
Операция банка             A4EA062419EEAB23A053A
ОПЛАЧЕНО                                  450.05
Время (UTC)                  31.01.2026 18:09:41"""
DOLYAME_32 = """\
            Ромашка
Заказ                 S12-000346
Платёж                      tx-2
Способ оплаты             Долями
ОПЛАЧЕНО             99999999.99
Время (UTC)  31.01.2026 23:59:59"""
REFUND_32 = """\
            Ромашка
Заказ                 S12-000345
Возврат
2f76e0d7-0f6f-4c8f-81cc-012e6442
                            2b4c
Способ оплаты                СБП
ID в СБП
AD609DCF335EBF5A85DBDCB625EDD3EB
КЗО                     0E9D9BB4
ВОЗВРАЩЕНО                  1.00
Время (UTC)  01.02.2026 00:00:00"""
REFUND_48_EN = """\
                    Ромашка
Order                                 S12-000345
Refund      2f76e0d7-0f6f-4c8f-81cc-012e64422b4c
Paid by                                      SBP
SBP id          AD609DCF335EBF5A85DBDCB625EDD3EB
SBP control value                       0E9D9BB4
AMOUNT RETURNED                             1.00
Time (UTC)                   01.02.2026 00:00:00"""


@pytest.mark.parametrize(
    ("rows", "width", "language", "golden"),
    [
        (SBP, 32, "ru", SBP_32),
        (SBP, 42, "ru", SBP_42),
        (SBP, 48, "ru", SBP_48),
        (DOLYAME, 32, "ru", DOLYAME_32),
        (REFUND, 32, "ru", REFUND_32),
        (REFUND, 48, "en", REFUND_48_EN),
    ],
)
def test_golden(rows: tuple[tuple[str, str], ...], width: int, language: str, golden: str) -> None:
    """The slip is, character by character, what is printed here."""
    assert slips.texts(rows, translator(language))[str(width)] == golden


def test_every_width_and_nothing_without_rows() -> None:
    """The POS finds each printer's slip by its columns; a sale without a slip has none."""
    assert list(slips.texts(SBP, RU)) == ["32", "42", "48"]
    assert slips.texts((), RU) == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-01-31T18:09:41.872Z", "31.01.2026 18:09:41"),
        ("2026-01-31T21:09:41+03:00", "31.01.2026 18:09:41"),
        ("2026-01-31T18:09:41", "2026-01-31T18:09:41"),  # no zone: ours would be a guess
        ("yesterday", "yesterday"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),  # a moment before the first year
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_the_time_is_shown_in_utc_or_as_it_came(value: str, shown: str) -> None:
    """What cannot be read as a moment is not guessed, and never stands in the way of a paid answer."""
    assert shown in "".join(slips.lines((("operationDateTime", value),), 48, EN))


def test_unknown_labels_and_words_are_shown_as_they_are() -> None:
    """A payment type or a row that a later version adds is printed, not hidden."""
    assert slips.lines((("paymentType", "CRYPTO"), ("novelty", "x")), 20, EN) == ["Paid by       CRYPTO", "novelty            x"]


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x4FF, exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=150)
WORDS = st.lists(TEXT.filter(bool), min_size=1, max_size=8).map(" ".join)
LABELS = st.sampled_from(["brandName", "legalName", "orderId", "paymentTransactionId", "qrcId", "kzo", "paymentType", "operationDateTime"])


@settings(max_examples=100, deadline=None)
@given(label=LABELS, value=WORDS, width=st.sampled_from(slips.WIDTHS))
def test_any_value_keeps_to_the_width_and_is_whole(label: str, value: str, width: int) -> None:
    """No line is longer than the printer's, and no character of the value is lost."""
    found = slips.lines(((label, value),), width, EN)
    assert all(len(line) <= width for line in found)
    shown = slips._shown(label, value, EN)
    squeezed = re.sub(r"\s", "", "".join(found))
    assert squeezed.endswith(re.sub(r"\s", "", shown))


def test_the_slip_of_a_payment_link() -> None:
    """No lines of SBP; a code of a means of payment in words, a masked card as it is; a time without a zone is not called UTC."""
    rows = (("orderId", "S12-000347"), ("paymentType", "CreditCard"), ("totalAmount", "100"), ("operationDateTime", "2026-01-31 18:09:41"))
    assert slips.lines(rows, 32, RU) == [
        "Заказ                 S12-000347",
        "Способ оплаты   Банковская карта",
        "ОПЛАЧЕНО                    1.00",
        "Время        2026-01-31 18:09:41",
    ]
    assert slips.lines((("paymentType", "411111******1111"),), 32, RU) == ["Способ оплаты   411111******1111"]
    assert slips.lines((("operationDateTime", "2026-01-31T21:09:41+03:00"),), 32, EN) == ["Time (UTC)   31.01.2026 18:09:41"]
