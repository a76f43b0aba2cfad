"""Goal: every text for people exists in Russian, and none is left over. Method: the source is read as a tree, the catalogue as entries."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest

from agent import reasons, remedies, texts
from agent.texts import Message, message, translator

AGENT = Path(texts.__file__).parent
CATALOGUE = polib.pofile(str(AGENT / "locale" / "ru.po"))


def marked_texts() -> Iterator[tuple[str, str]]:
    """(msgid, where) of every ``_("...")`` and ``N_("...")`` in agent/."""
    for path in sorted(AGENT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"_", "N_"} and node.args:
                argument = node.args[0]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value, f"{path.relative_to(AGENT)}:{node.lineno}"


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_marked_text_has_a_russian_entry() -> None:
    """A text that a developer marks but nobody translates is named with its place."""
    translated = {entry.msgid for entry in CATALOGUE.translated_entries()}
    missing = {msgid: where for msgid, where in marked_texts() if msgid not in translated}
    assert not missing, "\n".join(f"{where}: {msgid}" for msgid, where in missing.items())


def test_no_entry_is_unused_or_fuzzy() -> None:
    """An entry whose text is gone from the code is found, and so is one marked as doubtful."""
    used = {msgid for msgid, _ in marked_texts()}
    assert [entry.msgid for entry in CATALOGUE if entry.msgid not in used] == []
    assert [entry.msgid for entry in CATALOGUE if entry.fuzzy or entry.obsolete] == []


def test_translations_keep_the_values() -> None:
    """A translation shows the same values as the English text; with another name it would fail in front of a cashier."""
    assert [entry.msgid for entry in CATALOGUE if fields(entry.msgstr) != fields(entry.msgid)] == []


def test_translator_translates_and_falls_back_to_english() -> None:
    """Russian comes from the catalogue; English and unknown languages show the msgid."""
    text = reasons.OWN["CANCELED_BY_CASHIER"]
    assert translator("ru")(text) == "Касса запросила отмену платежа."
    assert translator("en")(text) == translator("tlh")(text) == text
    assert translator("ru")("not in the catalogue") == "not in the catalogue"
    assert translator("ru") is translator("ru")


def test_a_catalogue_that_is_missing_leaves_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the catalogue speaks English instead of failing."""
    monkeypatch.setattr(texts, "CATALOGUES", tmp_path)
    translator.cache_clear()
    try:
        assert translator("ru")("text") == "text"
    finally:
        translator.cache_clear()


def test_message_holds_values_and_other_messages() -> None:
    """Values are put in after translating, braces in them included, and a message inside a message is translated too."""
    inner = message("a whole number")
    outer = message("Right is: {right}.", right=inner)
    assert str(outer) == "Right is: a whole number."
    assert outer.text(translator("ru")) == "Правильно: целое число."
    assert str(message("{value}", value="{braces}")) == "{braces}"
    assert Message("x") == message("x")


VENDOR_CODES = [
    "UNKNOWN_SESSION_ID",
    "UNKNOWN_TRANSACTION_ID",
    "UNKNOWN_PARTNER_ID",
    "WRONG_TRANSACTION_STATE_CHANGE",
    "PAYMENT_TRANSACTION_IS_NOT_PAID",
    "CANCEL_REFUNDING_BY_BANK",
    "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS",
    "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED",
    "TRANSACTION_IN_PROCESSING",
    "NOT_ENOUGH_LIMIT_TO_PAY",
    "TOTAL_AMOUNT_IS_TOO_SMALL",
    "SUBSCRIPTION_IS_NOT_FOUND",
    "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER",
    "PAYMENT_ORDER_IS_NOT_FOUND",
    "EXTERNAL_PROVIDER_ERROR",
    "TERMINAL_STATE_OF_PAYMENT_TRANSACTION",
    "PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY",
    "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE",
    "UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER",
]
WIRE_CODES = ["CONFLICT", "KEY_REUSED", "ORDER_IN_DOUBT", "ORDER_PAID", "OFFLINE", "DISK_FULL", "BUSY", "LIMIT"]
WIRE_CODES += ["INVALID", "FORBIDDEN", "NOT_FOUND", "NOT_REFUNDABLE"]


@pytest.mark.parametrize("code", [*VENDOR_CODES, *WIRE_CODES, *reasons.OWN])
def test_every_reason_is_explained_in_russian(code: str) -> None:
    """Each code a cashier can meet has a Russian text of two lines at most, that ends as a sentence."""
    text = reasons.explain(code, translator("ru"))
    assert code not in text
    assert text.endswith(".")
    assert len(text) <= 200


CODE = re.compile(r"[A-Z]{3,}|[A-Z]+(_[A-Z]+)+")
NO_CODES = {"GET", "POST", "RUB", "PIECE", "SBP", "BCDFGHJKLMNPQRSTVWXZ"}
"""What core and engine write in capitals and never give as a reason: methods, a currency, a measure, a means of payment, letters."""


def unexplained(source: str) -> Iterator[tuple[int, str]]:
    """(line, code) of every text that looks like a code and has no words for the cashier."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(text := node.value, str) and CODE.fullmatch(text):
            yield from [(node.lineno, text)] if text not in reasons.REASONS and text not in NO_CODES else []


def test_every_code_the_machines_use_is_explained() -> None:
    """A code in core or engine without a text for the cashier is found, with its place."""
    sources = [path for part in ("core", "engine") for path in sorted((AGENT / part).rglob("*.py"))]
    found = [f"{path.relative_to(AGENT)}:{line} {code}" for path in sources for line, code in unexplained(path.read_text())]
    assert found == []
    assert not NO_CODES & reasons.REASONS.keys()


@pytest.mark.parametrize("code", ["OVERHEATED", "TOO_WARM"])
@pytest.mark.parametrize("source", ["alarm(sale, '{}')", "attention(sale, '{}')", "events.AlarmRaised('{}')", "WARM = '{}'"])
def test_a_code_without_a_text_is_noticed(source: str, code: str) -> None:
    """The control: of one word or of more, given at once or by a name; one that has a text is let through."""
    assert list(unexplained(source.format(code))) == [(1, code)]
    assert list(unexplained(source.format("REBOOTED"))) == []


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    """A code nobody knows is shown, not guessed."""
    assert "BRAND_NEW" in reasons.explain("BRAND_NEW", translator("ru"))


@pytest.mark.parametrize(
    "code", ["NO_ANSWER", "WINDOW_CLOSED", "UNKNOWN_SESSION_ID", "REBOOTED", "OFFLINE", "WAIT_LIMIT", "UNKNOWN_STATUS"]
)
def test_where_the_result_may_be_open_nobody_is_sent_to_pay_again(code: str) -> None:
    """Beside a payment that may have been charged no text offers another means of payment."""
    assert "another means" not in reasons.REASONS[code]


def test_whoever_reads_that_the_settings_are_wrong_is_told_which() -> None:
    """Each reason that blames the till's settings has a remedy, which names the table of the payment system, in both languages."""
    blamed = [code for code, text in reasons.REASONS.items() if "settings are wrong" in text]
    assert "UNKNOWN_PARTNER_ID" in blamed
    for code in blamed:
        found = remedies.remedy(code, "koshelek")
        assert found is not None, code
        english, russian = (found.text(translator(language)) for language in ("en", "ru"))
        assert "[provider.koshelek]" in english
        assert "[provider.koshelek]" in russian
        assert english != russian
    assert remedies.remedy("NOT_ENOUGH_LIMIT_TO_PAY", "koshelek") is None
