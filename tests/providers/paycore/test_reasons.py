"""What a cashier is told of PayCore's resolutions: every published one has a text, and the document says the same."""

import re
from pathlib import Path

import pytest

from agent import reasons
from agent.texts import translator
from tests.providers.paycore.answers import read

ROOT = Path(__file__).parents[3]
PUBLISHED = re.findall(
    r"[a-z0-9_]+",
    """
access_denied error provider_error unknown duplicated_transaction auth_fatal_error unable_to_determine_3ds_enrolment card_is_3ds_enrolled
card_is_not_3ds_enrolled issuer_decline client_auth_failed provider_fatal_error invalid_details invalid_pin antifraud_error invalid_card
fatal_error unable_to_reconcile invalid_amount limit_violation functionality_is_not_permitted invalid_request lost_or_stolen_card declined
invalid_otp invalid_3ds_code invalid_card_status insufficient_funds card_expired invalid_cvv invalid_pan invalid_credentials
general_fatal_error card_verification_failed
""",
)


@pytest.mark.parametrize("resolution", PUBLISHED)
def test_every_published_resolution_has_a_text(resolution: str) -> None:
    """In Russian as well, and without the code in it."""
    code = read("process_failed", resolution=resolution).error_code
    assert code in reasons.REASONS
    assert re.search("[а-я]", reasons.explain(code, translator("ru")))


def test_a_new_resolution_is_shown_as_it_is() -> None:
    """Nothing is guessed."""
    code = read("process_failed", resolution="brand_new").error_code
    assert code is not None
    assert "BRAND_NEW" in reasons.explain(code, translator("en"))


def test_the_document_lists_the_same() -> None:
    """The table of the register's programmers."""
    table = (ROOT / "docs" / "pos-errors.md").read_text().split("<!-- reasons: paycore -->")[1].split("\n\n")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")][1:]
    told = {code: text.strip() for codes, text in rows for code in re.findall(r"`([A-Z0-9_]+)`", codes)}
    assert told == reasons.PAYCORE
