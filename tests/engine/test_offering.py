"""The search that stands in place of a create where we write the link: what its end means."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.core.verdict import Denied, Garbled, NotSent, Observed, Offered, Reply, Unclear
from agent.engine.offering import offered
from agent.providers.paycore import Create, PayCore, PayCoreSettings
from tests.core.book import Book

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SETTINGS = PayCoreSettings(test_mode=True, create=Create.HPP, public_key="pk_test_1")
SALE = Book().sale


def found(*references: str) -> Reply:
    """What a search brings: a payment under each reference."""
    told = {"status": "created", "test_mode": True, "amount": 450, "currency": "RUB"}
    data = [{"type": "payment-invoices", "id": f"cpi_{one}", "attributes": {**told, "reference_id": one}} for one in references]
    return Reply(200, json.dumps({"data": data}).encode())


def test_an_answered_search_that_finds_nothing_brings_the_link() -> None:
    """Written from the bill, the key and the time."""
    result = offered(PayCore(SETTINGS), SALE, "r1", found(), NOW)
    assert isinstance(result, Offered)
    assert result.link == PayCore(SETTINGS).compose(SALE.id, "r1", SALE.checkout, NOW)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [(NotSent("refused"), NotSent), (Unclear("timeout"), Unclear), (Reply(500, b""), Garbled), (Reply(401, b""), Denied)],
    ids=str,
)
def test_without_an_answer_there_is_no_link(outcome: NotSent | Unclear | Reply, kind: type) -> None:
    """Whatever the reason."""
    assert isinstance(offered(PayCore(SETTINGS), SALE, "r1", outcome, NOW), kind)


def test_what_was_made_before_is_taken_over() -> None:
    """The payment itself, and no second link."""
    result = offered(PayCore(SETTINGS), SALE, "r1", found("r1"), NOW)
    assert isinstance(result, Observed)
    assert (result.transaction_id, result.reference) == ("cpi_r1", "r1")


def test_a_reload_that_takes_our_links_away_ends_this_way() -> None:
    """Nothing was made, and nothing is offered any more."""
    private = PayCore(replace(SETTINGS, create=Create.PRIVATE))
    assert offered(private, SALE, "r1", found(), NOW) == Unclear("reconfigured")
