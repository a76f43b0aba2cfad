"""What each payment system can do, and how a provider refuses a checkout: the core owes by capability, never by name."""

from dataclasses import fields

import pytest

from agent.core.capability import KOSHELEK, TABLE, Approval, Capabilities, Refunds
from agent.core.contract import Unacceptable
from agent.core.policy import Policy

DAY_MS = 86_400_000


def test_koshelek_is_what_the_rules_say() -> None:
    """Rule 4 and 5 in numbers: 30 s from the answer, a cancel, looks at 1, 10, 60 minutes and 24 hours."""
    assert (KOSHELEK.approval, KOSHELEK.wait_limit_ms, KOSHELEK.cancel, KOSHELEK.refunds) == (Approval.APP, 30_000, True, Refunds.CALL)
    assert KOSHELEK.rereads_ms == Policy().rereads_ms == (60_000, 600_000, 3_600_000, DAY_MS)
    assert not KOSHELEK.assumed


@pytest.mark.parametrize("name", TABLE)
def test_what_is_assumed_is_a_capability(name: str) -> None:
    """An assumption names a field of the table, and looks are planned in their order."""
    caps = TABLE[name]
    assert caps.assumed <= {field.name for field in fields(Capabilities)}
    assert list(caps.rereads_ms) == sorted(caps.rereads_ms)
    assert caps.rereads_ms


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"koshelek"}))
def test_links_wait_longer_and_have_no_cancel(name: str) -> None:
    """Rule 4: 180 s from showing the link, which can only be withdrawn."""
    caps = TABLE[name]
    assert (caps.approval, caps.wait_limit_ms, caps.cancel) == (Approval.LINK, 180_000, False)


def test_only_koshelek_takes_fiscal_receipts() -> None:
    """No other payment system documents such a call; of PayConnect that is an assumption."""
    assert {name for name, caps in TABLE.items() if caps.receipts} == {"koshelek"}
    assert "receipts" in TABLE["payconnect"].assumed


def test_the_default_policy_is_the_designs() -> None:
    """Rules 3 to 8 in numbers, in milliseconds."""
    policy = Policy()
    assert (policy.send_deadline_ms, policy.wait_limit_ms, policy.unanswered_attempts, policy.slip_wait_ms) == (30_000, 30_000, 3, 5_000)
    assert (policy.window_after_deadline_ms, policy.window_after_reachable_ms, policy.window_limit_ms) == (60_000, 60_000, 600_000)
    assert (policy.unclaimed_ms, policy.blind_repeat_ms, policy.key_reuse_ms, policy.unconfirmed_ms) == (
        120_000,
        600_000,
        DAY_MS,
        3_600_000,
    )
    assert policy.settle_backoff.cap_ms <= 60_000, "promise P2: within 60 s of the network's return"


def test_a_refused_checkout_names_everything_that_is_wrong() -> None:
    """A POS programmer mends a checkout in one go."""
    error = Unacceptable("items[0].tax", "no such tax", ("orderId", "too long"))
    assert (error.path, error.problem) == ("items[0].tax", "no such tax")
    assert error.problems == (("items[0].tax", "no such tax"), ("orderId", "too long"))
    assert str(error) == "items[0].tax: no such tax; orderId: too long"
