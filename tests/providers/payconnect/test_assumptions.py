"""What nobody has documented: in one place, configurable, and no ground for real money before it is confirmed."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from agent.core.capability import PAYCONNECT
from agent.core.model import Environment
from agent.providers.payconnect import NAMES, Assumptions, PayConnect, PayConnectSettings
from agent.providers.payconnect.settings import NotConfirmed
from agent.settings.payconnect import QUESTIONS, Assumed
from tests.providers.payconnect.shop import PLAIN, REAL


def test_real_money_waits_for_every_confirmation() -> None:
    """Each one alone is enough to refuse, and is named; test money may try them."""
    for name in NAMES:
        with pytest.raises(NotConfirmed, match=name) as refused:
            replace(REAL, confirmed=frozenset(NAMES) - {name})
        assert refused.value.names == (name,)
    with pytest.raises(NotConfirmed) as refused:
        PayConnectSettings(Environment.PRODUCTION)
    assert refused.value.names == NAMES
    assert PayConnect(REAL).capabilities == PayConnect(PLAIN).capabilities == PAYCONNECT


def test_the_configuration_knows_the_same_names() -> None:
    """What can be confirmed, what is asked of the provider, and what the code assumes."""
    assert get_args(Assumed) == tuple(QUESTIONS) == NAMES


def test_only_assumptions_can_be_confirmed() -> None:
    """A word that stands for nothing confirms nothing."""
    with pytest.raises(ValueError, match="everything"):
        replace(REAL, confirmed=frozenset({*NAMES, "everything"}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id_field": "a..b"}, "id_field"),
        ({"hook_id_field": ""}, "hook_id_field"),
        ({"read_path": "v1/{id}"}, "read_path"),
        ({"read_path": "/v1/x"}, "read_path"),
        ({"read_path": "/../{id}"}, "read_path"),
        ({"read_path": "/v1/{id}?x"}, "read_path"),
        ({"signature_hash": "md5"}, "signature_hash"),
        ({"signature_encoding": "hexadecimal"}, "signature_encoding"),
        ({"failed": frozenset({"pending"})}, "one meaning"),
        ({"failed": frozenset({""})}, "empty"),
        ({"succeeded": frozenset()}, "succeeded"),
    ],
)
def test_assumptions_that_cannot_be(changes: dict[str, Any], named: str) -> None:
    """Refused when they are made, by name."""
    with pytest.raises(ValueError, match=named):
        Assumptions(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"denied_statuses": frozenset({500})}, "denied_statuses"),
        ({"unclear_statuses": frozenset({200})}, "unclear_statuses"),
        ({"email": "nobody"}, "email"),
        ({"email": f"{'x' * 250}@b.ru"}, "email"),
        ({"wait_limit_ms": 0}, "wait_limit_ms"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], named: str) -> None:
    """Likewise."""
    with pytest.raises(ValueError, match=named):
        replace(PLAIN, **changes)


def test_a_link_that_is_not_secret_changes_what_is_owed() -> None:
    """The core must know: without it "not found" is not "not paid"."""
    assert not PayConnect(replace(PLAIN, assumptions=Assumptions(secret_link=False))).capabilities.secret_link
