"""Goal: every number of the configuration arrives in the machines, in milliseconds and in its own place. Method: all of them differ."""

from collections.abc import Callable
from pathlib import Path

from agent.assembly import koshelek
from agent.core.model import Invoice, SaleId
from agent.core.money import Kopecks
from agent.core.policy import BackOff, Offline, Policy, Unclaimed
from agent.settings import load, policy_of

PROVIDER = """
first_read_ms = 301
poll_interval_ms = 302
poll_cap_s = 16
wait_limit_s = 29
unanswered_attempts = 4
window_after_deadline_s = 61
window_after_reachable_s = 62
window_limit_s = 599
slip_wait_s = 6
availability_limit_ms = 3002
refund_blind_repeat_s = 598
refund_slow_h = 167
unclaimed_s = 121
unconfirmed_s = 3601
key_reuse_h = 25
rereads_s = [61, 62]
slip_store_mismatch_is_attention = true
checkout_backoff_base_ms = 501
checkout_backoff_cap_ms = 5001
settle_backoff_base_ms = 1001
settle_backoff_cap_ms = 30001
connect_limit_ms = 3001
answer_limit_ms = 6502
"""
TERMINAL = """
offline = "refuse"
send_deadline_s = 31
unclaimed = "return"
"""


def test_every_number_arrives_in_its_place(example: str, write: Callable[[str], Path]) -> None:
    """A changed setting changes its own field of the policy and no other; the smallest allowed answer limit is allowed."""
    text = example.replace('login = "acme-till"', f'login = "acme-till"{PROVIDER}')
    text = text.replace('terminal_id = "till-1"', f'terminal_id = "till-1"{TERMINAL}')
    settings = load(write(text))
    assert policy_of(settings, settings.terminal[0], "koshelek") == Policy(
        send_deadline_ms=31_000,
        offline=Offline.REFUSE,
        unclaimed=Unclaimed.RETURN,
        first_read_ms=301,
        read_interval_ms=302,
        read_cap_ms=16_000,
        wait_limit_ms=29_000,
        unanswered_attempts=4,
        window_after_deadline_ms=61_000,
        window_after_reachable_ms=62_000,
        window_limit_ms=599_000,
        slip_wait_ms=6_000,
        availability_limit_ms=3_002,
        blind_repeat_ms=598_000,
        refund_slow_ms=167 * 3_600_000,
        unclaimed_ms=121_000,
        rereads_ms=(61_000, 62_000),
        key_reuse_ms=25 * 3_600_000,
        unconfirmed_ms=3_601_000,
        store_mismatch_is_attention=True,
        checkout_backoff=BackOff(501, 5_001),
        settle_backoff=BackOff(1_001, 30_001),
    )


def test_the_spelling_of_the_card_session_reaches_the_request(example: str, write: Callable[[str], Path]) -> None:
    """The vendor's own unless configured."""
    invoice = Invoice("1", Kopecks(1), ())
    for line, name in (("", "cardsession"), ('availability_card_session_name = "cardSession"', "cardSession")):
        settings = load(write(example.replace('login = "acme-till"', f'login = "acme-till"\n{line}')))
        body = koshelek.provider_of(settings).ask_availability(SaleId("shop-1", "till-1", "K1"), "id", invoice, frozenset()).body
        assert {"cardsession", "cardSession"} & body.keys() == {name}
