"""What a cashier is told of Softline's codes: every documented one has a text, and the document says the same."""

import re
from pathlib import Path

import pytest

from agent import reasons
from agent.providers.softline.codes import CODE_PREFIX, CREATE_REFUSALS, LINK_OTHER_SIDE, LINK_UNUSABLE, TERMINATED_CODE
from agent.texts import translator

ROOT = Path(__file__).parents[3]
CODES = [*(CODE_PREFIX + code for code in CREATE_REFUSALS), "SOFTLINE_HTTP_400", TERMINATED_CODE, LINK_OTHER_SIDE, LINK_UNUSABLE]


def test_every_code_has_a_text() -> None:
    """None without, none too many."""
    assert set(CODES) == set(reasons.SOFTLINE)


@pytest.mark.parametrize("code", CODES)
def test_the_text_is_in_russian_and_sends_nobody_to_pay_again(code: str) -> None:
    """A code may stand beside a payment of which an earlier copy is not settled: no text tells to take the money another way at once."""
    assert re.search("[а-я]", reasons.explain(code, translator("ru")))
    assert "another means" not in reasons.REASONS[code]


def test_the_document_lists_the_same() -> None:
    """The table of the register's programmers."""
    table = (ROOT / "docs" / "pos-errors.md").read_text().split("<!-- reasons: softline -->")[1].split("\n\n")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")][1:]
    told = {code: text.strip() for codes, text in rows for code in re.findall(r"`([A-Z0-9_]+)`", codes)}
    assert told == reasons.SOFTLINE
